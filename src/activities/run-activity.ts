/**
 * The wrapper of every activity: it sends heartbeats, counts requests over all attempts, provides the signal that
 * cancels I/O, and converts errors into failures with a stable type.
 */
import { Context } from '@temporalio/activity';
import type { Info } from '@temporalio/activity';
import type { CallContext } from '../salesforce/http/call-context.js';
import { retiringVersion } from '../salesforce/resources/version-retirement.js';
import { NightloadError } from '../errors.js';
import { heartbeatBefore } from './heartbeat.js';
import { processMetrics } from './metrics.js';
import { SalesforceError } from '../salesforce/errors/salesforce-error.js';
import { missingFile } from '../storage/files/disk-errors.js';
import { toFailure } from './to-failure.js';
import { limitOf, unforeseenCode } from './unforeseen-error.js';
import type {
  HeartbeatDetails,
  Counted,
  RepeatedRefusal,
  RequestCounts,
  AttemptMemory,
} from '../protocol/activities/attempt-types.js';
import { defined } from '../domain/defined.js';

/**
 * Well below the heartbeat timeout of 5 s, so that a busy worker's late heartbeat does not cost an attempt. A step that
 * ends before the first one sends none: in Temporal Cloud each is billed.
 */
const HEARTBEAT_INTERVAL = 2_000;

/** A step asks few things, with one API version. */
const MAX_WARNINGS = 5;

/** A step that starts this much later than scheduled has met an outage, or a restore of the Temporal database. */
const LATE_MS = 120_000;

export interface ActivityRun {
  signal: AbortSignal;
  requests: RequestCounts;
  /** From 1. */
  attempt: number;
  /** When the first attempt was scheduled, in milliseconds. */
  scheduledAt: number;
  /** This attempt began long after that. */
  late: boolean;
  /** Context for every Salesforce call of this step. */
  call: CallContext;
  /** Warnings from the org's replies, for the result. */
  warnings: Set<string>;
  /** Bytes moved so far; the next heartbeat shows them. */
  bytes: number;
  /** Total bytes, if known. */
  bytesTotal?: number;
  /** What the next attempt, or the workflow if there is none, must know of this attempt even if it is killed. */
  memory?: AttemptMemory;
  /** Sends a heartbeat at once, for what must be known even if the worker is killed in this second. */
  beat: () => void;
  /**
   * Whether a refusal is final: it is not transient, and the platform has not given it only once. If not, the error is
   * rethrown, so that the step is retried.
   */
  believes: (error: SalesforceError) => boolean;
}

/** For a pass over a file whose reader does not report its position: heartbeats show progress. */
export async function* countingBytes(
  chunks: AsyncIterable<Uint8Array>,
  step: Pick<ActivityRun, 'bytes'>,
): AsyncGenerator<Uint8Array> {
  step.bytes = 0;
  for await (const chunk of chunks) {
    step.bytes += chunk.length;
    yield chunk;
  }
}

async function runBody<T>(body: (step: ActivityRun) => Promise<T>): Promise<Counted<T>> {
  const context = Context.current();
  const metrics = processMetrics();
  // Requests of an earlier attempt still count.
  const before = heartbeatBefore(context.info.heartbeatDetails);
  const requests: RequestCounts = { total: before?.requests.total ?? 0, info: before?.requests.info ?? 0 };
  const signal = context.cancellationSignal;
  const warnings = new Set<string>();
  let refusal = before?.refusal;
  const believes = (error: SalesforceError): boolean => {
    if (error.retryable) return false;
    // The server's clock: attempts may run on several workers.
    const now = context.info.currentAttemptScheduledTimestampMs;
    if (refusal?.code !== error.code) refusal = { code: error.code, since: now };
    return now - refusal.since >= error.believedAfterMs;
  };
  const current: ActivityRun = {
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
        metrics.add('nightload_api_requests_total', 1, { kind });
      },
      onDeprecation: (deprecation) => {
        if (warnings.size < MAX_WARNINGS) warnings.add(retiringVersion(deprecation));
      },
    },
    warnings,
    bytes: 0,
    believes,
    ...(before?.memory && { memory: before.memory }),
    beat() {
      const { bytes, bytesTotal, memory } = current;
      context.heartbeat({
        requests,
        bytes,
        ...defined({ bytesTotal, memory, refusal }),
      } satisfies HeartbeatDetails);
    },
  };
  const { beat } = current;
  const timer = setInterval(beat, HEARTBEAT_INTERVAL);
  try {
    const value = await body(current);
    return {
      value,
      requests,
      ...(warnings.size > 0 && { warnings: [...warnings] }),
      ...(current.late && { late: true }),
    };
  } catch (error) {
    // Streams and undici report an abort in their own ways; only its reason counts.
    const failed: unknown = signal.aborted ? signal.reason : (missingFile(error) ?? error);
    const unforeseen = unforeseenCode(failed);
    if (unforeseen !== undefined && refusal?.code !== unforeseen) {
      refusal = { code: unforeseen, since: context.info.currentAttemptScheduledTimestampMs };
    }
    const isFinal =
      unforeseen !== undefined
        ? repeatedFor(refusal, context.info) >= limitOf(failed)
        : error instanceof SalesforceError
          ? believes(error)
          : error instanceof NightloadError && !error.retryable;
    // Any other error in between ends the repetition.
    if (unforeseen === undefined && (!(error instanceof SalesforceError) || error.code !== refusal?.code))
      refusal = undefined;
    beat();
    const { memory } = current;
    throw toFailure(failed, { requests, ...defined({ memory }) }, context.info, isFinal);
  } finally {
    clearInterval(timer);
  }
}

/** An activity without requests to Salesforce. */
export function runActivity<I, O>(body: (input: I, step: ActivityRun) => Promise<O>): (input: I) => Promise<O> {
  return async (input) => (await runBody((current) => body(input, current))).value;
}

/** An activity that calls Salesforce: its result includes the number of requests, with those of failed attempts. */
export function runCountedActivity<I, O>(
  body: (input: I, step: ActivityRun) => Promise<O>,
): (input: I) => Promise<Counted<O>> {
  return (input) => runBody((current) => body(input, current));
}

/** By the server's clock: attempts may run on several workers. */
function repeatedFor(refusal: RepeatedRefusal | undefined, info: Info): number {
  return info.currentAttemptScheduledTimestampMs - (refusal?.since ?? Infinity);
}
