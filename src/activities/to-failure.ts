/** Converts the error of a step into a failure with a stable type, and with the wait that fits it. */
import { ApplicationFailure, CancelledFailure } from '@temporalio/activity';
import type { Info } from '@temporalio/activity';
import { ApplicationFailureCategory } from '@temporalio/common';
import type { ApplicationFailureOptions } from '@temporalio/common';
import type { PlatformDetail } from '../contract/load-result.js';
import { defined } from '../domain/defined.js';
import { COMMAND_WORKFLOW_TYPES } from '../domain/workflow-types.js';
import { USED_UP_CODES } from '../domain/platform/used-up-codes.js';
import { NightloadError } from '../errors.js';
import type { FailureDetails } from '../protocol/activities/attempt-types.js';
import { SalesforceError } from '../salesforce/errors/salesforce-error.js';
import { withDetail } from './results/failure-details.js';
import { retryDelay } from './retry-delay.js';
import { unforeseen } from './unforeseen-error.js';

/** Replies that mean "not now". They are part of a normal night, so logs and metrics do not count them as errors. */
const NOT_NOW_CODES: readonly string[] = [
  ...USED_UP_CODES,
  'CONCURRENT_LIMIT',
  'UNABLE_TO_LOCK_ROW',
  'SERVER_UNAVAILABLE',
];
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
      message: messageFor(error, info),
      nonRetryable: isFinal,
      details,
      ...(error instanceof SalesforceError ? fromSalesforce(error, known, info) : {}),
    });
    return withDetail(failure, detailFor(error));
  }
  return unforeseen(error, known, isFinal);
}

/** Texts are written for loads, which wait; a command's answer ends with the error. */
function messageFor({ message }: NightloadError, { workflowType }: Info): string {
  if (workflowType === undefined || !COMMAND_WORKFLOW_TYPES.includes(workflowType)) return message;
  return message.replace('the load resumes by itself', 'then run the command again');
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
  return {
    details: [{ ...known, maybeApplied, ...(believedAfterMs > 0 && { believedAfterMs }) } satisfies FailureDetails],
    ...defined({ nextRetryDelay: retryDelay(error, info) }),
    ...(notNow && { category: ApplicationFailureCategory.BENIGN }),
  };
}
