/** Reads failures: the stable code and the message inside Temporal's nested failures. */
import {
  ActivityFailure,
  ApplicationFailure,
  CancelledFailure,
  ChildWorkflowFailure,
  RetryState,
  TimeoutFailure,
} from '@temporalio/common';
import type { LoadError } from '../contract/load-result.js';
import type { AttemptMemory, FailureDetails, LostCreate, RequestCounts } from '../protocol/activities/attempt-types.js';
import { NightloadError } from '../errors.js';
import { isCount, MAX_REQUESTS } from './name-and-number-limits.js';

/** Milliseconds since 1970, within what a date can be. */
const MAX_TIME = 7e15;
/** How far an org's clock may differ from ours. */
const UNKNOWN_CLOCK_MS = 300_000;

/** The innermost of Temporal's nested failures. */
export function innermostFailure(error: unknown): unknown {
  let found = error;
  while ((found instanceof ActivityFailure || found instanceof ChildWorkflowFailure) && found.cause)
    found = found.cause;
  return found;
}

/** Code and message of a failure, however deeply it is wrapped. */
export function toLoadError(error: unknown): LoadError {
  const cause = innermostFailure(error);
  if (error instanceof ChildWorkflowFailure && error.cause) return toLoadError(error.cause);
  if (cause instanceof ApplicationFailure) {
    // Retried until time ran out: the underlying failure is what matters.
    const outOfTime = error instanceof ActivityFailure && ranOutOfTime(error);
    const tried = outOfTime ? ` (${error.activityType} was retried until outageLimit expired.)` : '';
    return { code: codeOf(cause), message: cause.message + tried };
  }
  if (cause instanceof NightloadError) return { code: cause.code, message: cause.message };
  if (cause instanceof TimeoutFailure && error instanceof ActivityFailure) {
    return { code: 'STEP_TIMED_OUT', message: `${error.activityType} did not finish in time (${cause.timeoutType}).` };
  }
  return { code: 'UNEXPECTED', message: cause instanceof Error ? cause.message : String(cause) };
}

/** Of a failure that may be another client's. */
function codeOf({ type }: ApplicationFailure): string {
  return type != null && /^\w{1,100}$/.test(type) ? type : 'UNEXPECTED';
}

/** Code of an unusable activity result; see `workflows/incoming/checked-result.ts`. */
export const INVALID_RESULT = 'INVALID_ACTIVITY_RESULT';

/** A step found that the job was not created by this load: it is left alone, not even aborted. */
export function isNotOurs(error: unknown): boolean {
  return toLoadError(error).code === 'JOB_NOT_OURS';
}

/** The step was retried until its time ran out. */
export function ranOutOfTime(error: unknown): boolean {
  return error instanceof ActivityFailure && error.retryState === RetryState.TIMEOUT;
}

/** Whether the same step may succeed later without anyone's help: retryable failures and lost workers. */
export function mayPassLater(error: unknown): boolean {
  const cause = innermostFailure(error);
  if (cause instanceof ApplicationFailure) return cause.nonRetryable !== true;
  return cause instanceof TimeoutFailure;
}

/** Details of a failed activity besides its message. A worker that died left only its last heartbeat. */
function detailsOf(error: unknown): FailureDetails | undefined {
  const cause = innermostFailure(error);
  if (cause instanceof ApplicationFailure || cause instanceof CancelledFailure) {
    return cause.details?.[0] as FailureDetails | undefined;
  }
  return cause instanceof TimeoutFailure ? (cause.lastHeartbeatDetails as FailureDetails | undefined) : undefined;
}

/** Whether a failed activity's request may have been applied anyway: the answer was lost, not the request. */
export function maybeApplied(error: unknown): boolean {
  return detailsOf(error)?.maybeApplied === true;
}

/** How long Salesforce must repeat a refusal before it is final; absent for other failures. */
export function believedAfter(error: unknown): number | undefined {
  const ms: unknown = detailsOf(error)?.believedAfterMs;
  return isTime(ms) ? ms : undefined;
}

/** Requests that a failed activity had made. */
export function requestsOf(error: unknown): RequestCounts {
  const { total, info } = (detailsOf(error)?.requests ?? {}) as Partial<Record<keyof RequestCounts, unknown>>;
  return { total: countOf(total), info: countOf(info) };
}

/** A failure may be another client's: its details are anything. */
function countOf(value: unknown): number {
  return isCount(value, MAX_REQUESTS) ? value : 0;
}

const isTime = (value: unknown): value is number => typeof value === 'number' && Math.abs(value) <= MAX_TIME;

/** Creates whose answers were lost, as a failure, a heartbeat or a child reports them: what is no time span is left out. */
export function lostCreatesIn(value: unknown): LostCreate[] {
  if (!Array.isArray(value)) return [];
  return (value as (Partial<LostCreate> | null)[]).flatMap((span) =>
    isTime(span?.from) && isTime(span.to)
      ? [{ from: span.from, to: span.to, ...(countOf(span.creates) > 0 && { creates: countOf(span.creates) }) }]
      : [],
  );
}

/**
 * Creates of a failed activity whose answers were lost; the org's clock is unknown, so the time spans are wide.
 * @param askedFor when the activity was scheduled
 */
export function lostCreatesOf(error: unknown, askedFor: number, now: number): LostCreate[] {
  const details = detailsOf(error);
  // Each failure of ours has this detail: an answer from another client, or a worker's end, hides the real outcome.
  if (details?.requests === undefined) return [withUnknownClock({ from: askedFor, to: now })];
  const { memory } = details;
  const { lostCreates, askedAt } = (memory ?? {}) as Partial<Record<keyof AttemptMemory, unknown>>;
  const all = [...lostCreatesIn(lostCreates), ...(isTime(askedAt) ? [{ from: askedAt, to: now }] : [])];
  return all.map(withUnknownClock);
}

/** Widens times that are not from the org's clock. */
export function withUnknownClock({ from, to }: LostCreate): LostCreate {
  return { from: from - UNKNOWN_CLOCK_MS, to: to + UNKNOWN_CLOCK_MS };
}
