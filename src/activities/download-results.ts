/**
 * Fetches a job's three result files, counts their rows, and keeps those that have any. Repeated freely; the next attempt
 * goes on with the file that the one before it did not get.
 */
import type { ResultKind } from '../salesforce/connection.js';
import { failuresOf, resultDelimiter } from '../csv/results.js';
import type { FailedRows } from '../csv/results.js';
import { isThere, makeFolder, readHead, readRange } from '../storage/files.js';
import type { ActivityDependencies } from './dependencies.js';
import { connectionOf } from './dependencies.js';
import { saveResult } from './save-result.js';
import { loadPlan, partFiles } from './stage.js';
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
      });
      fetched[kind] = rows;
      step.memory = { fetched };
      return rows;
    };
    const succeeded = await fetch('successfulResults', files.succeeded);
    const failed = await fetch('failedResults', files.failed);
    const unprocessed = await fetch('unprocessedrecords', files.unprocessed);
    const failures = failed === 0 ? { forGood: 0 } : await lookAtFailed(files.failed, plan, input, step);
    return {
      succeeded,
      failed,
      unprocessed,
      failedForGood: failures.forGood,
      ...(failures.stop !== undefined && { stop: failures.stop }),
    };
  });
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
