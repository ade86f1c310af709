/** Error texts for jobs that did not end well. Pure. */
import type { LoadError } from '../../../contract/load-result.js';
import { toLoadError } from '../../../domain/failures.js';
import { namedJobs } from '../../../domain/text/named-jobs.js';
import type { JobStatus } from '../../../protocol/activities/job-types.js';
import type { EarlierQuestion, JobState } from '../job-state.js';
import { remedyFor, withoutStop } from './failure-advice.js';

/** It was never answered which load the jobs belong to: rows that may have landed must not be called unprocessed. */
export function mayHaveBeenSent(part: number, { pending, unknown }: EarlierQuestion): LoadError {
  return {
    code: 'EARLIER_JOBS_UNKNOWN',
    message:
      `Part ${part} may have been sent before a restore, with job ${namedJobs([...pending, ...unknown])}: the outcome of its rows ` +
      'is unknown. Compare the job in Setup > Bulk Data Load Jobs with the source before you load any of them again.',
  };
}

export function leftAlone({ jobId, error }: JobState): LoadError {
  const { code, message } = error ?? { code: 'UNEXPECTED', message: 'The job could not be read.' };
  if (code === 'JOB_NOT_FOUND') return { code, message };
  return {
    code,
    message:
      `${message} Job ${jobId} may still be running and was not aborted: check it in Setup > Bulk Data Load Jobs. ` +
      'Salesforce keeps its results for seven days.',
  };
}

/** The first error stays the one to act on; the job that may still be Open is named with it. */
export function notAborted({ jobId, error: before }: JobState, error: unknown): LoadError {
  const left = `Job ${jobId} could not be aborted: abort it in Setup > Bulk Data Load Jobs.`;
  return before === undefined
    ? { code: 'JOB_NOT_ABORTED', message: `${left} (${toLoadError(error).message})` }
    : { code: before.code, message: `${before.message} ${left}` };
}

export function abortedByOthers({ id }: JobStatus): LoadError {
  return {
    code: 'JOB_ABORTED',
    message: `Job ${id} was aborted in Setup or by another program. Rows that it had not processed are in the unprocessed file.`,
  };
}

/** @returns `failed`: what happened, without what to do about it */
export function failedAsAWhole({ id, errorMessage }: JobStatus): { failed: string; error: LoadError } {
  const reason = withoutStop(errorMessage ?? 'Salesforce gave no reason');
  const failed = `Job ${id} failed and loaded nothing: ${reason}.`;
  return { failed, error: { code: 'JOB_FAILED', message: `${failed}${remedyFor(reason)}` } };
}
