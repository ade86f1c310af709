/** Asks Temporal whether this worker polls its queues, and how much work waits in them. */
import type { NativeConnection } from '@temporalio/worker';
import { ACTIVITY_TASKS, describeQueue, pollersOfPartitions, WORKFLOW_TASKS } from '../../domain/task-queue-facts.js';

/** What the worker polls. */
export interface WatchedWorker {
  /** The connection in use. */
  connection: () => NativeConnection;
  namespace: string;
  identity: string;
  taskQueue: string;
  filesQueue: string;
  objectsQueue?: string;
  uploadsQueues: readonly string[];
}

export interface QueuesProbe {
  /** Queues that this worker has not polled lately; empty if it polls all. */
  notPolled: string[];
  /** Steps on files that wait, uploads included, about; undefined if the server does not report it. */
  backlog: number | undefined;
}

const LIMIT_MS = 3_000;
/** A worker polls at least once a minute. */
const LATELY_MS = 150_000;

/** @throws ServiceError if Temporal does not answer within three seconds */
export async function probeQueues(worker: WatchedWorker): Promise<QueuesProbe> {
  const { taskQueue, filesQueue, objectsQueue = filesQueue, uploadsQueues } = worker;
  const fileQueues = new Set([filesQueue, objectsQueue, ...uploadsQueues]);
  const connection = worker.connection();
  return connection.withDeadline(Date.now() + LIMIT_MS, async () => {
    const [workflows, calls, ...files] = await Promise.all([
      probe(connection, worker, taskQueue, WORKFLOW_TASKS),
      probe(connection, worker, taskQueue, ACTIVITY_TASKS),
      ...[...fileQueues].map((name) => probe(connection, worker, name, ACTIVITY_TASKS)),
    ]);
    const notPolled = [workflows, calls, ...files].filter(({ isPolled }) => !isPolled).map(({ name }) => name);
    const backlogs = files.flatMap(({ backlog }) => backlog ?? []);
    const backlog = backlogs.length === 0 ? undefined : backlogs.reduce((sum, one) => sum + one, 0);
    return { notPolled: [...new Set(notPolled)], backlog };
  });
}

async function probe(
  { workflowService }: NativeConnection,
  { namespace, identity }: WatchedWorker,
  name: string,
  taskQueueType: number,
): Promise<{ name: string; isPolled: boolean; backlog: number | undefined }> {
  const queue = { namespace, queue: name, taskQueueType };
  const polls = (pollers: readonly { identity: string; idleMs: number }[]): boolean =>
    pollers.some((poller) => poller.identity === identity && poller.idleMs < LATELY_MS);
  const { pollers, waiting } = await describeQueue(workflowService, queue);
  const isPolled = polls(pollers) || polls(await pollersOfPartitions(workflowService, queue));
  return { name, isPolled, backlog: waiting };
}
