/**
 * Who started this workflow. Anybody who may start workflows may start any type with any input, so inner workflows run
 * only as children of a load, and what a run carries counts only when an earlier run of the same workflow handed it on.
 */
import { ApplicationFailure } from '@temporalio/common';
import { log, workflowInfo } from '@temporalio/workflow';
import type { WorkflowInfo } from '@temporalio/workflow';
import { isObject } from './input-fields.js';

/** Names of the children of a load, behind the id of their parent: those that send a part, and those that retry. */
const CHILDREN = {
  ingestJob: /^(?:part|sent\/part|round-\d{1,3}\/part)-[1-9]\d{0,5}(?:\/again-\d{1,2})?$/,
  retryFailedRows: /^(?:retry|correct-\d{1,6})(?:\/again-\d{1,2})?$/,
} as const;

export type InnerWorkflow = keyof typeof CHILDREN;

type Origin = Pick<WorkflowInfo, 'parent' | 'workflowId'>;

/** Pure: whether a workflow of this type has a parent, and an id as that parent gives it. */
export function isChildOfALoad(type: InnerWorkflow, { parent, workflowId }: Origin): boolean {
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

/** What a run adds to the state that it hands on: a next run that a cron or a retry policy began has another one. */
export interface Handed {
  /** The run that handed it on. */
  by?: string;
}

type Past = Pick<WorkflowInfo, 'continuedFromExecutionRunId' | 'cronSchedule' | 'retryPolicy'>;

/** Pure: whether an earlier run of this workflow wrote what this one was started with. */
export function wasHandedOn(state: unknown, info: Past): boolean {
  const { continuedFromExecutionRunId: before, cronSchedule, retryPolicy } = info;
  if (!isObject(state) || before === undefined) return false;
  const { by } = state as Handed;
  // Runs of an earlier version say nothing; a cron or a retry begins with what the starter said.
  return by === undefined ? !cronSchedule && retryPolicy === undefined : by === before;
}

/** What the run before this one handed on; what a starter says is ignored. */
export function handedOn<T extends object>(state: T | undefined | null): T | undefined {
  if (state === undefined || state === null) return undefined;
  if (wasHandedOn(state, workflowInfo())) return state;
  log.warn('The start named a state to go on with, which only an earlier run may: it is ignored.');
  return undefined;
}

/** For the next run. */
export function handOn<T extends object>(state: T): T & Handed {
  return { ...state, by: workflowInfo().runId };
}
