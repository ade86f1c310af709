/**
 * The books of a load: every source row ends in exactly one of succeeded, rejected, unprocessed, as counted from files.
 * Pure functions over plain numbers.
 */
import { MAX_LISTED_JOBS } from '../contract.js';
import type { BulkLoadResult, JobSummary, LoadError, LoadState, RecordCounts } from '../contract.js';
import type { JobLook, PartOutcome, ResultCounts } from '../activities/types.js';

export { NO_ROWS } from '../part-outcome.js';

/** Rows of a part that its result files do not name. */
export function missingRows(sent: number, counts: ResultCounts): number {
  return sent - counts.succeeded - counts.failed - counts.unprocessed;
}

/**
 * Whether the files say the same as the job's counters. `processed - failed = succeeded` holds only for a job that
 * completed; after Failed or Aborted the counters may hold unprocessed rows too. Rows that no file names are another
 * matter: see `missingRows`.
 */
export function filesAgree(look: JobLook, counts: ResultCounts): boolean {
  if (look.state !== 'JobComplete') return true;
  return counts.failed === look.failed && counts.succeeded === look.processed - look.failed;
}

/** Rows of a job that can be told to have changed nothing: counters and both files are empty. */
export function nothingApplied(look: JobLook, counts: ResultCounts): boolean {
  return (
    look.state !== 'JobComplete' &&
    look.processed === 0 &&
    look.failed === 0 &&
    counts.succeeded === 0 &&
    counts.failed === 0
  );
}

/** What a load has counted so far. */
export interface Books {
  total: number;
  /** Rows in parts whose outcome is known, from the first pass. */
  seen: number;
  succeeded: number;
  failed: number;
  failedForGood: number;
  unprocessed: number;
  rejected: number;
  recovered: number;
  rerendered: number;
  rounds: number;
  /** Parts whose files and counters disagreed to the end. */
  disagreeing: number;
  /** Those that a result lists; all are in the lists of the stages. */
  jobs: JobSummary[];
  jobsTotal: number;
  apiRequests: number;
}

export function openBooks(): Books {
  return {
    total: 0,
    seen: 0,
    succeeded: 0,
    failed: 0,
    failedForGood: 0,
    unprocessed: 0,
    rejected: 0,
    recovered: 0,
    rerendered: 0,
    rounds: 0,
    disagreeing: 0,
    jobs: [],
    jobsTotal: 0,
    apiRequests: 0,
  };
}

/** Enters the outcome of a part of the first pass. */
export function enterPart(books: Books, outcome: PartOutcome): void {
  const { succeeded, failed, failedForGood, unprocessed } = outcome.counts;
  books.seen += succeeded + failed + unprocessed + outcome.missing;
  books.succeeded += succeeded;
  books.failed += failed;
  books.failedForGood += failedForGood;
  books.unprocessed += unprocessed;
}

/** Enters jobs that have ended; `total` says how many there were when only some are named. */
export function enterJobs(books: Books, jobs: readonly JobSummary[], total = jobs.length): void {
  books.jobs.push(...jobs);
  books.jobsTotal += total;
  if (books.jobs.length > MAX_LISTED_JOBS) books.jobs = listedJobs(books.jobs);
}

/** Whether so many rows fail for good that starting more parts would only burn allocation. */
export function circuitOpen(books: Books, when: { failedRatio: number; afterRecords: number }): boolean {
  const looked = books.succeeded + books.failed;
  return looked > 0 && looked >= when.afterRecords && books.failedForGood / looked > when.failedRatio;
}

export function recordCounts(books: Books): RecordCounts {
  const { total, succeeded, rejected, unprocessed } = books;
  return { total, succeeded, rejected, unprocessed, unaccounted: total - succeeded - rejected - unprocessed };
}

export function isBalanced(books: Books): boolean {
  return recordCounts(books).unaccounted === 0 && books.disagreeing === 0;
}

/** How a load ended; an error that stopped it goes before everything but a cancel. */
export function closingState(books: Books, canceled: boolean, error: LoadError | undefined): LoadState {
  if (canceled) return 'Canceled';
  if (error !== undefined || !isBalanced(books)) return 'Failed';
  return books.rejected + books.unprocessed > 0 ? 'CompletedWithRejects' : 'Completed';
}

/** What to say when the books do not balance. */
export function unbalancedError(books: Books): LoadError {
  const { unaccounted } = recordCounts(books);
  const what =
    unaccounted === 0
      ? `The result files of ${books.disagreeing} part(s) disagree with the counters of their jobs`
      : `${Math.abs(unaccounted)} row(s) ${unaccounted > 0 ? 'are in no result file' : 'are in the result files twice'}`;
  return {
    code: 'UNBALANCED',
    message: `${what}. All result files were delivered; compare them with the org before loading anything again.`,
  };
}

/** The jobs that a result lists: failures first, then in the order in which they were created. */
export function listedJobs(jobs: readonly JobSummary[]): JobSummary[] {
  const trouble = (job: JobSummary): number => (job.state !== 'JobComplete' ? 0 : job.failed > 0 ? 1 : 2);
  return [...jobs].sort((a, b) => trouble(a) - trouble(b)).slice(0, MAX_LISTED_JOBS);
}

/** The part of a result that jobs which have ended add to. */
export function soFar(books: Books): Required<Pick<BulkLoadResult, 'retry' | 'jobs' | 'jobsTotal' | 'apiRequests'>> {
  return {
    retry: { rounds: books.rounds, recovered: books.recovered, rerendered: books.rerendered },
    jobs: listedJobs(books.jobs),
    jobsTotal: books.jobsTotal,
    apiRequests: books.apiRequests,
  };
}

/** Puts the pieces of a result together; `files` comes from the report activity. */
export function buildResult(
  head: Pick<BulkLoadResult, 'loadId' | 'workflowId' | 'runId' | 'object' | 'operation'>,
  books: Books,
  ending: { canceled: boolean; error: LoadError | undefined },
  files: BulkLoadResult['files'],
): BulkLoadResult {
  const state = closingState(books, ending.canceled, ending.error);
  const error = ending.error ?? (state === 'Failed' ? unbalancedError(books) : undefined);
  return {
    ...head,
    state,
    records: recordCounts(books),
    balanced: isBalanced(books),
    ...soFar(books),
    files,
    ...(error === undefined ? {} : { error }),
  };
}
