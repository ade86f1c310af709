/**
 * Child of a load: sorts the rows that did not land, and sends again only those that may pass unchanged and those that
 * were never processed, in rounds with growing waits, one job at a time. What remains is rejected or unprocessed.
 */
import {
  allHandlersFinished,
  CancellationScope,
  condition,
  getExternalWorkflowHandle,
  isCancellation,
  setCurrentDetails,
  setHandler,
  sleep,
  workflowInfo,
} from '@temporalio/workflow';
import { isTerminal } from '../contract.js';
import type { PartOutcome, SortedRows, Stage } from '../activities/types.js';
import { NO_ROWS, openBooks } from './books.js';
import { runPart, signalChild } from './children.js';
import { toLoadError } from './failures.js';
import { enterWarnings, isExceptional, succeededUri } from './load-run.js';
import type { RetryInput, RetryResult } from './load-run.js';
import { enterLost } from './job-run.js';
import { pauseSignal, pollNowSignal, resumeSignal, retryProgressSignal } from './messages.js';
import { untilCanceled } from './patience.js';
import { retryDelay } from './polling.js';
import { cleanupOnFiles, onFiles } from './steps.js';
import { markSearchAttributes } from './visibility.js';
import { count, retryDetails, time } from './words.js';

/** The job that runs, and what signals said. */
interface Running {
  name?: string;
  paused: boolean;
}

export async function retryFailedRows(input: RetryInput): Promise<RetryResult> {
  const result: RetryResult = {
    books: openBooks(),
    files: { succeeded: [], rejected: [], unprocessed: [], changes: [] },
    canceled: false,
    lost: { creates: [] },
  };
  let { stage, outcomes } = input;
  const running: Running = { paused: input.paused };
  setHandler(
    pollNowSignal,
    async () => {
      if (running.name !== undefined) await signalChild(running.name, pollNowSignal);
    },
    { description: 'Looks at the running job now instead of at its next timer.' },
  );
  const pause = (paused: boolean) => async (): Promise<void> => {
    running.paused = paused;
    if (running.name !== undefined) await signalChild(running.name, paused ? pauseSignal : resumeSignal);
  };
  setHandler(pauseSignal, pause(true), { description: 'Starts no new job.' });
  setHandler(resumeSignal, pause(false), { description: 'Starts jobs again after a pause.' });
  if (input.sendFirst) ({ stage, outcomes } = await sendStage(input, result, stage, 'sent', running));
  for (let round = 1; ; round++) {
    const next = await sortStage(input, result, stage, outcomes, round);
    if (next === undefined) break;
    ({ stage, outcomes } = await runRound(input, result, next, round, running));
  }
  await CancellationScope.nonCancellable(() => condition(allHandlersFinished));
  setCurrentDetails(retryDetails(input, result, 'done'));
  return result;
}

