/**
 * Fetches a job's three result files, counts their rows, and keeps those that have any. Repeated freely; the next attempt
 * goes on with the file that the one before it did not get.
 */
import type { ResultKind } from '../salesforce/connection.js';
import { failuresOf, resultDelimiter } from '../csv/results.js';
import type { FailedRows } from '../csv/results.js';
import { detailOf } from '../salesforce/detail.js';
import { isThere, makeFolder, readHead, readRange } from '../storage/files.js';
import type { ActivityDependencies } from './dependencies.js';
import { connectionOf } from './dependencies.js';
import { isNoted, noteDetail } from './details.js';
import { saveResult } from './save-result.js';
import { loadPlan, partFiles, rangeOf } from './stage.js';
import type { StagePlan } from './stage.js';
import { countedStep } from './step.js';
import type { Step } from './step.js';
import type { Counted, DownloadResultsInput, ResultCounts } from './types.js';

export function downloadResults(
  dependencies: ActivityDependencies,
): (input: DownloadResultsInput) => Promise<Counted<ResultCounts>> {
  return countedStep(async (input, step) => {
    const { roots } = dependencies;
    const stageFolder = roots.ownPathOf(input.stageUri);
    const plan = await loadPlan(roots, stageFolder);
    const files = partFiles(stageFolder, input.part);
    const connection = connectionOf(dependencies, input.connection);
    await makeFolder(files.folder);
    const fetched = { ...step.memory?.fetched };
    const fetch = async (kind: ResultKind, path: string): Promise<number> => {
      const before = fetched[kind];
      if (before !== undefined && (before === 0 || (await isThere(path)))) return before;
      const rows = await saveResult(step, {
        connection,
        apiVersion: input.apiVersion,
        jobId: input.jobId,
        kind,
        plan,
        path,
        sent: rangeOf(plan, input.part),
      });
      fetched[kind] = rows;
      step.memory = { fetched };
      return rows;
    };
    const succeeded = await fetch('successfulResults', files.succeeded);
    const failed = await fetch('failedResults', files.failed);
    const unprocessed = await fetch('unprocessedrecords', files.unprocessed);
    const failures = failed === 0 ? { forGood: 0 } : await lookAtFailed(files.failed, plan, input, step);
    const { stop } = failures;
    const code = stop?.code ?? 'STOPPED';
    if (stop !== undefined) await noteDetail(roots, input, { code, job: input.jobId, text: detailOf(stop.raw) });
    if (input.failed === true) await noteReason(dependencies, input, step);
    return {
      succeeded,
      failed,
      unprocessed,
      failedForGood: failures.forGood,
      ...(stop !== undefined && { stop: code }),
    };
  });
}

/** Whoever read the job may be on a host that does not see the folder. That it cannot be asked ends nothing. */
async function noteReason(
  { roots, connections }: ActivityDependencies,
  input: DownloadResultsInput,
  step: Step,
): Promise<void> {
  const { jobId: job, apiVersion } = input;
  const noted = { code: 'JOB_FAILED', job };
  if (await isNoted(roots, input, noted)) return;
  const info = await connections
    .get(input.connection)
    ?.getJob(job, { ...step.call, apiVersion })
    .catch(() => undefined);
  if (info?.errorMessage !== undefined) await noteDetail(roots, input, { ...noted, text: detailOf(info.errorMessage) });
}

async function lookAtFailed(
  path: string,
  plan: StagePlan,
  { operation }: DownloadResultsInput,
  step: Step,
): Promise<FailedRows> {
  const delimiter = resultDelimiter(await readHead(path, 4096), 'sf__Id', plan.delimiter);
  return failuresOf(readRange(path, 0, undefined, step.signal), delimiter, operation);
}
