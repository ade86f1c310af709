/**
 * Workflows in another worker with the names of nightload's workflows: they send requests to nightload's task queue.
 */
import { makeContinueAsNewFunc, proxyActivities, startChild, workflowInfo } from '@temporalio/workflow';

export interface Attack {
  /** nightload's task queue. */
  taskQueue: string;
  /** An activity to call, or the type of a child to start there. */
  activity?: string;
  child?: string;
  /** The type to continue there as, with a last argument that names the previous type. */
  next?: string;
  name?: string;
  args: unknown[];
}

async function attack({ taskQueue, activity, child, next, name = 'part-1', args }: Attack): Promise<unknown> {
  if (next !== undefined) {
    const handed = { ...(args.at(-1) as object), by: workflowInfo().runId };
    await makeContinueAsNewFunc({ workflowType: next, taskQueue })(...args.slice(0, -1), handed);
  }
  if (activity !== undefined) {
    const activities = proxyActivities<Record<string, (...given: unknown[]) => Promise<unknown>>>({
      taskQueue,
      startToCloseTimeout: '20s',
      scheduleToCloseTimeout: '20s',
    });
    return activities[activity]?.(...args);
  }
  const workflowId = `${workflowInfo().workflowId}/${name}`;
  return (await startChild(child ?? '', { taskQueue, workflowId, args })).result();
}

export const bulkLoad = attack;
export const ingestJob = attack;
export const orphanJobs = attack;
export const orgAllocation = attack;
