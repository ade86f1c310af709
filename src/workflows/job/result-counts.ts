/** Compares a job's result files with what was sent and with the job's own counters. Pure. */
import type { ResultCounts } from '../../protocol/activities/ended-parts.js';
import type { JobStatus } from '../../protocol/activities/job-types.js';

/** Rows of a part that its result files do not name. */
export function missingRows(sent: number, counts: ResultCounts): number {
  return sent - counts.succeeded - counts.failed - counts.unprocessed;
}

/**
 * Whether the files match the job's counters. `processed - failed = succeeded` holds only for a job that completed;
 * after Failed or Aborted the counters may include unprocessed rows. For rows that no file names, see `missingRows`.
 */
export function filesAgree(status: JobStatus, counts: ResultCounts): boolean {
  if (status.state !== 'JobComplete') return true;
  return counts.failed === status.failed && counts.succeeded === status.processed - status.failed;
}

/** Whether a job is known to have changed nothing: counters and both files are empty. */
export function nothingApplied(status: JobStatus, counts: ResultCounts): boolean {
  return (
    status.state !== 'JobComplete' &&
    status.processed === 0 &&
    status.failed === 0 &&
    counts.succeeded === 0 &&
    counts.failed === 0
  );
}
