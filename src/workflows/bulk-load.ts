/** One source file from preflight to the last retried row. The only workflow that callers start. */
import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import {
  allHandlersFinished,
  CancellationScope,
  condition,
  ContinueAsNew,
  executeChild,
  isCancellation,
  setHandler,
  upsertMemo,
  workflowInfo,
} from '@temporalio/workflow';
import { FILES_QUEUE_MEMO, RESULT_MEMO } from '../contract.js';
import type { BulkLoadInput, BulkLoadResult, LoadPhase, LoadProgress } from '../contract.js';
import type { LocatedSource, OrgRef, Stage } from '../activities/types.js';
import { buildResult, recordCounts } from './books.js';
import { nudgeChild } from './children.js';
import type { JobTemplate } from './children.js';
import { requestsOf, toLoadError } from './failures.js';
import { loadIdOf, resolveInput } from './input.js';
import type { LoadSettings } from './input.js';
import { loadParts, partsNotStarted } from './load-parts.js';
import type { Live } from './load-parts.js';
import { enterRetry, mayRetry, newLoad, showParts } from './load-run.js';
import type { LoadRun } from './load-run.js';
import {
  partProgressSignal,
  pauseSignal,
  pollNowSignal,
  progressQuery,
  resumeSignal,
  retryProgressSignal,
} from './messages.js';
import type { retryFailedRows } from './retry-failed-rows.js';
import { cleanupOnFiles, first, onFiles } from './steps.js';
import { markSearchAttributes, showLoad } from './visibility.js';

/** Most parts that the `progress` query lists. */
const MAX_SHOWN_PARTS = 200;

export async function bulkLoad(input: BulkLoadInput, carried?: LoadRun): Promise<BulkLoadResult> {
  const run = carried ?? newLoad();
  const live: Live = { paused: false, running: new Map(), changes: 0 };
  listen(run, live);
  try {
    const settings = resolveInput(input, workflowInfo().workflowId);
    if (run.stage === undefined) await prepare(input, settings, run);
    enterPhase(input, run, 'loading');
    await loadParts(input, settings, run, live, jobTemplate(input, settings, run));
    if (run.error === undefined && !run.canceled && mayRetry(run, input.operation))
      await retry(input, settings, run, live);
  } catch (error) {
    if (error instanceof ContinueAsNew) throw error;
    if (isCancellation(error)) run.canceled = true;
    else run.error ??= toLoadError(error);
  }
  const result = await CancellationScope.nonCancellable(async () => {
    await condition(allHandlersFinished);
    return close(input, run);
  });
  if (result.state === 'Canceled') throw new CancelledFailure('The load was canceled.');
  if (result.state === 'Failed') {
    const { code, message } = result.error ?? { code: 'UNEXPECTED', message: 'The load failed.' };
    throw ApplicationFailure.create({ type: code, message, nonRetryable: true, details: [result] });
  }
  return result;
}

function listen(run: LoadRun, live: Live): void {
  const pause = (paused: boolean) => (): void => {
    live.paused = paused;
    live.changes++;
  };
  setHandler(pauseSignal, pause(true), { description: 'Starts no new job; running ones go on and are polled.' });
  setHandler(resumeSignal, pause(false), { description: 'Starts jobs again after a pause.' });
  setHandler(
    pollNowSignal,
    async () => {
      const children = run.phase === 'retrying' ? ['retry'] : [...live.running.keys()].map((n) => `part-${n}`);
      await Promise.all(children.map(nudgeChild));
    },
    { description: 'Looks at all running jobs now instead of at their next timer.' },
  );
  setHandler(partProgressSignal, (part) => {
    if (live.running.has(part.n)) live.running.set(part.n, part);
  });
  setHandler(retryProgressSignal, (text) => {
    live.waitingFor = text;
  });
  setHandler(
    progressQuery,
    (): LoadProgress => {
      const waitingFor = live.paused ? 'resume' : run.phase === 'retrying' ? live.waitingFor : undefined;
      return {
        phase: run.phase,
        records: recordCounts(run.books),
        parts: showParts(run, live.running, MAX_SHOWN_PARTS),
        paused: live.paused,
        ...(waitingFor !== undefined && { waitingFor }),
      };
    },
    { description: 'Phase, counts and parts of the load.' },
  );
}

function enterPhase(input: BulkLoadInput, run: LoadRun, phase: LoadPhase): void {
  run.phase = phase;
  markSearchAttributes(run.located?.searchAttributes ?? [], { NightloadPhase: phase });
  showLoad(input, run);
}

/** Finds a worker that sees the source, reads it once, and cuts it into parts. */
async function prepare(input: BulkLoadInput, settings: LoadSettings, run: LoadRun): Promise<void> {
  const { connection, loadId } = settings;
  run.located = await first.locateSource.executeWithOptions({ summary: input.source.slice(-180) }, [
    {
      source: input.source,
      connection,
      loadId,
      executionId: workflowInfo().firstExecutionRunId,
      ...(input.output !== undefined && { output: input.output }),
    },
  ]);
  const { filesQueue, workUri, searchAttributes } = run.located;
  upsertMemo({ [FILES_QUEUE_MEMO]: filesQueue });
  markSearchAttributes(searchAttributes, {
    NightloadObject: input.object,
    NightloadOperation: input.operation,
    NightloadConnection: connection,
  });
  enterPhase(input, run, 'planning');
  try {
    const { value, requests } = await onFiles(filesQueue).planLoad.executeWithOptions(
      { summary: 'read and cut the source' },
      [
        {
          source: input.source,
          workUri,
          object: input.object,
          operation: input.operation,
          connection,
          blankAsNull: input.blankAsNull ?? false,
          partMaxBytes: settings.partMaxBytes,
          ...(input.externalIdFieldName !== undefined && { externalIdFieldName: input.externalIdFieldName }),
          ...(input.columns && { columns: input.columns }),
          ...(input.constants && { constants: input.constants }),
          ...(input.delimiter !== undefined && { delimiter: input.delimiter }),
          ...(input.lineEnding !== undefined && { lineEnding: input.lineEnding }),
          ...(input.encoding !== undefined && { encoding: input.encoding }),
        },
      ],
    );
    run.books.apiRequests += requests.total;
    run.org = { connection, apiVersion: value.apiVersion };
    run.stage = value.stage;
    run.books.total = value.stage.records;
  } catch (error) {
    run.books.apiRequests += requestsOf(error).total;
    throw error;
  }
}

