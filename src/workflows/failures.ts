/** Reading failures: the stable code and the sentence for people inside Temporal's nested failures. */
import {
  ActivityFailure,
  ApplicationFailure,
  CancelledFailure,
  ChildWorkflowFailure,
  RetryState,
  TimeoutFailure,
} from '@temporalio/common';
import type { LoadError } from '../contract.js';
import type { FailureDetails, LostCreate, RequestTally } from '../activities/types.js';
import { NightloadError } from '../errors.js';

/** How far an org's clock may be from ours. */
const UNKNOWN_CLOCK_MS = 300_000;

/** What is at the bottom of Temporal's nested failures. */
export function innermostFailure(error: unknown): unknown {
  let found = error;
  while ((found instanceof ActivityFailure || found instanceof ChildWorkflowFailure) && found.cause)
    found = found.cause;
  return found;
}

/** Code and message of a failure, whatever wrapped it. */
export function toLoadError(error: unknown): LoadError {
  const cause = innermostFailure(error);
  if (error instanceof ChildWorkflowFailure && error.cause) return toLoadError(error.cause);
  if (cause instanceof ApplicationFailure) {
    // Tried again until the time was over: what it failed of is what matters.
    const outOfTime = error instanceof ActivityFailure && ranOutOfTime(error);
    const tried = outOfTime ? ` (${error.activityType} was tried again until outageLimit was over.)` : '';
    return { code: cause.type ?? 'UNEXPECTED', message: cause.message + tried };
  }
  if (cause instanceof NightloadError) return { code: cause.code, message: cause.message };
  if (cause instanceof TimeoutFailure && error instanceof ActivityFailure) {
    return { code: 'STEP_TIMED_OUT', message: `${error.activityType} did not finish in time (${cause.timeoutType}).` };
  }
  return { code: 'UNEXPECTED', message: cause instanceof Error ? cause.message : String(cause) };
}

/** The step was tried again for as long as it may take. */
export function ranOutOfTime(error: unknown): boolean {
  return error instanceof ActivityFailure && error.retryState === RetryState.TIMEOUT;
}

/** Whether the same step may work later without anybody's help: retryable failures and lost workers. */
export function mayPassLater(error: unknown): boolean {
  const cause = innermostFailure(error);
  if (cause instanceof ApplicationFailure) return cause.nonRetryable !== true;
  return cause instanceof TimeoutFailure;
}

/** What a failed activity tells beside its message. A worker that died left only its last heartbeat. */
function detailsOf(error: unknown): FailureDetails | undefined {
  const cause = innermostFailure(error);
  if (cause instanceof ApplicationFailure || cause instanceof CancelledFailure) {
    return cause.details?.[0] as FailureDetails | undefined;
  }
  return cause instanceof TimeoutFailure ? (cause.lastHeartbeatDetails as FailureDetails | undefined) : undefined;
}

/** Whether what a failed activity asked for may have happened all the same: the answer was lost, not the request. */
export function maybeApplied(error: unknown): boolean {
  return detailsOf(error)?.maybeApplied === true;
}

/** For how long a refusal of Salesforce must have been repeated before it is final; absent when it is none. */
export function believedAfter(error: unknown): number | undefined {
  return detailsOf(error)?.believedAfterMs;
}

/** Requests that a failed activity had made. */
export function requestsOf(error: unknown): RequestTally {
  const tally = detailsOf(error)?.requests;
  return { total: tally?.total ?? 0, info: tally?.info ?? 0 };
}

/** Creates of a failed activity whose answers were lost; the org's clock is not known, so the times are wide. */
export function lostCreatesOf(error: unknown, now: number): LostCreate[] {
  const memory = detailsOf(error)?.memory;
  const { lostCreates = [], askedAt } = memory ?? {};
  const all = askedAt === undefined ? lostCreates : [...lostCreates, { from: askedAt, to: now }];
  return all.map(withUnknownClock);
}

/** For times that cannot be told by the org's clock. */
export function withUnknownClock({ from, to }: LostCreate): LostCreate {
  return { from: from - UNKNOWN_CLOCK_MS, to: to + UNKNOWN_CLOCK_MS };
}
