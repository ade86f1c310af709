/** Runs a child of a load until it ends in any way. */
import {
  ApplicationFailure,
  ChildWorkflowFailure,
  TerminatedFailure,
  TimeoutFailure,
  WorkflowExecutionAlreadyStartedError,
} from '@temporalio/common';
import type { WithWorkflowArgs, Workflow, WorkflowResultType } from '@temporalio/common';
import { CancellationScope, isCancellation, sleep, startChild, workflowInfo } from '@temporalio/workflow';
import type { ChildWorkflowOptions } from '@temporalio/workflow';
import { defined } from '../../domain/defined.js';
import { endOf, findEnd, randomSeed } from './child-end.js';
import type { ChildEnd, ReadResult, Unreported } from './child-end.js';

/**
 * How often a child is started again under another id: after it was terminated, or while one from before a reset runs.
 */
const MAX_RESTARTS = 10;
/** How long to wait for children of a terminated load, which abort their jobs before their ids are free. */
const MAX_EARLIER_RUN_WAITS = 120;
const EARLIER_RUN_WAIT = '10s';

interface Child<T extends Workflow> {
  /** Its id, after the parent's id. */
  name: string;
  args: Parameters<T>;
  /** For the UI. */
  summary: string;
  read: ReadResult<WorkflowResultType<T>>;
}

export interface ChildWatch {
  /** From here on signals reach it, by the given name: a different one when it was started again. */
  onStarted?: (name: string) => void;
  /** Its id is taken: what it waits for, as the end of a sentence. */
  onWait?: (text: string) => void;
}

/**
 * Runs a child to its end. One that was terminated is started again under another id: what it had sent is recorded next
 * to the part's results, so it resumes from there.
 */
export async function runChild<T extends Workflow>(
  type: string,
  { name, args, summary, read }: Child<T>,
  watch: ChildWatch & {
    onTerminated?: (startedAt: number) => void;
    /** Whether a restarted child reports what became of the work of those before it. */
    isWhole?: (result: WorkflowResultType<T>) => boolean;
  } = {},
): Promise<WorkflowResultType<T>> {
  type Result = WorkflowResultType<T>;
  let waits = 0;
  // From the last child that ended without reporting how.
  let before: (() => Promise<Unreported<Result>>) | undefined;
  for (let restarts = 0; ;) {
    const started = `${name}${restarts === 0 ? '' : `/again-${restarts}`}`;
    const workflowId = `${workflowInfo().workflowId}/${started}`;
    const startedAt = Date.now();
    const seed = randomSeed();
    try {
      const handle = await startChild<T>(type, {
        args,
        staticSummary: summary,
        workflowId,
        // Even when a load is terminated, its children abort its jobs.
        parentClosePolicy: 'REQUEST_CANCEL',
        cancellationType: 'WAIT_CANCELLATION_COMPLETED',
      } as unknown as WithWorkflowArgs<T, ChildWorkflowOptions>);
      watch.onStarted?.(started);
      const end = afterReset(await endOf<Result>(handle.result(), { workflowId, seed, read }), seed, read);
      if ('value' in end) {
        if (before === undefined || watch.isWhole?.(end.value) !== false) return end.value;
        return await lastResult(name, before);
      }
      const { unreported } = end;
      const { result } = unreported;
      if (before === undefined || result === undefined || watch.isWhole?.(result) !== false) {
        before = () => Promise.resolve(unreported);
      }
      if (restarts >= MAX_RESTARTS || CancellationScope.current().consideredCancelled) {
        return await lastResult(name, before);
      }
      watch.onTerminated?.(startedAt);
      restarts++;
    } catch (error) {
      // Not started again, but its earlier work stands.
      if (isCancellation(error) && before !== undefined) return await lastResult(name, before);
      if (error instanceof WorkflowExecutionAlreadyStartedError && wasReset() && restarts < MAX_RESTARTS) {
        // A reset leaves children running. Ours resumes with that child's job, which is recorded next to the results.
        before = () => findEnd<Result>(workflowId, read);
        restarts++;
      } else if (error instanceof WorkflowExecutionAlreadyStartedError && waits < MAX_EARLIER_RUN_WAITS) {
        waits++;
        watch.onWait?.(idTaken(workflowId));
        await sleep(EARLIER_RUN_WAIT, { summary: `${name} of an earlier run is still ending` });
      } else if (wasEndedFromOutside(error) && restarts < MAX_RESTARTS) {
        before = () => findEnd<Result>(workflowId, read);
        watch.onTerminated?.(startedAt);
        restarts++;
      } else throw error;
    }
  }
}

/**
 * When a load is terminated, Temporal cancels its children. A reset may deliver such an end to a load that nobody
 * canceled: it counts like one that was never reported, so the child's work is continued.
 */
function afterReset<R>(end: ChildEnd<R>, seedAtStart: unknown, read: ReadResult<R>): ChildEnd<R> {
  if (!('value' in end) || randomSeed() === seedAtStart || CancellationScope.current().consideredCancelled) return end;
  const result = read(end.value);
  return wasCanceled(result) ? { unreported: { jobIds: [], ...defined({ result }) } } : end;
}

function wasCanceled(result: unknown): boolean {
  return typeof result === 'object' && result !== null && 'canceled' in result && result.canceled === true;
}

/**
 * After a cancellation nothing is started again: a result that a child left counts, otherwise the outcome is unknown.
 */
async function lastResult<R>(name: string, before: () => Promise<Unreported<R>>): Promise<R> {
  const { result, jobIds } = await before();
  if (result !== undefined) return result;
  const known = jobIds.length === 0 ? '' : ` It had job ${jobIds.join(', ')}.`;
  throw ApplicationFailure.nonRetryable(
    `${name} was terminated, or the load was reset to a point before its end, and its result is not available.${known}`,
    'CHILD_LOST',
  );
}

/** Usually an earlier run's child, but anyone may start a workflow under that id. */
export function idTaken(workflowId: string): string {
  return (
    `the workflow ${workflowId} to end, which has the id of a part of this load: it belongs to an earlier run and is aborting its job, or is unrelated. ` +
    `If it does not end: temporal workflow cancel --workflow-id '${workflowId}'.`
  );
}

/** A run that continues as new has no earlier children. */
function wasReset(): boolean {
  const { runId, firstExecutionRunId } = workflowInfo();
  return runId !== firstExecutionRunId;
}

function wasEndedFromOutside(error: unknown): boolean {
  if (!(error instanceof ChildWorkflowFailure)) return false;
  return error.cause instanceof TerminatedFailure || error.cause instanceof TimeoutFailure;
}
