/**
 * The one helper that every activity runs in: it heartbeats, counts requests over all attempts, hands out the signal
 * that cancels I/O, and turns errors into failures with a stable type.
 */
import { ApplicationFailure, CancelledFailure, Context } from '@temporalio/activity';
import type { Info } from '@temporalio/activity';
import { ApplicationFailureCategory } from '@temporalio/common';
import type { ApplicationFailureOptions } from '@temporalio/common';
import type { CallContext } from '../salesforce/context.js';
import { retiringVersion } from '../salesforce/deprecation.js';
import { NightloadError } from '../errors.js';
import type { PlatformDetail } from '../contract.js';
import { detailOf } from '../salesforce/detail.js';
import { SalesforceError } from '../salesforce/errors.js';
import { missingFile } from '../storage/files.js';
import { withDetail } from './details.js';
import type { Counted, Doubt, FailureDetails, RequestTally, StepMemory } from './types.js';

/** Well inside the heartbeat timeout of 8 s, so that one late beat does not cost an attempt. */
const HEARTBEAT_INTERVAL = 2_000;

/**
 * Bounds of a wait that the platform asks for. Temporal ends a step at once when the wait reaches beyond its last moment
 * (clean-up has 15 minutes in all), and also when it is 0.
 */
const SHORTEST_WAIT = 1_000;
const LONGEST_WAIT = 120_000;
/** An allocation of 24 hours that is used up comes back slowly: asking often would only use up more. */
const FIRST_ALLOCATION_WAIT = 15_000;
const LONGEST_ALLOCATION_WAIT = 600_000;
const USED_UP: readonly string[] = ['REQUEST_LIMIT_EXCEEDED', 'EXCEEDED_QUOTA', 'LIMIT_EXCEEDED'];

/** Answers that say "not now": part of a normal night, so they are no errors in logs and metrics. */
const NOT_NOW_CODES: readonly string[] = [...USED_UP, 'CONCURRENT_LIMIT', 'UNABLE_TO_LOCK_ROW', 'SERVER_UNAVAILABLE'];
const NOT_NOW_STATUS: readonly (number | undefined)[] = [429, 503];

/**
 * What nobody foresaw may be a passing fault of this machine, so it is tried again, but not for as long as an outage:
 * a mistake in the code stays one.
 */
const UNFORESEEN_MS = 1_800_000;
const MISTAKE_MS = 60_000;

/** A step that begins so much later than it was asked for has met an outage, or a restore of what asked for it. */
const LATE_MS = 120_000;

export interface Step {
  signal: AbortSignal;
  requests: RequestTally;
  /** From 1. */
  attempt: number;
  /** When the first attempt was asked for, in milliseconds. */
  scheduledAt: number;
  /** This attempt began long after that. */
  late: boolean;
  /** What every Salesforce call of this step gets. */
  call: CallContext;
  /** What the org's replies announced, for the result. */
  warnings: Set<string>;
  /** Shown by the next heartbeat: bytes moved so far. */
  bytes: number;
  /** Of so many, where that is known. */
  bytesTotal?: number;
  /** What the next attempt, or the workflow when there is none, must know of this one even if it is killed. */
  memory?: StepMemory;
  /**
   * Whether a refusal is final: not what passes, and not what the platform has said only once. One that is not believed
   * is thrown on, so that the step is tried again.
   */
  believes: (error: SalesforceError) => boolean;
}

/** What heartbeats tell. */
export interface Beat {
  requests: RequestTally;
  bytes: number;
  bytesTotal?: number;
  memory?: StepMemory;
  doubt?: Doubt;
}

/** For a pass over a file whose reader does not say how far it is: heartbeats show that it moves. */
export async function* countingBytes(
  chunks: AsyncIterable<Uint8Array>,
  step: Pick<Step, 'bytes'>,
): AsyncGenerator<Uint8Array> {
  step.bytes = 0;
  for await (const chunk of chunks) {
    step.bytes += chunk.length;
    yield chunk;
  }
}

