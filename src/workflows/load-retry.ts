/** Rows that go to the platform once more, as a child of the load: those that failed, and those that came back corrected. */
import { isCancellation, workflowInfo } from '@temporalio/workflow';
import type { BulkLoadInput } from '../contract.js';
import type { EndedStage, LocatedSource, OrgRef, Stage, TakenCorrections } from '../activities/types.js';
import { runChild, signalChild } from './children.js';
import type { LoadSettings } from './input.js';
import { enterPhase } from './load-ending.js';
import type { Live } from './load-parts.js';
import { enterCorrected, enterRetry, evidenceFor } from './load-run.js';
import type { LoadRun, RetryInput, RetryResult } from './load-run.js';
import { pauseSignal, resumeSignal } from './messages.js';
import { noteEnded } from './noted-parts.js';
import type { retryFailedRows } from './retry-failed-rows.js';
import { onFiles } from './steps.js';
import { count } from './words.js';

/** Sends the rows again that failed and may pass, in rounds. */
export async function retryTheRest(
  input: BulkLoadInput,
  settings: LoadSettings,
  run: LoadRun,
  live: Live,
): Promise<void> {
  enterPhase(run, live, 'retrying');
  live.waitingFor = 'the failed rows to be sorted';
  const summary = `${input.operation} ${input.object}: failed and unprocessed rows again`;
  const { workUri } = run.located as LocatedSource;
  const stage = run.stage as Stage;
  // From here on rows may land without us being told: should the child vanish, they are unaccounted, not rejected.
  const result = await child(live, 'retry', summary, {
    ...common(input, settings, run),
    stage,
    ended: run.ended[0] as EndedStage,
    workUri,
    ...(run.failedWhole && { failedWhole: run.failedWhole }),
  }).catch((error: unknown) => {
    if (!isCancellation(error)) {
      run.sorted = true;
      run.books.unprocessed = 0;
    }
    throw error;
  });
  enterRetry(run, result);
  run.canceled ||= result.canceled;
  await note(settings, run);
}

/** Sends rows that were rejected and came back corrected; those that fail again are retried or rejected like others. */
export async function sendCorrected(
  input: BulkLoadInput,
  settings: LoadSettings,
  run: LoadRun,
  live: Live,
  { name, rows, next }: Pick<TakenCorrections, 'rows' | 'next'> & { name: string },
): Promise<void> {
  enterPhase(run, live, 'retrying');
  live.waitingFor = `${count(rows)} corrected rows to be sent`;
  const summary = `${input.operation} ${input.object}: ${count(rows)} corrected rows`;
  const result = await child(live, name, summary, {
    ...common(input, settings, run),
    stage: next,
    workUri: next.uri,
  });
  enterCorrected(run, result);
  run.canceled ||= result.canceled;
  await note(settings, run);
}

async function note({ outageMs }: LoadSettings, { located, ended }: LoadRun): Promise<void> {
  await noteEnded(ended, onFiles((located as LocatedSource).filesQueue, outageMs));
}

async function child(
  live: Live,
  name: string,
  staticSummary: string,
  input: Omit<RetryInput, 'paused'>,
): Promise<RetryResult> {
  const args: [RetryInput] = [{ ...input, paused: live.paused }];
  const onWait = (text: string): void => {
    live.waitingFor = text;
    live.show();
  };
  const onStarted = (started: string): void => {
    live.retrying = started;
    // It was told how things stood before it was started.
    const paused = live.paused;
    if (paused !== args[0].paused) void signalChild(started, paused ? pauseSignal : resumeSignal);
  };
  try {
    return await runChild<typeof retryFailedRows>(
      'retryFailedRows',
      name,
      { args, staticSummary },
      { onStarted, onWait },
    );
  } finally {
    delete live.retrying;
    delete live.waitingFor;
  }
}

function common(
  input: BulkLoadInput,
  settings: LoadSettings,
  run: LoadRun,
): Omit<RetryInput, 'stage' | 'ended' | 'workUri' | 'paused'> {
  const { filesQueue, searchAttributes } = run.located as LocatedSource;
  return {
    ...(run.org as OrgRef),
    object: run.object ?? input.object,
    operation: input.operation,
    filesQueue,
    partMaxBytes: settings.partMaxBytes,
    poll: settings.poll,
    jobTimeoutMs: settings.jobTimeoutMs,
    outageMs: settings.outageMs,
    priority: settings.priority,
    retry: settings.retry,
    searchAttributes,
    evidence: evidenceFor(run, workflowInfo().workflowId),
    ...(input.assignmentRuleId !== undefined && { assignmentRuleId: input.assignmentRuleId }),
  };
}

/** Children that run, to which signals are passed on. */
export function children(live: Live): string[] {
  return live.retrying === undefined ? [...live.started.values()] : [live.retrying];
}
