/**
 * The one helper that every activity runs in: it heartbeats, counts requests over all attempts, hands out the signal
 * that cancels I/O, and turns errors into failures with a stable type.
 */
import { ApplicationFailure, CancelledFailure, Context } from '@temporalio/activity';
import type { CallContext } from '../salesforce/context.js';
import { NightloadError } from '../errors.js';
import { SalesforceError } from '../salesforce/errors.js';
import type { Counted, RequestTally } from './types.js';

/** Well inside the heartbeat timeout of 8 s, so that one late beat does not cost an attempt. */
const HEARTBEAT_INTERVAL = 2_000;

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
    const retryAfterMs = error instanceof SalesforceError ? error.retryAfterMs : undefined;
    return ApplicationFailure.create({
      type: error.code,
      message: error.message,
      nonRetryable: !error.retryable,
      details,
      ...(retryAfterMs === undefined ? {} : { nextRetryDelay: retryAfterMs }),
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
