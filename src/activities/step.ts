/**
 * The one helper that every activity runs in: it heartbeats, counts requests over all attempts, hands out the signal
 * that cancels I/O, and turns errors into failures with a stable type.
 */
import { ApplicationFailure, CancelledFailure, Context } from '@temporalio/activity';
import { ApplicationFailureCategory } from '@temporalio/common';
import type { ApplicationFailureOptions } from '@temporalio/common';
import type { CallContext } from '../salesforce/context.js';
import { NightloadError } from '../errors.js';
import { SalesforceError } from '../salesforce/errors.js';
import type { Counted, RequestTally } from './types.js';

/** Well inside the heartbeat timeout of 8 s, so that one late beat does not cost an attempt. */
const HEARTBEAT_INTERVAL = 2_000;

/**
 * Bounds of a wait that the platform asks for. Temporal ends a step at once when the wait reaches beyond its last moment
 * (clean-up has 15 minutes in all), and also when it is 0.
 */
const SHORTEST_WAIT = 1_000;
const LONGEST_WAIT = 120_000;

/** Answers that say "not now": part of a normal night, so they are no errors in logs and metrics. */
const NOT_NOW_CODES: readonly string[] = ['REQUEST_LIMIT_EXCEEDED', 'EXCEEDED_QUOTA', 'SERVER_UNAVAILABLE'];
const NOT_NOW_STATUS: readonly (number | undefined)[] = [429, 503];

export interface Step {
  signal: AbortSignal;
  requests: RequestTally;
  /** From 1. */
  attempt: number;
  /** What every Salesforce call of this step gets. */
  call: CallContext;
  /** Shown by the next heartbeat: bytes moved so far. */
  bytes: number;
}

interface Beat {
  requests: RequestTally;
  bytes: number;
}

async function inStep<T>(body: (step: Step) => Promise<T>): Promise<{ value: T; requests: RequestTally }> {
  const context = Context.current();
  // An earlier attempt's requests were made all the same.
  const before = (context.info.heartbeatDetails as Beat | undefined)?.requests;
  const requests: RequestTally = { total: before?.total ?? 0, info: before?.info ?? 0 };
  const signal = context.cancellationSignal;
  const step: Step = {
    signal,
    requests,
    attempt: context.info.attempt,
    call: {
      signal,
      onRequest: (kind) => {
        requests.total++;
        if (kind === 'info') requests.info++;
        beat();
      },
    },
    bytes: 0,
  };
  const beat = (): void => context.heartbeat({ requests, bytes: step.bytes } satisfies Beat);
  const timer = setInterval(beat, HEARTBEAT_INTERVAL);
  try {
    return { value: await body(step), requests };
  } catch (error) {
    beat();
    // Streams and undici report an abort in their own ways; its reason is what counts.
    throw toFailure(signal.aborted ? signal.reason : error, requests);
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
function fromSalesforce(error: SalesforceError, requests: RequestTally): Partial<ApplicationFailureOptions> {
  const { code, httpStatus, maybeApplied, retryable, retryAfterMs = 0 } = error;
  const notNow = retryable && (NOT_NOW_CODES.includes(code) || NOT_NOW_STATUS.includes(httpStatus));
  return {
    details: [{ requests, maybeApplied }],
    ...(retryAfterMs > 0 && { nextRetryDelay: Math.min(Math.max(retryAfterMs, SHORTEST_WAIT), LONGEST_WAIT) }),
    ...(notNow && { category: ApplicationFailureCategory.BENIGN }),
  };
}

function toFailure(error: unknown, requests: RequestTally): Error {
  const details = [{ requests }];
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
    return ApplicationFailure.create({
      type: error.code,
      message: error.message,
      nonRetryable: !error.retryable,
      details,
      ...(error instanceof SalesforceError ? fromSalesforce(error, requests) : {}),
    });
  }
  // Not foreseen: it may be a passing fault of this machine, so it is tried again, and it is seen in the UI.
  return ApplicationFailure.create({
    type: 'UNEXPECTED',
    message: error instanceof Error ? error.message : String(error),
    details,
    ...(error instanceof Error ? { cause: error } : {}),
  });
}
