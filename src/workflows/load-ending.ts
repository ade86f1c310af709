/** The end of a load, whatever happened before: what is left is sorted, the report written, the result left in the memo. */
import { CancellationScope, upsertMemo, workflowInfo } from '@temporalio/workflow';
import { RESULT_MEMO } from '../contract.js';
import type { BulkLoadInput, BulkLoadResult, LoadPhase } from '../contract.js';
import { loadIdOf } from '../domain/load-ids.js';
import { buildResult } from './books.js';
import { toLoadError } from './failures.js';
import { outageLimitOf } from './input.js';
import { sweepLostJobs } from './lost-jobs.js';
import { notStartedFrom } from './load-parts.js';
import type { Live } from './load-parts.js';
import { listSucceeded } from './load-run.js';
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
  await sortTheRest(input, run, root);
  await sweepLostJobs(input, run);
  const kept = await keepColumns(input, run, root);
  const build = (written: BulkLoadResult['files']): BulkLoadResult => ({
    ...buildResult(head, run.books, { canceled: run.canceled, error: run.error }, written),
    ...(run.warnings.length > 0 && { warnings: run.warnings }),
    ...(run.openJobs.length > 0 && { openJobs: run.openJobs }),
  });
  const succeeded = { succeeded: run.files.succeeded, ...(kept !== undefined && { kept }) };
  let result = build(succeeded);
  if (located !== undefined) {
    const { rejected, unprocessed, changes } = run.files;
    try {
      const written = await fileSteps(input, run, root, (steps) =>
        steps.writeReport.executeWithOptions({ summary: 'report.json and the rejected file' }, [
          {
            ...(run.org && { connection: run.org.connection }),
            outputUri: located.outputUri,
            workUri: located.workUri,
            rejected,
            unprocessed,
            changes,
            ended: run.ended,
            report: build(succeeded),
            ...(input.defuse === true && { defuse: true }),
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

/** The rows that landed, with all columns of the source, for loads of child records. */
async function keepColumns(input: BulkLoadInput, run: LoadRun, root: CancellationScope): Promise<string | undefined> {
  const { located, stage } = run;
  if (input.keepColumns !== true || located === undefined || stage === undefined) return undefined;
  const { outputUri } = located;
  try {
    const { file, why } = await fileSteps(input, run, root, (steps) =>
      steps.keepColumns.executeWithOptions({ summary: 'the rows that landed, with all columns of the source' }, [
        { stageUri: stage.uri, ended: run.ended, outputUri, runId: workflowInfo().runId },
      ]),
    );
    if (why !== undefined) run.warnings.push(why);
    return file;
  } catch (error) {
    run.error ??= toLoadError(error);
    return undefined;
  }
}

/** File work at the end; after a cancel nobody wants to wait for a disk to be mended. */
function fileSteps<T>(
  input: BulkLoadInput,
  run: LoadRun,
  root: CancellationScope,
  step: (steps: ReturnType<typeof onFiles>) => Promise<T>,
): Promise<T> {
  const queue = run.located?.filesQueue ?? '';
  return untilCanceled(root, run, (hurry) =>
    step(hurry ? cleanupOnFiles(queue) : onFiles(queue, outageLimitOf(input))),
  );
}

/** Sorts what did not land into rejected and unprocessed rows, unless that has been done. */
export async function sortTheRest(input: BulkLoadInput, run: LoadRun, root: CancellationScope): Promise<void> {
  const { stage } = run;
  const [first] = run.ended;
  if (run.sorted || stage === undefined || first === undefined || run.located === undefined) return;
  const from = notStartedFrom(run);
  if (run.left.parts === 0 && from === undefined) return;
  // They were not sent again, so it stays the reason.
  if (run.failedWhole !== undefined) run.error ??= run.failedWhole;
  try {
    const sorted = await CancellationScope.nonCancellable(() =>
      fileSteps(input, run, root, (steps) =>
        steps.sortRows.executeWithOptions({ summary: 'sort the rows that did not land' }, [
          {
            stage,
            outcomes: first.outcomes,
            jobs: first.jobs,
            noted: first.noted,
            ...(from !== undefined && { notStartedFrom: from }),
            operation: input.operation,
            final: true,
            nextStageUri: `${stage.uri}none/`,
            partMaxBytes: 0,
          },
        ]),
      ),
    );
    run.sorted = true;
    run.books.rejected += sorted.rejected;
    run.books.unprocessed = sorted.unprocessed;
    run.books.succeeded += sorted.alreadyDone;
    if (sorted.files.alreadyDone !== undefined) {
      first.alreadyDone = sorted.files.alreadyDone;
      listSucceeded(run.files, sorted.files.alreadyDone);
    }
    if (sorted.files.rejected !== undefined) run.files.rejected.push(sorted.files.rejected);
    if (sorted.files.unprocessed !== undefined) run.files.unprocessed.push(sorted.files.unprocessed);
    if (sorted.stop !== undefined) run.error ??= sorted.stop;
  } catch (error) {
    run.error ??= toLoadError(error);
  }
}
