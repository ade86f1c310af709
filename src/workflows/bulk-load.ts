/** One source file from preflight to the last retried row. The only workflow that callers start. */
import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import {
  allHandlersFinished,
  CancellationScope,
  condition,
  ContinueAsNew,
  isCancellation,
  setCurrentDetails,
  setHandler,
  upsertMemo,
  workflowInfo,
} from '@temporalio/workflow';
import { FILES_QUEUE_MEMO } from '../contract.js';
import type { BulkLoadInput, BulkLoadResult, LoadProgress } from '../contract.js';
import type { LocatedSource, OrgRef, Stage } from '../activities/types.js';
import { recordCounts } from './books.js';
import { nudgeChild, runChild } from './children.js';
import type { JobTemplate } from './children.js';
import { requestsOf, toLoadError } from './failures.js';
import { resolveInput, withoutNulls } from './input.js';
import type { LoadSettings } from './input.js';
import { endLoad, enterPhase } from './load-ending.js';
import { loadParts } from './load-parts.js';
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
import { planInput } from './plan-input.js';
import type { retryFailedRows } from './retry-failed-rows.js';
import { first, onFiles } from './steps.js';
import { markSearchAttributes } from './visibility.js';
import { loadDetails, nameOf } from './words.js';

/** Most parts that the `progress` query lists. */
const MAX_SHOWN_PARTS = 200;

export async function bulkLoad(given: BulkLoadInput, carried?: LoadRun): Promise<BulkLoadResult> {
  const input = withoutNulls(given);
  const root = CancellationScope.current();
  const run = carried ?? newLoad();
  const live: Live = {
    paused: false,
    running: new Map(),
    changes: 0,
    show: (result) => setCurrentDetails(loadDetails(input, run, live, result)),
  };
  listen(run, live);
  live.show();
  try {
    const settings = resolveInput(input, workflowInfo().workflowId);
    if (run.stage === undefined) await prepare(input, settings, run, live);
    enterPhase(run, live, 'loading');
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
    return endLoad(input, run, live, root);
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
    live.show();
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
  setHandler(
    partProgressSignal,
    (part) => {
      if (live.running.has(part.n)) live.running.set(part.n, part);
      live.show();
    },
    { description: 'Sent by the part itself: how its job is doing.' },
  );
  setHandler(
    retryProgressSignal,
    (text) => {
      live.waitingFor = text;
      live.show();
    },
    { description: 'Sent by the retry itself: what it does or waits for.' },
  );
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

/** Finds a worker that sees the source, reads it once, and cuts it into parts. */
async function prepare(input: BulkLoadInput, settings: LoadSettings, run: LoadRun, live: Live): Promise<void> {
  const { connection, loadId } = settings;
  run.located = await first.locateSource.executeWithOptions(
    { summary: `find a worker that sees ${nameOf(input.source)}` },
    [
      {
        source: input.source,
        connection,
        loadId,
        executionId: workflowInfo().firstExecutionRunId,
        ...(input.output !== undefined && { output: input.output }),
      },
    ],
  );
  const { filesQueue, workUri, searchAttributes } = run.located;
  upsertMemo({ [FILES_QUEUE_MEMO]: filesQueue });
  markSearchAttributes(searchAttributes, {
    NightloadObject: input.object,
    NightloadOperation: input.operation,
    NightloadConnection: connection,
  });
  enterPhase(run, live, 'planning');
  try {
    const { value, requests } = await onFiles(filesQueue, settings.outageMs).planLoad.executeWithOptions(
      { summary: `read ${nameOf(input.source)} and cut it into parts` },
      [planInput(input, settings, workUri)],
    );
    run.books.apiRequests += requests.total;
    run.org = { connection, apiVersion: value.apiVersion };
    run.stage = value.stage;
    const { rejected } = value;
    run.books.total = value.stage.records + (rejected?.rows ?? 0);
    run.books.rejected = rejected?.rows ?? 0;
    if (rejected !== undefined) run.files.rejected.push(rejected.uri);
    run.warnings = value.warnings;
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
    outageMs: settings.outageMs,
    searchAttributes,
    reportProgress: true,
    ...(input.assignmentRuleId !== undefined && { assignmentRuleId: input.assignmentRuleId }),
  };
}

async function retry(input: BulkLoadInput, settings: LoadSettings, run: LoadRun, live: Live): Promise<void> {
  enterPhase(run, live, 'retrying');
  const { filesQueue, searchAttributes, workUri } = run.located as LocatedSource;
  live.waitingFor = 'the failed rows to be sorted';
  // From here on rows may land without us being told: should the child vanish, they are unaccounted, not rejected.
  const result = await runChild<typeof retryFailedRows>('retryFailedRows', 'retry', {
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
        outageMs: settings.outageMs,
        retry: settings.retry,
        searchAttributes,
        ...(input.assignmentRuleId !== undefined && { assignmentRuleId: input.assignmentRuleId }),
      },
    ],
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
