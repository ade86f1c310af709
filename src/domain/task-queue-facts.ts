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

/**
 * Identities of the pollers of a queue's activities. A queue has several partitions, and only the enhanced mode, which
 * not every server supports, lists the pollers of all.
 */
export async function pollersOf(client: Client, taskQueue: string): Promise<unknown[]> {
  const { workflowService, options } = client;
  const { namespace } = options;
  const [root, all] = await Promise.all([
    describeQueue(workflowService, { namespace, queue: taskQueue, taskQueueType: ACTIVITY_TASKS }),
    workflowService
      .describeTaskQueue({
        namespace,
        taskQueue: { name: taskQueue },
        apiMode: ENHANCED,
        taskQueueTypes: [ACTIVITY_TASKS],
        reportPollers: true,
      })
      .catch(() => undefined),
  ]);
  const everywhere = Object.values(all?.versionsInfo ?? {}).flatMap(({ typesInfo }) =>
    Object.values(typesInfo ?? {}).flatMap(({ pollers }) => pollers ?? []),
  );
  return [...root.pollers, ...everywhere].map(({ identity }) => identity);
}
