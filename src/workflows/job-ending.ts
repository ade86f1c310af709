/** How a job ends, whatever happened to it: not Open, settled, its results downloaded and counted. */
import { sleep } from '@temporalio/workflow';
import type { CancellationScope } from '@temporalio/workflow';
import { isTerminal } from '../contract.js';
import type { LoadError } from '../contract.js';
import type { JobLook, ResultCounts } from '../activities/types.js';
import { filesAgree, missingRows, NO_ROWS, nothingApplied } from './books.js';
import { toLoadError } from './failures.js';
import { abortCurrent, counted, enterJobPhase, jobRef, look } from './job-calls.js';
import type { IngestJobInput, IngestJobResult, JobRun } from './job-run.js';
import { untilCanceled } from './patience.js';
import { remedyFor } from './remedies.js';
import { cleanupOnFiles, onFiles } from './steps.js';

/** Looks at files that disagree with the counters, which may lag: at most ten minutes in all. */
const DISAGREEMENT_WAITS = ['1m', '3m', '6m'] as const;
const SETTLE_LIMIT_MS = 600_000;

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
  });
  if (run.jobId === undefined) return result('notStarted', NO_ROWS, true);
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
    return nothing ? result('notStarted', NO_ROWS, true) : result('loaded', counts, agree);
  } catch (error) {
    run.error ??= toLoadError(error);
    return result('lost', NO_ROWS, false);
  }
}

/** The first error stays the one to act on; the job that may still be Open is named with it. */
function notAborted({ jobId, error: before }: JobRun, error: unknown): LoadError {
  const left = `Job ${jobId} could not be aborted: abort it in Setup > Bulk Data Load Jobs.`;
  return before === undefined
    ? { code: 'JOB_NOT_ABORTED', message: `${left} (${toLoadError(error).message})` }
    : { code: before.code, message: `${before.message} ${left}` };
}

/** A job that could not even begin, or that somebody aborted, needs a person. One that failed half way is retried. */
function explainEnd(run: JobRun, last: JobLook, nothing: boolean): void {
  if (run.error !== undefined || run.canceled) return;
  if (last.state === 'Aborted') {
    run.error = {
      code: 'JOB_ABORTED',
      message: `Job ${last.id} was aborted by somebody else, in Setup or by another program. Rows that it had not processed are in the unprocessed file.`,
    };
  } else if (nothing) {
    const reason = last.errorMessage ?? 'Salesforce gives no reason';
    run.error = {
      code: 'JOB_FAILED',
      message: `Job ${last.id} failed and nothing of it was loaded: ${reason}.${remedyFor(reason)}`,
    };
  }
}

async function settleAndFetch(
  input: IngestJobInput,
  run: JobRun,
  root: CancellationScope,
): Promise<{ counts: ResultCounts; agree: boolean }> {
  await settle(input, run);
  const fetch = async (): Promise<ResultCounts> => {
    enterJobPhase(input, run, 'downloading');
    return untilCanceled(root, run, (hurry) => {
      const files = hurry ? cleanupOnFiles(input.filesQueue) : onFiles(input.filesQueue, input.outageMs);
      return counted(
        run,
        files.downloadResults.executeWithOptions({ summary: `results of ${run.jobId}` }, [
          { ...jobRef(input, run), stageUri: input.stageUri, part: input.part, operation: input.operation },
        ]),
      );
    });
  };
  let counts = await fetch();
  const missing = (): number => missingRows(input.records, counts);
  const agree = (): boolean => filesAgree(run.last as JobLook, counts) && missing() >= 0;
  for (const wait of DISAGREEMENT_WAITS) {
    if ((agree() && missing() === 0) || nothingApplied(run.last as JobLook, counts)) break;
    await sleep(wait, { summary: 'result files and counters disagree: look again' });
    await look(input, run, `look again at ${run.jobId}`);
    counts = await fetch();
  }
  const job = run.jobs.at(-1);
  if (job !== undefined) job.failed = counts.failed;
  return { counts, agree: agree() };
}

/** After Failed or Aborted running batches are still finished: wait for two equal looks. */
async function settle(input: IngestJobInput, run: JobRun): Promise<void> {
  const last = run.last as JobLook;
  const structural = last.state === 'Failed' && last.processed === 0 && last.failed === 0;
  if (last.state === 'JobComplete' || structural) return;
  enterJobPhase(input, run, 'settling');
  const deadline = Date.now() + SETTLE_LIMIT_MS;
  let before = last;
  while (Date.now() < deadline) {
    await sleep(input.poll.settleMs, { summary: `${last.state}: wait until its counters stand still` });
    const now = await look(input, run, `settled? ${run.jobId}`);
    if (now.processed === before.processed && now.failed === before.failed) return;
    before = now;
  }
}