async function inStep<T>(body: (step: Step) => Promise<T>): Promise<Counted<T>> {
  const context = Context.current();
  // An earlier attempt's requests were made all the same.
  const before = context.info.heartbeatDetails as Beat | undefined;
  const requests: RequestTally = { total: before?.requests.total ?? 0, info: before?.requests.info ?? 0 };
  const signal = context.cancellationSignal;
  const warnings = new Set<string>();
  let doubt = before?.doubt;
  const believes = (error: SalesforceError): boolean => {
    if (error.retryable) return false;
    // The server's clock: attempts may be those of several workers.
    const now = context.info.currentAttemptScheduledTimestampMs;
    if (doubt?.code !== error.code) doubt = { code: error.code, since: now };
    return now - doubt.since >= error.believedAfterMs;
  };
  const step: Step = {
    signal,
    requests,
    attempt: context.info.attempt,
    scheduledAt: context.info.scheduledTimestampMs,
    late: Date.now() - context.info.scheduledTimestampMs > LATE_MS,
    call: {
      signal,
      onRequest: (kind) => {
        requests.total++;
        if (kind === 'info') requests.info++;
        beat();
      },
      onDeprecation: (deprecation) => void warnings.add(retiringVersion(deprecation)),
    },
    warnings,
    bytes: 0,
    believes,
    ...(before?.memory && { memory: before.memory }),
  };
  const beat = (): void => {
    const { bytes, bytesTotal, memory } = step;
    context.heartbeat({
      requests,
      bytes,
      ...(bytesTotal !== undefined && { bytesTotal }),
      ...(memory && { memory }),
      ...(doubt && { doubt }),
    } satisfies Beat);
  };
  const timer = setInterval(beat, HEARTBEAT_INTERVAL);
  try {
    const value = await body(step);
    return {
      value,
      requests,
      ...(warnings.size > 0 && { warnings: [...warnings] }),
      ...(step.late && { late: true }),
    };
  } catch (error) {
    // Streams and undici report an abort in their own ways; its reason is what counts.
    const failed: unknown = signal.aborted ? signal.reason : (missingFile(error) ?? error);
    const unforeseen = unforeseenCode(failed);
    if (unforeseen !== undefined && doubt?.code !== unforeseen) {
      doubt = { code: unforeseen, since: context.info.currentAttemptScheduledTimestampMs };
    }
    const isFinal =
      unforeseen !== undefined
        ? repeatedFor(doubt, context.info) >= limitOf(failed)
        : error instanceof SalesforceError
          ? believes(error)
          : error instanceof NightloadError && !error.retryable;
    // Anything else that happened in between ends the repetition.
    if (unforeseen === undefined && (!(error instanceof SalesforceError) || error.code !== doubt?.code))
      doubt = undefined;
    beat();
    const { memory } = step;
    throw toFailure(failed, { requests, ...(memory && { memory }) }, context.info, isFinal);
  } finally {
    clearInterval(timer);
  }
}

/** An activity without requests to Salesforce. */
export function step<I, O>(body: (input: I, step: Step) => Promise<O>): (input: I) => Promise<O> {
  return async (input) => (await inStep((current) => body(input, current))).value;
}

/** An activity that calls Salesforce: its result carries the requests it took, failed attempts included. */
export function countedStep<I, O>(body: (input: I, step: Step) => Promise<O>): (input: I) => Promise<Counted<O>> {
  return (input) => inStep((current) => body(input, current));
}

/** What only errors of Salesforce have to say. */
function fromSalesforce(error: SalesforceError, known: FailureDetails, info: Info): Partial<ApplicationFailureOptions> {
  const { code, httpStatus, maybeApplied, retryable, believedAfterMs } = error;
  const notNow = retryable && (NOT_NOW_CODES.includes(code) || NOT_NOW_STATUS.includes(httpStatus));
  const wait = waitAfter(error, info);
  return {
    details: [{ ...known, maybeApplied, ...(believedAfterMs > 0 && { believedAfterMs }) } satisfies FailureDetails],
    ...(wait !== undefined && { nextRetryDelay: wait }),
    ...(notNow && { category: ApplicationFailureCategory.BENIGN }),
  };
}

/** How long to wait where the retry policy's own wait is not the right one; milliseconds. */
function waitAfter({ code, retryAfterMs = 0 }: SalesforceError, info: Info): number | undefined {
  if (USED_UP.includes(code)) {
    const growing = Math.min(FIRST_ALLOCATION_WAIT * 2 ** (info.attempt - 1), LONGEST_ALLOCATION_WAIT);
    // Clean-up must be tried again before its time is over.
    const left = info.scheduledTimestampMs + (info.scheduleToCloseTimeoutMs || Infinity) - Date.now();
    return Math.max(SHORTEST_WAIT, Math.min(Math.max(growing, retryAfterMs), left / 3));
  }
  return retryAfterMs > 0 ? Math.min(Math.max(retryAfterMs, SHORTEST_WAIT), LONGEST_WAIT) : undefined;
}

