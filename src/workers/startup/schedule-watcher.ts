/** Starts the workflow that watches the schedules of a task queue, unless it runs. */
import { Client } from '@temporalio/client';
import type { NativeConnection } from '@temporalio/worker';
import { withCauses } from '../../domain/text/plain-text.js';
import { WATCHER, watcherIdOf } from '../../protocol/messages/schedule-messages.js';

interface Options {
  connection: NativeConnection;
  namespace: string;
  taskQueue: string;
  warn: (text: string) => void;
}

const START_MS = 10_000;

/** A worker does its work also without it. */
export async function watchSchedules({ connection, namespace, taskQueue, warn }: Options): Promise<void> {
  try {
    const client = new Client({ connection, namespace });
    await client.withDeadline(Date.now() + START_MS, () =>
      client.workflow.start(WATCHER, {
        workflowId: watcherIdOf(taskQueue),
        taskQueue,
        workflowIdConflictPolicy: 'USE_EXISTING',
        staticSummary: 'watches the schedules of loads',
        staticDetails: 'Tells people about scheduled loads that do not start. A worker starts it again if it ends.',
      }),
    );
  } catch (error) {
    warn(
      `Nobody watches the schedules of ${taskQueue}: ${withCauses(error, 300)} The next worker that starts tries again.`,
    );
  }
}
