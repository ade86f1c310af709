/** Whether somebody works on the queues that a load needs. */
import type { Client } from '@temporalio/client';

/** Numbers of `temporal.api.enums.v1.TaskQueueType`. */
const WORKFLOW_TASKS = 1;
const ACTIVITY_TASKS = 2;
/** A worker asks again at least once a minute; a task that waits longer than this while "somebody" polls waits for a dead one. */
const BACKLOG_LIMIT_SECONDS = 5;

/** Names the queue that nobody works on, if there is one. */
export async function unattendedQueue(
  client: Client,
  taskQueue: string,
  filesQueue: string | undefined,
): Promise<string | undefined> {
  if (!(await isAttended(client, taskQueue, WORKFLOW_TASKS))) return taskQueue;
  if (filesQueue !== undefined && !(await servesActivities(client, filesQueue))) return filesQueue;
  return undefined;
}

/** Whether somebody takes activities from a queue. */
export async function servesActivities(client: Client, taskQueue: string): Promise<boolean> {
  return isAttended(client, taskQueue, ACTIVITY_TASKS);
}

async function isAttended(client: Client, name: string, taskQueueType: number): Promise<boolean> {
  const { pollers, stats } = await client.workflowService.describeTaskQueue({
    namespace: client.options.namespace,
    taskQueue: { name },
    taskQueueType,
    reportStats: true,
  });
  if (!pollers?.length) return false;
  const waiting = Number(stats?.approximateBacklogCount ?? 0);
  const age = Number(stats?.approximateBacklogAge?.seconds ?? 0);
  return waiting === 0 || age < BACKLOG_LIMIT_SECONDS;
}
