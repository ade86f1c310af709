/**
 * Child of a load: sorts the rows that did not land, and sends again only those that may pass unchanged and those that
 * were never processed, in rounds with growing waits, one job at a time. What remains is rejected or unprocessed.
 */
import {
  allHandlersFinished,
  CancellationScope,
  condition,
  continueAsNew,
  getExternalWorkflowHandle,
  isCancellation,
  setCurrentDetails,
  setHandler,
  sleep,
  workflowInfo,
} from '@temporalio/workflow';
import { isTerminal } from '../contract.js';
import type { LoadError } from '../contract.js';
import type { EndedStage, PartOutcome, SortedRows, Stage } from '../activities/types.js';
import { isExceptional } from '../part-outcome.js';
import { enterJobs, openBooks } from './books.js';
import { noteWait } from './earlier-jobs.js';
import { runPart, signalChild } from './children.js';
import { toLoadError } from './failures.js';
import { enterWarnings, knowsSizeOf, listSucceeded, succeededUri } from './load-run.js';
import type { RetryInput, RetryResult } from './load-run.js';
import { enterEvidence, enterLost } from './job-run.js';
import { partProgressSignal, pauseSignal, pollNowSignal, resumeSignal, retryProgressSignal } from './messages.js';
import { newEnded, noteEnded } from './noted-parts.js';
import { handedOn, handOn, refuseUnlessChild } from './origin.js';
import { untilCanceled } from './patience.js';
import { retryDelay } from './polling.js';
import { heard, nothing, readPartNow } from './received.js';
import { cleanupOnFiles, onFiles } from './steps.js';
import { markSearchAttributes } from './visibility.js';
import { count, retryDetails, time } from './words.js';

/** More of them a search attribute does not take. */
const MOST_JOB_IDS = 50;

/** The job that runs, and what signals said. */
interface Running {
  name?: string;
  paused: boolean;
}

/** State of a retry: plain data, small enough to be carried over a continue-as-new. */
interface RetryRun {
  result: RetryResult;
  /** The stage that is sent, then sorted. */
  stage: Stage;
  /** Names its jobs. */
  name: string;
  /** Its next part to send; absent once all are through. */
  next?: number;
  /** Something of it has to be sorted. */
  unsorted: boolean;
  /** Then: this part and all after it were never started. */
  notStartedFrom?: number;
  /** The round that the next sorting finds rows for. */
  round: number;
  /** Why a job of the stage failed as a whole whose rows may pass later. */
  failedWhole?: LoadError | undefined;
  paused: boolean;
}

function newRetry({ stage, ended, paused, failedWhole }: RetryInput): RetryRun {
  const sendFirst = ended === undefined;
  return {
    result: {
      books: openBooks(),
      files: { succeeded: [], rejected: [], unprocessed: [], changes: [] },
      ended: sendFirst ? [newEnded(stage.uri)] : [],
      canceled: false,
      lost: { creates: [] },
    },
    stage,
    name: 'sent',
    ...(sendFirst && { next: 1 }),
    unsorted: !sendFirst,
    round: 1,
    failedWhole,
    paused,
  };
}

export async function retryFailedRows(input: RetryInput, carried?: RetryRun): Promise<RetryResult> {
  refuseUnlessChild('retryFailedRows');
  const run = handedOn(carried) ?? newRetry(input);
  const running: Running = { paused: run.paused };
  setHandler(
    pollNowSignal,
    heard('pollNow', nothing, async () => {
      if (running.name !== undefined) await signalChild(running.name, pollNowSignal);
    }),
    { description: 'Looks at the running job now instead of at its next timer.' },
  );
  const pause = (paused: boolean) => async (): Promise<void> => {
    running.paused = paused;
    run.paused = paused;
    if (running.name !== undefined) await signalChild(running.name, paused ? pauseSignal : resumeSignal);
  };
  setHandler(pauseSignal, heard('pause', nothing, pause(true)), { description: 'Starts no new job.' });
  setHandler(resumeSignal, heard('resume', nothing, pause(false)), { description: 'Starts jobs again after a pause.' });
  setHandler(
    partProgressSignal,
    heard('partProgress', readPartNow, async ({ waitingFor, inQuestion }) => {
      if (inQuestion === true && waitingFor !== undefined) await say(input, run.result, waitingFor);
    }),
    { description: 'Sent by a job that waits for a person.' },
  );
  for (;;) {
    if (run.next !== undefined) await sendStage(input, run, running);
    const next = await sortStage(input, run);
    if (next === undefined) break;
    await beginRound(input, run, next);
  }
  // It failed in every round, so that its rows need a person after all.
  const { result, failedWhole } = run;
  if (failedWhole !== undefined && result.books.unprocessed > 0 && !result.canceled) result.error ??= failedWhole;
  await CancellationScope.nonCancellable(() => condition(allHandlersFinished));
  setCurrentDetails(retryDetails(input, run.result, 'done'));
  return run.result;
}

