/** Converts the error of a step into a failure with a stable type, and with the wait that fits it. */
import { ApplicationFailure, CancelledFailure } from '@temporalio/activity';
import type { Info } from '@temporalio/activity';
import { ApplicationFailureCategory } from '@temporalio/common';
import type { ApplicationFailureOptions } from '@temporalio/common';
import type { PlatformDetail } from '../contract/load-result.js';
import { defined } from '../domain/defined.js';
import { NightloadError } from '../errors.js';
import type { FailureDetails } from '../protocol/activities/attempt-types.js';
import { SalesforceError } from '../salesforce/errors/salesforce-error.js';
import { withDetail } from './results/failure-details.js';
import { unforeseen } from './unforeseen-error.js';

/**
 * Bounds of a wait that the platform asks for. Temporal ends a step at once if the wait exceeds its total timeout (15
 * minutes for clean-up), and also if it is 0.
 */
const MIN_WAIT = 1_000;
const MAX_WAIT = 120_000;
/** A used-up 24-hour allocation returns slowly, and frequent requests would only use up more of it. */
const FIRST_ALLOCATION_WAIT = 15_000;
const MAX_ALLOCATION_WAIT = 600_000;
const USED_UP: readonly string[] = ['REQUEST_LIMIT_EXCEEDED', 'EXCEEDED_QUOTA', 'LIMIT_EXCEEDED'];

/** Replies that mean "not now". They are part of a normal night, so logs and metrics do not count them as errors. */
const NOT_NOW_CODES: readonly string[] = [...USED_UP, 'CONCURRENT_LIMIT', 'UNABLE_TO_LOCK_ROW', 'SERVER_UNAVAILABLE'];
const NOT_NOW_STATUS: readonly (number | undefined)[] = [429, 503];

export function toFailure(error: unknown, known: FailureDetails, info: Info, isFinal: boolean): Error {
  const details = [known];
  if (error instanceof CancelledFailure) {
    // A worker shutdown is not a canceled load: another worker takes the step over.
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

/** Details that only Salesforce errors have. */
function fromSalesforce(error: SalesforceError, known: FailureDetails, info: Info): Partial<ApplicationFailureOptions> {
  const { code, httpStatus, maybeApplied, retryable, believedAfterMs } = error;
  const notNow = retryable && (NOT_NOW_CODES.includes(code) || NOT_NOW_STATUS.includes(httpStatus));
  const wait = waitAfter(error, info);
  return {
    details: [{ ...known, maybeApplied, ...(believedAfterMs > 0 && { believedAfterMs }) } satisfies FailureDetails],
    ...defined({ nextRetryDelay: wait }),
    ...(notNow && { category: ApplicationFailureCategory.BENIGN }),
  };
}

/** Wait in milliseconds if the retry policy's own wait does not fit. */
function waitAfter({ code, retryAfterMs = 0 }: SalesforceError, info: Info): number | undefined {
  if (USED_UP.includes(code)) {
    const growing = Math.min(FIRST_ALLOCATION_WAIT * 2 ** (info.attempt - 1), MAX_ALLOCATION_WAIT);
    // Clean-up must be retried before its time is over.
    const left = info.scheduledTimestampMs + (info.scheduleToCloseTimeoutMs || Infinity) - Date.now();
    return Math.max(MIN_WAIT, Math.min(Math.max(growing, retryAfterMs), left / 3));
  }
  return retryAfterMs > 0 ? Math.min(Math.max(retryAfterMs, MIN_WAIT), MAX_WAIT) : undefined;
}
