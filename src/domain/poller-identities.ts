/** Pollers of a task queue's activities, by the identities that they report. */
import type { Client } from '@temporalio/client';

/** Numbers of `temporal.api.enums.v1`. */
const ACTIVITY_TASKS = 2;
const ENHANCED = 1;

export interface Poller {
  /** Untrusted text. */
  identity: unknown;
  /** Time of its last poll, milliseconds since 1970. */
  polledAt: number;
}

/**
 * The server also lists workers that ended minutes ago.
 *
 * A queue has several partitions, and only the enhanced mode, which not every server supports, lists the pollers of
 * all.
 */
export async function pollersOf(client: Client, taskQueue: string): Promise<Poller[]> {
  const asked = { namespace: client.options.namespace, taskQueue: { name: taskQueue } };
  const [root, all] = await Promise.all([
    client.workflowService.describeTaskQueue({ ...asked, taskQueueType: ACTIVITY_TASKS }),
    client.workflowService
      .describeTaskQueue({ ...asked, apiMode: ENHANCED, taskQueueTypes: [ACTIVITY_TASKS], reportPollers: true })
      .catch(() => undefined),
  ]);
  const everywhere = Object.values(all?.versionsInfo ?? {}).flatMap(({ typesInfo }) =>
    Object.values(typesInfo ?? {}).flatMap(({ pollers }) => pollers ?? []),
  );
  return [...(root.pollers ?? []), ...everywhere].map(({ identity, lastAccessTime }) => ({
    identity,
    polledAt: Number(lastAccessTime?.seconds ?? 0) * 1_000,
  }));
}
