/** Starting `ingestJob` children, and reading what became of them however they ended. */
import {
  ApplicationFailure,
  ChildWorkflowFailure,
  TerminatedFailure,
  TimeoutFailure,
  WorkflowExecutionAlreadyStartedError,
} from '@temporalio/common';
import type { SignalDefinition, WithWorkflowArgs, Workflow, WorkflowResultType } from '@temporalio/common';
import {
  CancellationScope,
  getExternalWorkflowHandle,
  isCancellation,
  sleep,
  startChild,
  workflowInfo,
} from '@temporalio/workflow';
import type { ChildWorkflowOptions } from '@temporalio/workflow';
import type { PartGroup, Stage } from '../activities/types.js';
import { NO_ROWS } from './books.js';
import { toLoadError, withUnknownClock } from './failures.js';
import type { ingestJob } from './ingest-job.js';
import { enterLost } from './job-run.js';
import type { IngestJobInput, IngestJobResult, LostJobs } from './job-run.js';
import { recordsOf } from './load-run.js';
import { CLAIM_FILE, partFolder } from '../layout.js';
import { endOf, lookBack, randomSeed } from './child-end.js';
import type { Untold } from './child-end.js';
import { isJobResult } from './received.js';
import { count } from './words.js';

/** What all jobs of a load have in common. */
export type JobTemplate = Omit<
  IngestJobInput,
  'stageUri' | 'part' | 'records' | 'operation' | 'externalIdFieldName' | 'columnDelimiter' | 'lineEnding'
>;

function groupOf(stage: Stage, part: number): PartGroup {
  const group = stage.groups.find(({ firstPart, lastPart }) => part >= firstPart && part <= lastPart);
  if (group === undefined) throw new RangeError(`part ${part} belongs to no group`);
  return group;
}

/** How often a child is started again under another id: after it was terminated, or while one of before a reset runs. */
const MOST_AGAIN = 10;
/** Children of a load that was terminated abort their jobs for so long; their ids are not free before. */
const EARLIER_RUN_WAITS = 120;
const EARLIER_RUN_WAIT = '10s';

export interface ChildWatch {
  /** From here on signals reach it, by the name that is given: another one when it was started again. */
  onStarted?: (name: string) => void;
  /** Its id is taken: what it waits for, as the end of a sentence. */
  onWait?: (text: string) => void;
}

/**
 * Runs a child to its end. One that somebody terminated is started again under another id: what it had sent is noted
 * beside the part's results, so that it goes on with that.
 */
export async function runChild<T extends Workflow>(
  type: string,
  name: string,
  options: Pick<ChildWorkflowOptions, 'staticSummary'> & { args: Parameters<T> },
  watch: ChildWatch & {
    onTerminated?: (startedAt: number) => void;
    /** Whether a child that was started again says what became of what those before it did. */
    isWhole?: (result: WorkflowResultType<T>) => boolean;
  } = {},
): Promise<WorkflowResultType<T>> {
  type Result = WorkflowResultType<T>;
  let waits = 0;
  // Of the last child that ended without telling how.
  let before: (() => Promise<Untold<Result>>) | undefined;
  for (let again = 0; ;) {
    const started = `${name}${again === 0 ? '' : `/again-${again}`}`;
    const workflowId = `${workflowInfo().workflowId}/${started}`;
    const startedAt = Date.now();
    const seed = randomSeed();
    try {
      const handle = await startChild<T>(type, {
        ...options,
        workflowId,
        // Even a load that is terminated has its jobs aborted, by its children.
        parentClosePolicy: 'REQUEST_CANCEL',
        cancellationType: 'WAIT_CANCELLATION_COMPLETED',
      } as unknown as WithWorkflowArgs<T, ChildWorkflowOptions>);
      watch.onStarted?.(started);
      const end = await endOf<Result>(handle.result(), { workflowId, seed });
      if ('value' in end) {
        if (before === undefined || watch.isWhole?.(end.value) !== false) return end.value;
        return await lastWord(name, before);
      }
      const { untold } = end;
      const { result } = untold;
      if (before === undefined || result === undefined || watch.isWhole?.(result) !== false) {
        before = () => Promise.resolve(untold);
      }
      if (again >= MOST_AGAIN || CancellationScope.current().consideredCancelled) return await lastWord(name, before);
      watch.onTerminated?.(startedAt);
      again++;
    } catch (error) {
      // Not started again, but what it had done before stays done.
      if (isCancellation(error) && before !== undefined) return await lastWord(name, before);
      if (error instanceof WorkflowExecutionAlreadyStartedError && wasReset() && again < MOST_AGAIN) {
        // A reset leaves children running. Ours goes on with the job of that one, which is noted beside the results.
        before = () => lookBack<Result>(workflowId);
        again++;
      } else if (error instanceof WorkflowExecutionAlreadyStartedError && waits < EARLIER_RUN_WAITS) {
        waits++;
        watch.onWait?.(idTaken(workflowId));
        await sleep(EARLIER_RUN_WAIT, { summary: `${name} of an earlier run is still ending` });
      } else if (wasEndedFromOutside(error) && again < MOST_AGAIN) {
        before = () => lookBack<Result>(workflowId);
        watch.onTerminated?.(startedAt);
        again++;
      } else throw error;
    }
  }
}

