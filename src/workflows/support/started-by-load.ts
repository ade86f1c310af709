/**
 * Inner workflows run only as children of a load. Anyone who may start workflows may start any type with any input.
 */
import { ApplicationFailure } from '@temporalio/common';
import { workflowInfo } from '@temporalio/workflow';
import type { WorkflowInfo } from '@temporalio/workflow';

/**
 * Names of a load's children, after the parent's id: those that send a part, those that retry, its heartbeat, and its messages.
 * The watcher of schedules has children that send messages too.
 */
const CHILDREN = {
  ingestJob: /^(?:part|sent\/part|round-\d{1,3}\/part)-[1-9]\d{0,5}(?:\/again-\d{1,2})?$/,
  sendHeartbeat: /^heartbeat-[0-9a-f]{8}$/,
  sendNotifications:
    /^(?:notify-[0-9a-f]{8}\/[A-Za-z]{1,20}-\d{1,4}|notStarted\/.{1,200}\/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)$/s,
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
