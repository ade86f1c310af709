/**
 * The tally of a load: every source row ends in exactly one of succeeded, rejected, unprocessed, as counted from files.
 * Pure functions over plain numbers.
 */
import { MAX_LISTED_JOBS } from '../../contract/load-result.js';
import type { BulkLoadResult, JobSummary, LoadError, LoadState, RecordCounts } from '../../contract/load-result.js';
import type { PartOutcome } from '../../protocol/activities/ended-parts.js';

/** What a load has counted so far. */
export interface Tally {
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
  /** Jobs that a result lists; the lists of the stages have all of them. */
  jobs: JobSummary[];
  jobsTotal: number;
  apiRequests: number;
}

export function emptyTally(): Tally {
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
export function enterPart(tally: Tally, outcome: PartOutcome): void {
  const { succeeded, failed, failedForGood, unprocessed } = outcome.counts;
  tally.seen += succeeded + failed + unprocessed + outcome.missing;
  tally.succeeded += succeeded;
  tally.failed += failed;
  tally.failedForGood += failedForGood;
  tally.unprocessed += unprocessed;
}

/** Enters ended jobs; `total` is their number when only some are listed. */
export function enterJobs(tally: Tally, jobs: readonly JobSummary[], total = jobs.length): void {
  tally.jobs.push(...jobs);
  tally.jobsTotal += total;
  if (tally.jobs.length > MAX_LISTED_JOBS) tally.jobs = listedJobs(tally.jobs);
}

/** Whether so many rows fail permanently that further parts would only waste allocation. */
export function circuitOpen(tally: Tally, when: { failedRatio: number; afterRecords: number }): boolean {
  const processed = tally.succeeded + tally.failed;
  return processed > 0 && processed >= when.afterRecords && tally.failedForGood / processed > when.failedRatio;
}

export function recordCounts(tally: Tally): RecordCounts {
  const { total, succeeded, rejected, unprocessed } = tally;
  return { total, succeeded, rejected, unprocessed, unaccounted: total - succeeded - rejected - unprocessed };
}

export function isBalanced(tally: Tally): boolean {
  return recordCounts(tally).unaccounted === 0 && tally.disagreeing === 0;
}

/** How a load ended; an error that stopped it takes precedence over everything but a cancellation. */
export function closingState(tally: Tally, canceled: boolean, error: LoadError | undefined): LoadState {
  if (canceled) return 'Canceled';
  if (error !== undefined || !isBalanced(tally)) return 'Failed';
  return tally.rejected + tally.unprocessed > 0 ? 'CompletedWithRejects' : 'Completed';
}

/** The error of a tally that does not balance. */
function unbalancedError(tally: Tally): LoadError {
  const { unaccounted } = recordCounts(tally);
  const what =
    unaccounted === 0
      ? `The result files of ${tally.disagreeing} part(s) disagree with the counters of their jobs`
      : `${Math.abs(unaccounted)} row(s) ${unaccounted > 0 ? 'are in no result file' : 'are in the result files twice'}`;
  return {
    code: 'UNBALANCED',
    message: `${what}. All result files were delivered; compare them with the org before loading anything again.`,
  };
}

/** The jobs that a result lists: failures first, then in order of creation. */
export function listedJobs(jobs: readonly JobSummary[]): JobSummary[] {
  const trouble = (job: JobSummary): number => (job.state !== 'JobComplete' ? 0 : job.failed > 0 ? 1 : 2);
  return [...jobs].sort((a, b) => trouble(a) - trouble(b)).slice(0, MAX_LISTED_JOBS);
}

/** The parts of a result that ended jobs add to. */
export function soFar(tally: Tally): Required<Pick<BulkLoadResult, 'retry' | 'jobs' | 'jobsTotal' | 'apiRequests'>> {
  return {
    retry: { rounds: tally.rounds, recovered: tally.recovered, rerendered: tally.rerendered },
    jobs: listedJobs(tally.jobs),
    jobsTotal: tally.jobsTotal,
    apiRequests: tally.apiRequests,
  };
}

/** Assembles a result. */
export function buildResult(
  head: Pick<BulkLoadResult, 'loadId' | 'workflowId' | 'runId' | 'object' | 'operation'>,
  tally: Tally,
  ending: { canceled: boolean; error: LoadError | undefined; files: BulkLoadResult['files'] },
): BulkLoadResult {
  const { canceled, files } = ending;
  const state = closingState(tally, canceled, ending.error);
  const error = ending.error ?? (state === 'Failed' ? unbalancedError(tally) : undefined);
  return {
    ...head,
    state,
    records: recordCounts(tally),
    balanced: isBalanced(tally),
    ...soFar(tally),
    files,
    ...(error === undefined ? {} : { error }),
  };
}