function jobTemplate(input: BulkLoadInput, settings: LoadSettings, run: LoadRun): JobTemplate {
  const { filesQueue, searchAttributes } = run.located as LocatedSource;
  return {
    ...(run.org as OrgRef),
    object: input.object,
    filesQueue,
    poll: settings.poll,
    jobTimeoutMs: settings.jobTimeoutMs,
    searchAttributes,
    reportProgress: true,
    ...(input.assignmentRuleId !== undefined && { assignmentRuleId: input.assignmentRuleId }),
  };
}

async function retry(input: BulkLoadInput, settings: LoadSettings, run: LoadRun, live: Live): Promise<void> {
  enterPhase(input, run, 'retrying');
  const { filesQueue, searchAttributes, workUri } = run.located as LocatedSource;
  live.waitingFor = 'the failed rows to be sorted';
  // From here on rows may land without us being told: should the child vanish, they are unaccounted, not rejected.
  const result = await executeChild<typeof retryFailedRows>('retryFailedRows', {
    workflowId: `${workflowInfo().workflowId}/retry`,
    args: [
      {
        ...(run.org as OrgRef),
        stage: run.stage as Stage,
        outcomes: run.outcomes,
        workUri,
        object: input.object,
        operation: input.operation,
        filesQueue,
        partMaxBytes: settings.partMaxBytes,
        poll: settings.poll,
        jobTimeoutMs: settings.jobTimeoutMs,
        retry: settings.retry,
        searchAttributes,
        ...(input.assignmentRuleId !== undefined && { assignmentRuleId: input.assignmentRuleId }),
      },
    ],
    parentClosePolicy: 'REQUEST_CANCEL',
    cancellationType: 'WAIT_CANCELLATION_COMPLETED',
    staticSummary: `${input.operation} ${input.object}: failed and unprocessed rows again`,
  }).catch((error: unknown) => {
    if (!isCancellation(error)) {
      run.sorted = true;
      run.books.unprocessed = 0;
    }
    throw error;
  });
  enterRetry(run, result);
  run.canceled ||= result.canceled;
}

/** Whatever happened: sorts what is left, writes the report, and leaves the result where no worker is needed to read it. */
async function close(input: BulkLoadInput, run: LoadRun): Promise<BulkLoadResult> {
  const { workflowId, runId } = workflowInfo();
  const head = {
    loadId: loadIdOf(input, workflowId),
    workflowId,
    runId,
    object: input.object,
    operation: input.operation,
  };
  enterPhase(input, run, 'reporting');
  const { located } = run;
  if (located !== undefined && run.stage !== undefined && !run.sorted)
    await sortTheRest(input, run, run.stage, located);
  const ending = { canceled: run.canceled, error: run.error };
  let result = buildResult(head, run.books, ending, { succeeded: run.files.succeeded });
  if (located !== undefined && run.stage !== undefined) {
    try {
      const files = await closing(run, located).writeReport.executeWithOptions(
        { summary: 'report.json and the rejected file' },
        [
          {
            outputUri: located.outputUri,
            rejected: run.files.rejected,
            unprocessed: run.files.unprocessed,
            report: { ...result, jobs: run.books.jobs },
          },
        ],
      );
      result = { ...result, files };
    } catch (error) {
      const ended = { ...ending, error: run.error ?? toLoadError(error) };
      result = buildResult(head, run.books, ended, { succeeded: run.files.succeeded });
    }
  }
  const { jobs: _jobs, ...withoutJobs } = result;
  upsertMemo({ [RESULT_MEMO]: withoutJobs });
  run.phase = 'done';
  markSearchAttributes(located?.searchAttributes ?? [], {
    NightloadPhase: 'done',
    NightloadRejected: result.records.rejected,
  });
  showLoad(input, run, result);
  return result;
}

/** After a cancel, nobody wants to wait for a disk to be mended. */
function closing(run: LoadRun, { filesQueue }: LocatedSource): ReturnType<typeof onFiles> {
  return run.canceled ? cleanupOnFiles(filesQueue) : onFiles(filesQueue);
}

async function sortTheRest(input: BulkLoadInput, run: LoadRun, stage: Stage, located: LocatedSource): Promise<void> {
  const outcomes = [...run.outcomes, ...partsNotStarted(run)];
  if (outcomes.length === 0) return;
  try {
    const sorted = await closing(run, located).sortRows.executeWithOptions(
      { summary: 'sort the rows that did not land' },
      [
        {
          stage,
          outcomes,
          operation: input.operation,
          final: true,
          nextStageUri: `${located.workUri}none/`,
          partMaxBytes: 0,
        },
      ],
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
