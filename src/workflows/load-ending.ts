/** The end of a load, whatever happened before: what is left is sorted, the report written, the result left in the memo. */
import { upsertMemo, workflowInfo } from '@temporalio/workflow';
import type { CancellationScope } from '@temporalio/workflow';
import { RESULT_MEMO } from '../contract.js';
import type { BulkLoadInput, BulkLoadResult, LoadPhase } from '../contract.js';
import type { Stage } from '../activities/types.js';
import { buildResult } from './books.js';
import { toLoadError } from './failures.js';
import { loadIdOf, outageLimitOf } from './input.js';
import { sweepLostJobs } from './lost-jobs.js';
import { partsNotStarted } from './load-parts.js';
import type { Live } from './load-parts.js';
import type { LoadRun } from './load-run.js';
import { untilCanceled } from './patience.js';
import { cleanupOnFiles, onFiles } from './steps.js';
import { markSearchAttributes } from './visibility.js';

/** A new phase, shown on the load's page and in lists. */
export function enterPhase(run: LoadRun, live: Live, phase: LoadPhase): void {
  run.phase = phase;
  markSearchAttributes(run.located?.searchAttributes ?? [], { NightloadPhase: phase });
  live.show();
}

/** Whatever happened: sorts what is left, writes the report, and leaves the result where no worker is needed to read it. */
export async function endLoad(
  input: BulkLoadInput,
  run: LoadRun,
  live: Live,
  root: CancellationScope,
): Promise<BulkLoadResult> {
  const { workflowId, runId } = workflowInfo();
  const head = {
    loadId: loadIdOf(input, workflowId),
    workflowId,
    runId,
    object: input.object,
    operation: input.operation,
  };
  enterPhase(run, live, 'reporting');
  const { located } = run;
  const outageMs = outageLimitOf(input);
  const files: FileSteps = (step) =>
    untilCanceled(root, run, (hurry) => {
      const queue = located?.filesQueue ?? '';
      return step(hurry ? cleanupOnFiles(queue) : onFiles(queue, outageMs));
    });
  if (located !== undefined && run.stage !== undefined && !run.sorted) await sortTheRest(input, run, run.stage, files);
  await sweepLostJobs(input, run);
  const build = (written: BulkLoadResult['files']): BulkLoadResult => ({
    ...buildResult(head, run.books, { canceled: run.canceled, error: run.error }, written),
    ...(run.warnings.length > 0 && { warnings: run.warnings }),
    ...(run.openJobs.length > 0 && { openJobs: run.openJobs }),
  });
  const succeeded = { succeeded: run.files.succeeded };
  let result = build(succeeded);
  if (located !== undefined) {
    const { rejected, unprocessed } = run.files;
    try {
      const written = await files((steps) =>
        steps.writeReport.executeWithOptions({ summary: 'report.json and the rejected file' }, [
          {
            outputUri: located.outputUri,
            rejected,
            unprocessed,
            report: { ...build(succeeded), jobs: run.books.jobs },
          },
        ]),
      );
      result = build(written);
    } catch (error) {
      run.error ??= toLoadError(error);
      result = build(succeeded);
    }
  }
  const { jobs: _jobs, ...withoutJobs } = result;
  upsertMemo({ [RESULT_MEMO]: withoutJobs });
  run.phase = 'done';
  markSearchAttributes(located?.searchAttributes ?? [], {
    NightloadPhase: 'done',
    NightloadRejected: result.records.rejected,
  });
  live.show(result);
  return result;
}

/** File work at the end; after a cancel nobody wants to wait for a disk to be mended. */
type FileSteps = <T>(step: (steps: ReturnType<typeof onFiles>) => Promise<T>) => Promise<T>;

async function sortTheRest(input: BulkLoadInput, run: LoadRun, stage: Stage, files: FileSteps): Promise<void> {
  const outcomes = [...run.outcomes, ...partsNotStarted(run)];
  if (outcomes.length === 0) return;
  try {
    const sorted = await files((steps) =>
      steps.sortRows.executeWithOptions({ summary: 'sort the rows that did not land' }, [
        {
          stage,
          outcomes,
          operation: input.operation,
          final: true,
          nextStageUri: `${stage.uri}none/`,
          partMaxBytes: 0,
        },
      ]),
    );
    run.books.rejected += sorted.rejected;
    run.books.unprocessed = sorted.unprocessed;
    run.books.succeeded += sorted.alreadyDone;
    if (sorted.files.alreadyDone !== undefined) run.files.succeeded.push(sorted.files.alreadyDone);
    if (sorted.files.rejected !== undefined) run.files.rejected.push(sorted.files.rejected);
    if (sorted.files.unprocessed !== undefined) run.files.unprocessed.push(sorted.files.unprocessed);
    if (sorted.stop !== undefined) run.error ??= sorted.stop;
  } catch (error) {
    run.error ??= toLoadError(error);
  }
}
