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
import { FILES_HOST_MEMO, FILES_QUEUE_MEMO } from '../contract.js';
import type { BulkLoadInput, BulkLoadResult, LoadProgress } from '../contract.js';
import type { LocatedSource, OrgRef } from '../activities/types.js';
import { recordCounts, soFar } from './books.js';
import { signalChild } from './children.js';
import type { JobTemplate } from './children.js';
import { requestsOf, toLoadError } from './failures.js';
import type { LoadSettings } from './input.js';
import { endLoad, enterPhase, sortTheRest } from './load-ending.js';
import { holdForCorrections, letFixerCorrect, listenForCorrections, mayGoOn } from './load-holding.js';
import { loadParts } from './load-parts.js';
import type { Live } from './load-parts.js';
import { children, retryTheRest } from './load-retry.js';
import { mayRetry, newLoad, showParts } from './load-run.js';
import type { LoadRun } from './load-run.js';
import {
  partProgressSignal,
  pauseSignal,
  pollNowSignal,
  progressQuery,
  resumeSignal,
  retryProgressSignal,
  soFarQuery,
} from './messages.js';
import { newEnded } from './noted-parts.js';
import { handedOn } from './origin.js';
import { planInput, wishOf } from './plan-input.js';
import { readInput } from './read-input.js';
import { heard, nothing, readPartNow, readText } from './received.js';
import { locateSource, lookForSource } from './locate-source.js';
import { onFiles } from './steps.js';
import { markSearchAttributes } from './visibility.js';
import { waitForSource } from './wait-for-source.js';
import type { LookForSource } from './wait-for-source.js';
import { loadDetails, nameOf } from './words.js';