/** Sorts what did not land; gives the rows of the next round, when there is to be one. */
async function sortStage(input: RetryInput, run: RetryRun): Promise<Stage | undefined> {
  const { result, stage, round } = run;
  if (!run.unsorted) return undefined;
  const root = CancellationScope.current();
  const { outcomes, jobs, noted } = result.ended.at(-1) ?? (input.ended as EndedStage);
  const sort = (final: boolean, hurry = result.canceled): Promise<SortedRows> => {
    const files = hurry ? cleanupOnFiles(input.filesQueue) : onFiles(input.filesQueue, input.outageMs);
    const summary = final ? 'sort the rows that remain' : `find the rows for round ${round}`;
    setCurrentDetails(retryDetails(input, result, summary));
    return files.sortRows.executeWithOptions({ summary }, [
      {
        stage,
        outcomes,
        jobs,
        noted,
        ...(run.notStartedFrom !== undefined && { notStartedFrom: run.notStartedFrom }),
        operation: input.operation,
        final,
        nextStageUri: `${input.workUri}round-${round}/`,
        partMaxBytes: input.partMaxBytes,
        serial: round === input.retry.maxRounds,
        ...(input.retry.fixes.length > 0 && { fixes: input.retry.fixes }),
      },
    ]);
  };
  const isLast = (): boolean => round > input.retry.maxRounds || result.canceled || result.error !== undefined;
  let sorted: SortedRows | undefined;
  if (!isLast()) {
    try {
      sorted = await sort(false);
      if (sorted.stop !== undefined) {
        result.error = sorted.stop;
        sorted = undefined;
      }
    } catch (error) {
      if (isCancellation(error)) result.canceled = true;
      else result.error = toLoadError(error);
    }
  }
  try {
    sorted ??= await CancellationScope.nonCancellable(() => untilCanceled(root, result, (hurry) => sort(true, hurry)));
  } catch (error) {
    result.error ??= toLoadError(error);
    return undefined;
  }
  if (sorted.stop !== undefined) result.error ??= sorted.stop;
  enterSorted(result, sorted, round);
  return sorted.next;
}

function enterSorted(result: RetryResult, sorted: SortedRows, round: number): void {
  const { books, files } = result;
  books.rejected += sorted.rejected;
  books.unprocessed += sorted.unprocessed;
  books.succeeded += sorted.alreadyDone;
  books.rerendered += sorted.rerendered;
  // Sent again and found done: that row has landed in a retry.
  if (round > 1) books.recovered += sorted.alreadyDone;
  if (sorted.files.changes !== undefined) files.changes.push(sorted.files.changes);
  if (sorted.files.alreadyDone !== undefined) {
    // The first stage to be sorted may be one that others sent.
    (result.ended.at(-1) ?? result).alreadyDone = sorted.files.alreadyDone;
    listSucceeded(files, sorted.files.alreadyDone);
  }
  if (sorted.files.rejected !== undefined) files.rejected.push(sorted.files.rejected);
  if (sorted.files.unprocessed !== undefined) files.unprocessed.push(sorted.files.unprocessed);
}

/** Waits until the round's rows may be sent. */
async function beginRound(input: RetryInput, run: RetryRun, stage: Stage): Promise<void> {
  const { result, round } = run;
  result.ended.push(newEnded(stage.uri));
  Object.assign(run, {
    stage,
    name: `round-${round}`,
    next: 1,
    unsorted: false,
    round: round + 1,
    failedWhole: undefined,
  } satisfies Partial<RetryRun>);
  try {
    const wait = retryDelay(input.retry, round, Math.random());
    const sent = `${count(stage.records)} rows`;
    await say(input, result, `round ${round} of at most ${input.retry.maxRounds}: ${sent} again in ${time(wait)}`);
    const waitingSince = Date.now();
    await sleep(wait, { summary: `round ${round} with ${sent} in ${time(wait)}` });
    noteWait(result, waitingSince + wait);
    result.books.rounds = round;
    await say(input, result, `round ${round} of at most ${input.retry.maxRounds}: sends ${sent} again`);
  } catch (error) {
    if (!isCancellation(error)) throw error;
    result.canceled = true;
  }
}

