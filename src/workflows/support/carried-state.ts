/**
 * State that a run hands on to the next run of its workflow. Anyone who may start workflows may pass a state, so it
 * counts only when an earlier run of the same workflow handed it on.
 */
import { log, workflowInfo } from '@temporalio/workflow';
import type { WorkflowInfo } from '@temporalio/workflow';
import { isObject } from '../../domain/input/fields.js';

/** Added to the state that a run hands on: a next run begun by a cron or retry policy has a different one. */
export interface CarriedOver {
  /** The run that handed it on. */
  by?: string;
}

type Past = Pick<WorkflowInfo, 'continuedFromExecutionRunId' | 'cronSchedule' | 'retryPolicy'>;

/** Pure: whether an earlier run of this workflow wrote this one's input. */
function isFromEarlierRun(state: unknown, info: Past): boolean {
  const { continuedFromExecutionRunId: before, cronSchedule, retryPolicy } = info;
  if (!isObject(state) || before === undefined) return false;
  const { by } = state as CarriedOver;
  // Runs of an earlier version do not set it; a cron or a retry begins with the starter's input.
  return by === undefined ? !cronSchedule && retryPolicy === undefined : by === before;
}

/** What the previous run handed on; state supplied by a starter is ignored. */
export function trustedState<T extends object>(state: T | undefined | null): T | undefined {
  if (state === undefined || state === null) return undefined;
  if (isFromEarlierRun(state, workflowInfo())) return state;
  log.warn('The start passed a state to resume from, which only an earlier run may do: it is ignored.');
  return undefined;
}

/** State for the next run. */
export function carryOver<T extends object>(state: T): T & CarriedOver {
  return { ...state, by: workflowInfo().runId };
}