/** After a cancel nothing is started again: what a child left as its result counts, else nobody knows. */
async function lastWord<R>(name: string, before: () => Promise<Untold<R>>): Promise<R> {
  const { result, jobIds } = await before();
  if (result !== undefined) return result;
  const known = jobIds.length === 0 ? '' : ` It had job ${jobIds.join(', ')}.`;
  throw ApplicationFailure.nonRetryable(
    `${name} was terminated, or the load was reset to a moment before its end, and its result cannot be had.${known}`,
    'CHILD_LOST',
  );
}

/** Mostly an earlier run's child, but anybody may start a workflow under that id. */
function idTaken(workflowId: string): string {
  return (
    `the workflow ${workflowId} to end, which has the id of a part of this load: it is of an earlier run and still aborts its job, or somebody else's. ` +
    `If it does not end: temporal workflow cancel --workflow-id '${workflowId}'.`
  );
}

/** A run that continues as new has no children from before. */
function wasReset(): boolean {
  const { runId, firstExecutionRunId } = workflowInfo();
  return runId !== firstExecutionRunId;
}

function wasEndedFromOutside(error: unknown): boolean {
  if (!(error instanceof ChildWorkflowFailure)) return false;
  return error.cause instanceof TerminatedFailure || error.cause instanceof TimeoutFailure;
}

/** Runs a part of a stage as a child. Never throws: a child that vanished is an outcome too. */
export async function runPart(
  template: JobTemplate,
  stage: Stage,
  part: number,
  name: string,
  watch: ChildWatch,
): Promise<IngestJobResult> {
  const { operation, externalIdFieldName } = groupOf(stage, part);
  const records = recordsOf(stage, part);
  const input: IngestJobInput = {
    ...template,
    stageUri: stage.uri,
    part,
    records,
    operation,
    columnDelimiter: stage.columnDelimiter,
    lineEnding: stage.lineEnding,
    ...(externalIdFieldName !== undefined && { externalIdFieldName }),
  };
  const lost: LostJobs = { creates: [] };
  // It may have been creating a job, whose id then nobody learned.
  const noteLost = (from: number): void => void lost.creates.push(withUnknownClock({ from, to: Date.now() }));
  let result: IngestJobResult;
  try {
    result = await runChild<typeof ingestJob>(
      'ingestJob',
      name,
      {
        args: [input],
        staticSummary: `${operation} ${template.object}, ${name} of ${stage.parts}: ${count(records)} rows`,
      },
      { onTerminated: noteLost, isWhole: knowsEarlierJob, ...watch },
    );
    if (!isJobResult(result)) throw ApplicationFailure.nonRetryable('its result cannot be read', 'CHILD_LOST');
  } catch (error) {
    result = resultOfFailure(error, stage, part);
  }
  enterLost(result.lost, lost);
  return result;
}

/** One that was canceled before it had rows in a job has not come to look for the job of the child before it. */
function knowsEarlierJob({ canceled, outcome, jobs }: IngestJobResult): boolean {
  return !canceled || outcome.kind !== 'notStarted' || jobs.some(({ records }) => records > 0);
}

function resultOfFailure(error: unknown, stage: Stage, part: number): IngestJobResult {
  const cause = error instanceof ChildWorkflowFailure ? error.cause : error;
  if (cause instanceof ApplicationFailure) {
    const result = cause.details?.[0];
    if (isJobResult(result)) return result;
  }
  const unknown = { part, counts: NO_ROWS, missing: 0 };
  const nothing = { jobs: [], apiRequests: 0, filesAgree: true, lost: { creates: [] } };
  if (error instanceof WorkflowExecutionAlreadyStartedError) {
    return {
      ...nothing,
      outcome: { ...unknown, kind: 'lost' },
      canceled: false,
      error: {
        code: 'EARLIER_RUN_STILL_ENDING',
        message: `The load waited for ${idTaken(error.workflowId)} Then start the load again.`,
      },
    };
  }
  // A child that runs answers a cancel with a result, so a cancelled one was never started.
  if (isCancellation(error)) return { ...nothing, outcome: { ...unknown, kind: 'notStarted' }, canceled: true };
  return {
    ...nothing,
    outcome: { ...unknown, kind: 'lost' },
    canceled: false,
    error: {
      code: 'JOB_WORKFLOW_LOST',
      message:
        `The workflow of part ${part} was ended from outside (${toLoadError(error).message}). ` +
        'What became of its rows is not known: check its job in Setup > Bulk Data Load Jobs. ' +
        `The id of the job that they were sent to, if they were, is in ${stage.uri}${partFolder(part)}/${CLAIM_FILE}.`,
    },
  };
}

/**
 * Passes a signal on to a child. It never throws: a child that has just ended needs it no more, and a handler that threw
 * after a cancel would end the workflow on the spot, without its clean-up.
 */
export async function signalChild(name: string, signal: SignalDefinition): Promise<void> {
  await CancellationScope.nonCancellable(() =>
    getExternalWorkflowHandle(`${workflowInfo().workflowId}/${name}`).signal(signal),
  ).catch(() => undefined);
}