/** One job at a time, so that locks end. */
async function sendStage(input: RetryInput, run: RetryRun, running: Running): Promise<void> {
  const { result, stage, name } = run;
  const ended = result.ended.at(-1) as EndedStage;
  for (let part = run.next ?? 1; part <= stage.parts; part++) {
    run.next = part;
    await untilReady(input, run, running);
    if (result.canceled || result.error !== undefined) {
      run.notStartedFrom = part;
      run.unsorted = true;
      break;
    }
    const hasty = result.books.disagreeing > 0;
    const job = await runPart(
      { ...template(input, result), ...(hasty && { hasty }) },
      stage,
      part,
      `${name}/part-${part}`,
      {
        onStarted: (started) => {
          running.name = started;
          if (running.paused) void signalChild(started, pauseSignal);
        },
        onWait: (text) => void say(input, result, text).catch(() => undefined),
      },
    );
    delete running.name;
    enterRoundJob(result, stage, job.outcome);
    ended.outcomes.push(job.outcome);
    ended.jobs.push(...job.jobs);
    const isListed = result.books.jobsTotal < MOST_JOB_IDS;
    enterJobs(result.books, job.jobs);
    result.books.apiRequests += job.apiRequests;
    enterLost(result.lost, job.lost);
    enterEvidence(result, job);
    enterWarnings((result.warnings ??= []), job.warnings);
    if (!job.filesAgree) result.books.disagreeing++;
    result.canceled ||= job.canceled;
    if (job.error !== undefined) result.error ??= job.error;
    run.failedWhole ??= job.failedWhole;
    run.unsorted ||= isExceptional(job.outcome);
    if (!isListed) continue;
    markSearchAttributes(input.searchAttributes, {
      NightloadJobIds: result.books.jobs.filter(({ state }) => isTerminal(state)).map(({ id }) => id),
    });
  }
  delete run.next;
}

/** Before a part: a pause is waited out, and what grows is put into files. */
async function untilReady(input: RetryInput, run: RetryRun, running: Running): Promise<void> {
  const { result, stage, next = 1 } = run;
  const files = onFiles(input.filesQueue, input.outageMs);
  try {
    await untilResumed(input, result, running);
    if (result.canceled || result.error !== undefined) return;
    await noteEnded(result.ended, files);
    if (!knowsSizeOf(stage, next)) {
      stage.sizes = await files.readPartSizes.executeWithOptions({ summary: `sizes of the parts from ${next} on` }, [
        { stageUri: stage.uri, from: next },
      ]);
    }
    await condition(allHandlersFinished);
  } catch (error) {
    if (isCancellation(error)) result.canceled = true;
    else result.error ??= toLoadError(error);
    return;
  }
  // Only between two jobs: a child would be told that its parent closed.
  if (workflowInfo().continueAsNewSuggested) await continueAsNew<typeof retryFailedRows>(input, handOn(run));
}

async function untilResumed(input: RetryInput, result: RetryResult, running: Running): Promise<void> {
  if (!running.paused || result.canceled || result.error !== undefined) return;
  setCurrentDetails(retryDetails(input, result, 'paused: waits for the signal `resume`'));
  await condition(() => !running.paused);
}

function template(input: RetryInput, { soundAt, doubtAt }: RetryResult): Parameters<typeof runPart>[0] {
  const {
    connection,
    apiVersion,
    object,
    assignmentRuleId,
    filesQueue,
    poll,
    jobTimeoutMs,
    outageMs,
    priority,
    searchAttributes,
  } = input;
  return {
    connection,
    apiVersion,
    object,
    filesQueue,
    poll,
    jobTimeoutMs,
    outageMs,
    searchAttributes,
    evidence: enterEvidence(
      { ...input.evidence },
      { ...(soundAt !== undefined && { soundAt }), ...(doubtAt !== undefined && { doubtAt }) },
    ),
    reportProgress: false,
    ...(priority !== undefined && { priority }),
    ...(assignmentRuleId !== undefined && { assignmentRuleId }),
  };
}

function enterRoundJob({ books, files }: RetryResult, stage: Stage, { part, counts }: PartOutcome): void {
  books.succeeded += counts.succeeded;
  books.recovered += counts.succeeded;
  if (counts.succeeded > 0) listSucceeded(files, succeededUri(stage, part));
}

/** On this workflow's page and on that of its parent. */
async function say(input: RetryInput, result: RetryResult, text: string): Promise<void> {
  setCurrentDetails(retryDetails(input, result, text));
  const parent = workflowInfo().parent;
  if (parent === undefined) return;
  try {
    await getExternalWorkflowHandle(parent.workflowId).signal(retryProgressSignal, text);
  } catch (error) {
    // A parent that has gone will cancel us; until then the rows matter more.
    if (isCancellation(error)) throw error;
  }
}