export async function bulkLoad(given: BulkLoadInput, carried?: LoadRun): Promise<BulkLoadResult> {
  const { input, settings: settingsOf } = readInput(given, workflowInfo().workflowId);
  const root = CancellationScope.current();
  const run = handedOn(carried) ?? newLoad();
  // Not the time of this run's first task: what was restored may be older than that.
  run.soundAt ??= workflowInfo().startTime.getTime();
  const live: Live = {
    paused: run.paused ?? false,
    running: new Map(),
    started: new Map(),
    changes: 0,
    show: (result) => setCurrentDetails(loadDetails(input, run, live, result)),
  };
  listen(run, live);
  listenForCorrections(input, settingsOf, run, live);
  live.show();
  try {
    const settings = settingsOf();
    if (run.stage === undefined) await prepare(input, settings, run, live);
    run.loadingSince ??= Date.now();
    enterPhase(run, live, 'loading');
    await loadParts(input, settings, run, live, jobTemplate(input, settings, run));
    if (mayGoOn(run)) await correct(input, settings, run, live, root);
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

/** Brings home what did not land: again unchanged or by rule, then by a fixer, then by people. */
async function correct(
  input: BulkLoadInput,
  settings: LoadSettings,
  run: LoadRun,
  live: Live,
  root: CancellationScope,
): Promise<void> {
  if (!run.sorted && mayRetry(run, input.operation, settings)) await retryTheRest(input, settings, run, live);
  const isCorrected = settings.fixer !== undefined || settings.holdForMs > 0;
  if (!isCorrected || !mayGoOn(run)) return;
  await sortTheRest(input, run, root);
  if (mayGoOn(run) && run.holdUntil === undefined) await letFixerCorrect(input, settings, run, live);
  if (mayGoOn(run)) await holdForCorrections(input, settings, run, live);
}

function listen(run: LoadRun, live: Live): void {
  const pause = (paused: boolean) => async (): Promise<void> => {
    live.paused = paused;
    run.paused = paused;
    live.changes++;
    live.show();
    await Promise.all(children(live).map((name) => signalChild(name, paused ? pauseSignal : resumeSignal)));
  };
  setHandler(pauseSignal, heard('pause', nothing, pause(true)), {
    description: 'Starts no new job; running ones go on and are polled.',
  });
  setHandler(resumeSignal, heard('resume', nothing, pause(false)), { description: 'Starts jobs again after a pause.' });
  setHandler(
    pollNowSignal,
    heard('pollNow', nothing, async () => {
      live.changes++;
      await Promise.all(children(live).map((name) => signalChild(name, pollNowSignal)));
    }),
    { description: 'Looks at all running jobs now instead of at their next timer.' },
  );
  setHandler(
    partProgressSignal,
    heard('partProgress', readPartNow, (part) => {
      if (live.running.has(part.n)) live.running.set(part.n, part);
      live.show();
    }),
    { description: 'Sent by the part itself: how its job is doing.' },
  );
  setHandler(
    retryProgressSignal,
    heard('retryProgress', readText, (text) => {
      live.waitingFor = text;
      live.show();
    }),
    { description: 'Sent by the retry itself: what it does or waits for.' },
  );
  setHandler(
    progressQuery,
    (): LoadProgress => {
      const waitingFor = live.paused ? 'resume' : (live.waitingFor ?? waitingForAnswer(live.running));
      return {
        phase: run.phase,
        records: recordCounts(run.books),
        parts: showParts(run, live.running),
        ended: run.books.seen,
        ...(run.loadingSince !== undefined && { loadingSince: new Date(run.loadingSince).toISOString() }),
        paused: live.paused,
        ...(waitingFor !== undefined && { waitingFor }),
        ...(run.phase === 'holding' && live.rejectedFile !== undefined && { rejectedFile: live.rejectedFile }),
      };
    },
    { description: 'Phase, counts and parts of the load.' },
  );
  setHandler(
    soFarQuery,
    () => ({
      ...soFar(run.books),
      files: {
        succeeded: run.files.succeeded,
        ...(run.phase === 'holding' && live.rejectedFile !== undefined && { rejected: live.rejectedFile }),
      },
      ...(run.warnings.length > 0 && { warnings: run.warnings }),
    }),
    { description: 'What the result would say now: jobs that have ended, files, requests.' },
  );
}

/** What a person is asked, else what the first part that waits for the org's allocation waits for. */
function waitingForAnswer(running: Live['running']): string | undefined {
  const parts = [...running.values()];
  const asking = parts.find(({ inQuestion }) => inQuestion === true);
  if (asking !== undefined) return asking.waitingFor;
  const part = parts.find(({ waitingFor }) => waitingFor !== undefined);
  return part && `allocation: part ${part.n} ${part.waitingFor}`;
}

/** A source that is not there yet may come, as long as the input says. Gives the queue of workers that saw it. */
async function awaitLateSource(input: BulkLoadInput, settings: LoadSettings, live: Live): Promise<string | undefined> {
  const { connection, outageMs, poll, waitForSourceMs: waitMs } = settings;
  if (waitMs === 0) return undefined;
  const { source } = input;
  const asked = { source, connection, ...wishOf(input, settings) };
  const look: LookForSource = async (queue, everywhere) =>
    queue === undefined
      ? lookForSource(asked, everywhere)
      : {
          look: await onFiles(queue, outageMs).awaitSource.executeWithOptions(
            { summary: `look for ${nameOf(source)}`, scheduleToCloseTimeout: '2m' },
            [asked],
          ),
        };
  return waitForSource({ source, waitMs, poll }, look, live);
}

/** Finds a worker that sees the source, reads it once, and cuts it into parts. */
async function prepare(input: BulkLoadInput, settings: LoadSettings, run: LoadRun, live: Live): Promise<void> {
  const { connection, loadId } = settings;
  const seenBy = await awaitLateSource(input, settings, live);
  run.located = await locateSource(
    {
      source: input.source,
      connection,
      loadId,
      executionId: workflowInfo().firstExecutionRunId,
      refuseLanded: input.again !== true,
      ...wishOf(input, settings),
      ...(input.output !== undefined && { output: input.output }),
    },
    seenBy,
  );
  const { filesQueue, host, workUri, searchAttributes } = run.located;
  upsertMemo({ [FILES_QUEUE_MEMO]: filesQueue, ...(host !== undefined && { [FILES_HOST_MEMO]: host }) });
  markSearchAttributes(searchAttributes, {
    NightloadObject: input.object,
    NightloadOperation: input.operation,
    NightloadConnection: connection,
  });
  enterPhase(run, live, 'planning');
  try {
    const { value, requests, late } = await onFiles(filesQueue, settings.outageMs).planLoad.executeWithOptions(
      { summary: `read ${nameOf(input.source)} and cut it into parts` },
      [planInput(input, settings, workUri)],
    );
    run.books.apiRequests += requests.total;
    if (late === true) run.doubtAt = Date.now();
    run.org = { connection, apiVersion: value.apiVersion };
    run.stage = value.stage;
    run.ended = [newEnded(value.stage.uri)];
    run.object = value.object ?? input.object;
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
    object: run.object ?? input.object,
    filesQueue,
    poll: settings.poll,
    jobTimeoutMs: settings.jobTimeoutMs,
    outageMs: settings.outageMs,
    priority: settings.priority,
    searchAttributes,
    reportProgress: true,
    ...(input.assignmentRuleId !== undefined && { assignmentRuleId: input.assignmentRuleId }),
  };
}
