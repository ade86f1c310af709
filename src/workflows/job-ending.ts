/** How a job ends, whatever happened to it: not Open, settled, its results downloaded and counted. */
import { sleep } from '@temporalio/workflow';
import type { CancellationScope } from '@temporalio/workflow';
import { isTerminal } from '../contract.js';
import type { LoadError } from '../contract.js';
import type { JobLook, ResultCounts } from '../activities/types.js';
import { renewTurn } from './allocation/turn.js';
import { filesAgree, missingRows, NO_ROWS, nothingApplied } from './books.js';
import { toLoadError } from './failures.js';
import { abortCurrent, enterJobPhase, fetchResults, look } from './job-calls.js';
import { namedJobs } from '../domain/named-jobs.js';
import type { EarlierQuestion, IngestJobInput, IngestJobResult, JobRun } from './job-run.js';
import { untilCanceled } from './patience.js';
import { settleDelay } from './polling.js';
import { needsPerson, remedyFor, withoutStop } from './remedies.js';
import { cleanupOnFiles, onFiles } from './steps.js';

/** Looks at files that disagree with the counters, which may lag: at most ten minutes in all. */
const DISAGREEMENT_WAITS = ['1m', '3m', '6m'] as const;
const MOST_LAGGING_LOOKS = 3;
const HASTY_WAITS = ['30s'] as const;
/** Nobody who cancels wants to wait for ever; of a load that goes on, the rows matter more. */
const SETTLE_LIMIT_MS = 600_000;
const PATIENT_SETTLE_LIMIT_MS = 86_400_000;

/** Abort what has not ended, wait until the counters stand still, fetch and count. Runs however the job went. */
export async function finish(input: IngestJobInput, run: JobRun, root: CancellationScope): Promise<IngestJobResult> {
  const result = await endJob(input, run, root);
  enterJobPhase(input, run, result.outcome.kind === 'loaded' ? 'done' : 'failed');
  return result;
}

async function endJob(input: IngestJobInput, run: JobRun, root: CancellationScope): Promise<IngestJobResult> {
  const outcome = { part: input.part, counts: NO_ROWS, missing: 0 };
  const result = (kind: 'loaded' | 'notStarted' | 'lost', counts: ResultCounts, agree: boolean): IngestJobResult => ({
    outcome: { ...outcome, kind, counts, missing: kind === 'loaded' ? missingRows(input.records, counts) : 0 },
    jobs: run.jobs,
    apiRequests: run.apiRequests,
    filesAgree: agree,
    canceled: run.canceled,
    lost: run.lost,
    ...(run.error && { error: run.error }),
    ...(run.failedWhole && { failedWhole: run.failedWhole }),
  });
  if (run.question !== undefined) {
    run.error ??= mayHaveBeenSent(input, run.question);
    return result('lost', NO_ROWS, false);
  }
  if (run.jobId === undefined) return result('notStarted', NO_ROWS, true);
  if (!(await mayBeAborted(input, run))) {
    run.error = leftAlone(run);
    return result('lost', NO_ROWS, false);
  }
  try {
    if (!isTerminal(run.last?.state ?? 'Open') || run.last?.id !== run.jobId) await abortCurrent(input, run);
  } catch (error) {
    run.error = notAborted(run, error);
    return result(run.closed ? 'lost' : 'notStarted', NO_ROWS, true);
  }
  // Never closed, so nothing of it was ever processed.
  if (!run.closed && ['Aborted', 'Deleted'].includes(run.last?.state ?? '')) return result('notStarted', NO_ROWS, true);
  try {
    const { counts, agree } = await settleAndFetch(input, run, root);
    const last = run.last as JobLook;
    const nothing = nothingApplied(last, counts);
    explainEnd(run, last, nothing);
    if (!nothing) return result('loaded', counts, agree);
    // Whatever its files name: all rows of it are unprocessed, and the source has them.
    const again = run.failedWhole === undefined ? NO_ROWS : { ...NO_ROWS, unprocessed: input.records };
    return result('notStarted', again, true);
  } catch (error) {
    run.error ??= toLoadError(error);
    return result('lost', NO_ROWS, false);
  }
}

/**
 * A job that may be running is not ended because nobody could see it: its rows are landing. Where a close failed, the
 * job itself says whether it was closed.
 */
async function mayBeAborted(input: IngestJobInput, run: JobRun): Promise<boolean> {
  if (run.canceled || !run.closed) return true;
  const seen = run.last !== undefined && run.last.id === run.jobId;
  if (run.unseen !== true && seen) return true;
  if (run.unseen === true) return false;
  try {
    const { state } = await look(input, run, `was it closed? ${run.jobId}`);
    return state === 'Open' || isTerminal(state);
  } catch {
    return false;
  }
}

/** Nobody answered whose the jobs are: rows that may have landed must not be called unprocessed. */
function mayHaveBeenSent({ part }: IngestJobInput, { pending, unknown }: EarlierQuestion): LoadError {
  return {
    code: 'EARLIER_JOBS_UNKNOWN',
    message:
      `Part ${part} may have been sent before a restore, with job ${namedJobs([...pending, ...unknown])}: what became of its rows ` +
      'is not known. Compare the job in Setup > Bulk Data Load Jobs with the source before you load any of them again.',
  };
}

