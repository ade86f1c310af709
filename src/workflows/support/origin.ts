/**
 * Who started this workflow. Anyone who may start workflows may start any type with any input, so inner workflows run
 * only as children of a load, and carried state counts only when an earlier run of the same workflow handed it on.
 */
import { ApplicationFailure } from '@temporalio/common';
import { log, workflowInfo } from '@temporalio/workflow';
import type { WorkflowInfo } from '@temporalio/workflow';
import { isObject } from '../../domain/input/fields.js';

/** Names of a load's children, after the parent's id: those that send a part, and those that retry. */
const CHILDREN = {
  ingestJob: /^(?:part|sent\/part|round-\d{1,3}\/part)-[1-9]\d{0,5}(?:\/again-\d{1,2})?$/,
  retryFailedRows: /^(?:retry|correct-\d{1,6})(?:\/again-\d{1,2})?$/,
} as const;

export type InnerWorkflow = keyof typeof CHILDREN;

type Origin = Pick<WorkflowInfo, 'parent' | 'workflowId'>;

/** Pure: whether a workflow of this type has a parent, and an id of the form that this parent gives. */
function isChildOfALoad(type: InnerWorkflow, { parent, workflowId }: Origin): boolean {
  if (parent === undefined) return false;
  const prefix = `${parent.workflowId}/`;
  return workflowId.startsWith(prefix) && CHILDREN[type].test(workflowId.slice(prefix.length));
}

/** @throws ApplicationFailure `NOT_STARTED_BY_A_LOAD` */
export function refuseUnlessChild(type: InnerWorkflow): void {
  if (isChildOfALoad(type, workflowInfo())) return;
  throw ApplicationFailure.nonRetryable(
    `${type} is a step of bulkLoad and runs only as its child. Start bulkLoad.`,
    'NOT_STARTED_BY_A_LOAD',
  );
}

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
