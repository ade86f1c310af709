/** What Temporal knows of a task queue: who polls it, and what waits in it. */
import type { Client, WorkflowService } from '@temporalio/client';

/** Numbers of `temporal.api.enums.v1`. */
export const WORKFLOW_TASKS = 1;
export const ACTIVITY_TASKS = 2;
const ENHANCED = 1;

type Answer = Awaited<ReturnType<WorkflowService['describeTaskQueue']>>;

export interface QueuePoller {
  identity: string;
  /** Time since its last poll. */
  idleMs: number;
  deploymentOptions: NonNullable<Answer['pollers']>[number]['deploymentOptions'];
}

export interface TaskQueueFacts {
  /** The server also lists workers that ended minutes ago. */
  pollers: QueuePoller[];
  /** Waiting tasks, about; undefined if the server does not report it. */
  waiting: number | undefined;
  /** Age of the oldest. */
  oldestMs: number;
  versioningInfo: Answer['versioningInfo'];
}

interface QueueName {
  namespace: string;
  queue: string;
  /** {@link WORKFLOW_TASKS} or {@link ACTIVITY_TASKS} */
  taskQueueType: number;
}

export async function describeQueue(
  service: WorkflowService,
  { namespace, queue, taskQueueType }: QueueName,
): Promise<TaskQueueFacts> {
  const { pollers, stats, versioningInfo } = await service.describeTaskQueue({
    namespace,
    taskQueue: { name: queue },
    taskQueueType,
    reportStats: true,
  });
  const waiting = stats?.approximateBacklogCount;
  return {
    pollers: (pollers ?? []).map(({ identity, lastAccessTime, deploymentOptions }) => ({
      identity: identity ?? '',
      idleMs: ageOf(lastAccessTime),
      deploymentOptions,
    })),
    waiting: waiting == null ? undefined : Number(waiting),
    oldestMs: Number(stats?.approximateBacklogAge?.seconds ?? 0) * 1000,
    versioningInfo,
  };
}

/** By our clock; if it is slightly behind the server's, the age is still not negative. */
export function ageOf(time: { seconds?: unknown; nanos?: number | null } | null | undefined): number {
  if (!time) return Number.POSITIVE_INFINITY;
  return Math.max(0, Date.now() - Number(time.seconds ?? 0) * 1000 - (time.nanos ?? 0) / 1e6);
}

export interface Poller {
  /** Untrusted text. */
  identity: unknown;
  /** Time since its last poll. The server also lists workers that ended minutes ago. */
  idleMs: number;
}

/**
 * Those who poll any partition of a queue. The other mode lists those of the first partition, and of the others only one
 * each: with several workers, one that polls may be missing for a minute. Empty if the server does not support it.
 */
export async function pollersOfPartitions(
  service: WorkflowService,
  { namespace, queue, taskQueueType }: QueueName,
): Promise<Omit<QueuePoller, 'deploymentOptions'>[]> {
  const all = await service
    .describeTaskQueue({
      namespace,
      taskQueue: { name: queue },
      apiMode: ENHANCED,
      taskQueueTypes: [taskQueueType],
      versions: { unversioned: true, allActive: true },
      reportPollers: true,
    })
    .catch(() => undefined);
  return Object.values(all?.versionsInfo ?? {}).flatMap(({ typesInfo }) =>
    Object.values(typesInfo ?? {}).flatMap(({ pollers }) =>
      (pollers ?? []).map(({ identity, lastAccessTime }) => ({
        identity: identity ?? '',
        idleMs: ageOf(lastAccessTime),
      })),
    ),
  );
}

/** The pollers of a queue's activities. */
export async function pollersOf(client: Client, taskQueue: string): Promise<Poller[]> {
  const { workflowService, options } = client;
  const { namespace } = options;
  const name = { namespace, queue: taskQueue, taskQueueType: ACTIVITY_TASKS };
  const [root, everywhere] = await Promise.all([
    describeQueue(workflowService, name),
    pollersOfPartitions(workflowService, name),
  ]);
  return [...root.pollers.map(({ identity, idleMs }) => ({ identity, idleMs })), ...everywhere];
}