/** Names a kind of error that nobody foresaw; undefined for all others. */
function unforeseenCode(error: unknown): string | undefined {
  const foreseen = [NightloadError, ApplicationFailure, CancelledFailure].some((kind) => error instanceof kind);
  return foreseen ? undefined : `UNEXPECTED ${error instanceof Error ? error.name : typeof error}`;
}

function limitOf(error: unknown): number {
  const isMistake = [TypeError, RangeError, ReferenceError, SyntaxError].some((kind) => error instanceof kind);
  // What the system refuses has a code of its own, whatever its class.
  return isMistake && (error as NodeJS.ErrnoException).code === undefined ? MISTAKE_MS : UNFORESEEN_MS;
}

/** By the server's clock: attempts may be those of several workers. */
function repeatedFor(doubt: Doubt | undefined, info: Info): number {
  return info.currentAttemptScheduledTimestampMs - (doubt?.since ?? Infinity);
}

function toFailure(error: unknown, known: FailureDetails, info: Info, isFinal: boolean): Error {
  const details = [known];
  if (error instanceof CancelledFailure) {
    // A worker that shuts down is not a cancelled load: another worker takes the step over.
    if (error.message === 'WORKER_SHUTDOWN') {
      return ApplicationFailure.create({
        type: 'WORKER_SHUTDOWN',
        message: 'The worker was stopped during this step.',
        details,
      });
    }
    return new CancelledFailure(error.message, details, error);
  }
  if (error instanceof ApplicationFailure) return error;
  if (error instanceof NightloadError) {
    const failure = ApplicationFailure.create({
      type: error.code,
      message: error.message,
      nonRetryable: isFinal,
      details,
      ...(error instanceof SalesforceError ? fromSalesforce(error, known, info) : {}),
    });
    return withDetail(failure, detailFor(error));
  }
  return unforeseen(error, known, isFinal);
}

function detailFor(error: NightloadError): Omit<PlatformDetail, 'at'> | undefined {
  const { code, detail } = error;
  if (detail === undefined || detail === '') return undefined;
  return { code, text: detail, ...(error instanceof SalesforceError && { request: error.request }) };
}

/** What an error of Node says of a file: a system code, never a value. */
const SYSTEM_CODE = /^[A-Z][A-Z0-9_]{1,60}$/;

/**
 * It may be a passing fault of this machine, so it is tried again, and it is seen in the UI. Its words may be anything:
 * a parser repeats what it could not read.
 */
function unforeseen(error: unknown, known: FailureDetails, isFinal: boolean): Error {
  const { name, code, syscall, message, stack } = (error ?? {}) as Partial<NodeJS.ErrnoException>;
  const shown = [
    typeof name === 'string' && /^\w{1,60}$/.test(name) ? name : 'Error',
    ...(typeof code === 'string' && SYSTEM_CODE.test(code) ? [code] : []),
    ...(typeof syscall === 'string' && /^\w{1,30}$/.test(syscall) ? [syscall] : []),
  ].join(' ');
  const cause = new Error(shown);
  cause.stack = [`Error: ${shown}`, ...framesOf(stack, message)].join('\n');
  const failure = ApplicationFailure.create({
    type: 'UNEXPECTED',
    message: `An error that nightload does not know: ${shown}. Its words are in report.json; please report it.`,
    nonRetryable: isFinal,
    // An upload has one attempt: its workflow counts.
    details: [{ ...known, believedAfterMs: limitOf(error) } satisfies FailureDetails],
    cause,
  });
  return withDetail(failure, {
    code: 'UNEXPECTED',
    text: detailOf(typeof message === 'string' ? message : String(error)),
  });
}

/** Where it happened. Before it stands the message, which may have lines that look the same. */
function framesOf(stack: unknown, message: unknown): string[] {
  if (typeof stack !== 'string' || typeof message !== 'string') return [];
  const at = stack.lastIndexOf(message);
  if (at === -1) return [];
  const frames = stack.slice(at + message.length).split('\n');
  return frames.filter((line) => /^ {4}at [^\s].{0,300}:\d+:\d+\)?$/.test(line)).slice(0, 20);
}