function leftAlone({ jobId, error }: JobRun): LoadError {
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
function notAborted({ jobId, error: before }: JobRun, error: unknown): LoadError {
  const left = `Job ${jobId} could not be aborted: abort it in Setup > Bulk Data Load Jobs.`;
  return before === undefined
    ? { code: 'JOB_NOT_ABORTED', message: `${left} (${toLoadError(error).message})` }
    : { code: before.code, message: `${before.message} ${left}` };
}

/**
 * A job that could not even begin for a reason that stays, or that somebody aborted, needs a person. One that failed half
 * way, or as a whole for a reason that may pass, is retried.
 */
function explainEnd(run: JobRun, last: JobLook, nothing: boolean): void {
  if (run.error !== undefined || run.canceled) return;
  // The rows that it left are retried.
  if (last.state === 'Aborted' && run.adopted === true && !nothing) return;
  if (last.state === 'Aborted') {
    run.error = {
      code: 'JOB_ABORTED',
      message: `Job ${last.id} was aborted by somebody else, in Setup or by another program. Rows that it had not processed are in the unprocessed file.`,
    };
  } else if (nothing) {
    const reason = withoutStop(last.errorMessage ?? 'Salesforce gives no reason');
    const failed = `Job ${last.id} failed and nothing of it was loaded: ${reason}.`;
    const error = { code: 'JOB_FAILED', message: `${failed}${remedyFor(reason)}` };
    if (!mayGoAgain(last)) {
      run.error = error;
      return;
    }
    run.failedWhole = error;
    run.warnings.push(`${failed} Its rows go with the retries.`);
  }
}

/** A job that failed for a reason that may pass; whether nothing of it was applied, its files must say. */
function mayGoAgain({ state, errorMessage }: JobLook): boolean {
  return state === 'Failed' && !needsPerson(errorMessage);
}

async function settleAndFetch(
  input: IngestJobInput,
  run: JobRun,
  root: CancellationScope,
): Promise<{ counts: ResultCounts; agree: boolean }> {
  const deadline = (): number =>
    began + (run.canceled || root.consideredCancelled ? SETTLE_LIMIT_MS : PATIENT_SETTLE_LIMIT_MS);
  const began = Date.now();
  // A cancel must not wait for an outage.
  const see = async (summary: string): Promise<JobLook> => {
    const found = await untilCanceled(root, run, () => look(input, run, summary));
    // The platform still works on it: its place is not free.
    if (run.turn.granted) await renewTurn(run);
    return found;
  };
  let moving = !(await settle(input, run, see, deadline));
  const fetch = (): Promise<ResultCounts> =>
    untilCanceled(root, run, (hurry) =>
      fetchResults(input, run, hurry ? cleanupOnFiles(input.filesQueue) : onFiles(input.filesQueue, input.outageMs)),
    );
  let counts = await fetch();
  // Rows that landed while the files were fetched are in none of them, or called unprocessed.
  for (let again = 0; !moving && (await hasMoved(input, run, counts, see, again)); again++) {
    moving = !(await settle(input, run, see, deadline)) || Date.now() >= deadline();
    counts = await fetch();
  }
  if (moving) {
    run.warnings.push(
      `Salesforce was still working on job ${run.jobId} when its results were fetched: rows that are called unprocessed may have landed since.`,
    );
  }
  const missing = (): number => missingRows(input.records, counts);
  const agree = (): boolean => filesAgree(run.last as JobLook, counts) && missing() >= 0;
  for (const wait of input.hasty === true ? HASTY_WAITS : DISAGREEMENT_WAITS) {
    if ((agree() && missing() === 0) || isNothing(input, run.last as JobLook, counts)) break;
    await sleep(wait, { summary: 'result files and counters disagree: look again' });
    await see(`look again at ${run.jobId}`);
    counts = await fetch();
  }
  const job = run.jobs.at(-1);
  if (job !== undefined) job.failed = counts.failed;
  return { counts, agree: agree() && !moving };
}

/**
 * An insert whose rows are in no file at all is looked at again before it is sent again: rows of it that land late would
 * be there twice.
 */
function isNothing({ operation }: IngestJobInput, last: JobLook, counts: ResultCounts): boolean {
  return nothingApplied(last, counts) && !(operation === 'insert' && mayGoAgain(last));
}

type See = (summary: string) => Promise<JobLook>;

/** Whether rows of it may still land: a job that completed, or could not begin, is over. */
function mayStillLand(last: JobLook): boolean {
  const { state, processed, failed } = last;
  return state !== 'JobComplete' && !(state === 'Failed' && processed === 0 && failed === 0 && !mayGoAgain(last));
}

/**
 * After Failed or Aborted running batches are still finished: waits for two equal looks.
 * @returns false when the counters still moved at the deadline
 */
async function settle(input: IngestJobInput, run: JobRun, see: See, deadline: () => number): Promise<boolean> {
  if (!mayStillLand(run.last as JobLook)) return true;
  enterJobPhase(input, run, 'settling');
  for (;;) {
    const before = run.last as JobLook;
    const wait = settleDelay(input.poll, run, Date.now());
    await sleep(wait, { summary: `${before.state}: wait until its counters stand still` });
    const now = await see(`settled? ${run.jobId}`);
    if (isSame(before, now)) return true;
    if (Date.now() >= deadline()) return false;
  }
}

/** @param again how often it was so before: counters that stay behind their files for good are not waited for */
async function hasMoved(
  input: IngestJobInput,
  run: JobRun,
  counts: ResultCounts,
  see: See,
  again: number,
): Promise<boolean> {
  const before = run.last as JobLook;
  const landed = counts.succeeded + counts.failed;
  if (!mayStillLand(before) || landed === input.records) return false;
  const now = await see(`still settled? ${run.jobId}`);
  return !isSame(before, now) || (landed > now.processed && again < MOST_LAGGING_LOOKS);
}

function isSame(one: JobLook, other: JobLook): boolean {
  return one.processed === other.processed && one.failed === other.failed;
}
