/** Reading failures: the stable code and the sentence for people inside Temporal's nested failures. */
import {
  ActivityFailure,
  ApplicationFailure,
  CancelledFailure,
  ChildWorkflowFailure,
  TimeoutFailure,
} from '@temporalio/common';
import type { LoadError } from '../contract.js';
import type { RequestTally } from '../activities/types.js';
import { NightloadError } from '../errors.js';

function innermost(error: unknown): unknown {
  let found = error;
  while ((found instanceof ActivityFailure || found instanceof ChildWorkflowFailure) && found.cause)
    found = found.cause;
  return found;
}

/** Code and message of a failure, whatever wrapped it. */
export function toLoadError(error: unknown): LoadError {
  const cause = innermost(error);
  if (error instanceof ChildWorkflowFailure && error.cause) return toLoadError(error.cause);
  if (cause instanceof ApplicationFailure) return { code: cause.type ?? 'UNEXPECTED', message: cause.message };
  if (cause instanceof NightloadError) return { code: cause.code, message: cause.message };
  if (cause instanceof TimeoutFailure && error instanceof ActivityFailure) {
    return { code: 'STEP_TIMED_OUT', message: `${error.activityType} did not finish in time (${cause.timeoutType}).` };
  }
  return { code: 'UNEXPECTED', message: cause instanceof Error ? cause.message : String(cause) };
}

/** Whether the same step may work later without anybody's help: retryable failures and lost workers. */
export function mayPassLater(error: unknown): boolean {
  const cause = innermost(error);
  if (cause instanceof ApplicationFailure) return cause.nonRetryable !== true;
  return cause instanceof TimeoutFailure;
}

/** Whether what a failed activity asked for may have happened all the same: the answer was lost, not the request. */
export function maybeApplied(error: unknown): boolean {
  const cause = innermost(error);
  if (!(cause instanceof ApplicationFailure)) return false;
  return (cause.details?.[0] as { maybeApplied?: boolean } | undefined)?.maybeApplied === true;
}

/** Requests that a failed activity had made. A worker that died took its count with it, but for the last heartbeat. */
export function requestsOf(error: unknown): RequestTally {
  const cause = innermost(error);
  const found =
    cause instanceof ApplicationFailure || cause instanceof CancelledFailure
      ? cause.details?.[0]
      : cause instanceof TimeoutFailure
        ? cause.lastHeartbeatDetails
        : undefined;
  const tally = (found as { requests?: RequestTally } | undefined)?.requests;
  return { total: tally?.total ?? 0, info: tally?.info ?? 0 };
}