/** Sorts what did not land; gives the rows of the next round, when there is to be one. */
async function sortStage(
  input: RetryInput,
  result: RetryResult,
  stage: Stage,
  outcomes: PartOutcome[],
  round: number,
): Promise<Stage | undefined> {
  if (outcomes.length === 0) return undefined;
  const root = CancellationScope.current();
  const sort = (final: boolean, hurry = result.canceled): Promise<SortedRows> => {
    const files = hurry ? cleanupOnFiles(input.filesQueue) : onFiles(input.filesQueue, input.outageMs);
    const summary = final ? 'sort the rows that remain' : `find the rows for round ${round}`;
    setCurrentDetails(retryDetails(input, result, summary));
    return files.sortRows.executeWithOptions({ summary }, [
      {
        stage,
        outcomes,
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

function enterSorted({ books, files }: RetryResult, sorted: SortedRows, round: number): void {
  books.rejected += sorted.rejected;
  books.unprocessed += sorted.unprocessed;
  books.succeeded += sorted.alreadyDone;
  books.rerendered += sorted.rerendered;
  // Sent again and found done: that row has landed in a retry.
  if (round > 1) books.recovered += sorted.alreadyDone;
  if (sorted.files.changes !== undefined) files.changes.push(sorted.files.changes);
  if (sorted.files.alreadyDone !== undefined) files.succeeded.push(sorted.files.alreadyDone);
  if (sorted.files.rejected !== undefined) files.rejected.push(sorted.files.rejected);
  if (sorted.files.unprocessed !== undefined) files.unprocessed.push(sorted.files.unprocessed);
}

/** Waits, then sends the round's rows. */
async function runRound(
  input: RetryInput,
  result: RetryResult,
  stage: Stage,
  round: number,
  running: Running,
): Promise<{ stage: Stage; outcomes: PartOutcome[] }> {
  try {
    const wait = retryDelay(input.retry, round, Math.random());
    const sent = `${count(stage.records)} rows`;
    await say(input, result, `round ${round} of at most ${input.retry.maxRounds}: ${sent} again in ${time(wait)}`);
    await sleep(wait, { summary: `round ${round} with ${sent} in ${time(wait)}` });
    result.books.rounds = round;
    await say(input, result, `round ${round} of at most ${input.retry.maxRounds}: sends ${sent} again`);
  } catch (error) {
    if (!isCancellation(error)) throw error;
    result.canceled = true;
  }
  return sendStage(input, result, stage, `round-${round}`, running);
}

/** One job at a time, so that locks end. */
async function sendStage(
  input: RetryInput,
  result: RetryResult,
  stage: Stage,
  name: string,
  running: Running,
): Promise<{ stage: Stage; outcomes: PartOutcome[] }> {
  const outcomes: PartOutcome[] = [];
  for (let part = 1; part <= stage.parts.length; part++) {
    await untilResumed(input, result, running);
    if (result.canceled || result.error !== undefined) {
      outcomes.push({ part, kind: 'notStarted', counts: NO_ROWS, missing: 0 });
      continue;
    }
    const hasty = result.books.disagreeing > 0;
    const job = await runPart(
      { ...template(input), ...(hasty && { hasty }) },
      stage,
      part,
      `${name}/part-${part}`,
      (started) => {
        running.name = started;
        if (running.paused) void signalChild(started, pauseSignal);
      },
    );
    delete running.name;
    enterRoundJob(result, stage, job.outcome);
    result.books.jobs.push(...job.jobs);
    result.books.apiRequests += job.apiRequests;
    enterLost(result.lost, job.lost);
    enterWarnings((result.warnings ??= []), job.warnings);
    if (!job.filesAgree) result.books.disagreeing++;
    result.canceled ||= job.canceled;
    if (job.error !== undefined) result.error ??= job.error;
    if (isExceptional(job.outcome)) outcomes.push(job.outcome);
    markSearchAttributes(input.searchAttributes, {
      NightloadJobIds: result.books.jobs.filter(({ state }) => isTerminal(state)).map(({ id }) => id),
    });
  }
  return { stage, outcomes };
}

async function untilResumed(input: RetryInput, result: RetryResult, running: Running): Promise<void> {
  if (!running.paused || result.canceled || result.error !== undefined) return;
  setCurrentDetails(retryDetails(input, result, 'paused: waits for the signal `resume`'));
  try {
    await condition(() => !running.paused);
  } catch (error) {
    if (!isCancellation(error)) throw error;
    result.canceled = true;
  }
}

function template(input: RetryInput): Parameters<typeof runPart>[0] {
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
    reportProgress: false,
    ...(priority !== undefined && { priority }),
    ...(assignmentRuleId !== undefined && { assignmentRuleId }),
  };
}

function enterRoundJob({ books, files }: RetryResult, stage: Stage, { part, counts }: PartOutcome): void {
  books.succeeded += counts.succeeded;
  books.recovered += counts.succeeded;
  if (counts.succeeded > 0) files.succeeded.push(succeededUri(stage, part));
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
