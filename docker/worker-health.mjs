// The image's health check: has a worker of this container recently polled Temporal?
import { hostname } from 'node:os';
import { Connection } from '@temporalio/client';
import { temporalSettings } from '../dist/cli/temporal/connect.js';

/** A worker polls at least once a minute. */
const LATELY_SECONDS = 150;
/** Number of `temporal.api.enums.v1.TaskQueueType`. */
const WORKFLOW_TASKS = 1;

const { connectionOptions, namespace } = temporalSettings();
const name = process.env.NIGHTLOAD_TASK_QUEUE || 'nightload';
try {
  const connection = await Connection.connect({ ...connectionOptions, connectTimeout: '5s' });
  const { pollers } = await connection.workflowService.describeTaskQueue({
    namespace,
    taskQueue: { name },
    taskQueueType: WORKFLOW_TASKS,
  });
  const since = Date.now() / 1000 - LATELY_SECONDS;
  // A worker's identity is `<pid>@<hostname>`; a container with its own network has a unique hostname.
  const own = (pollers ?? []).filter(({ identity }) => identity?.endsWith(`@${hostname()}`));
  if (!own.some(({ lastAccessTime }) => Number(lastAccessTime?.seconds ?? 0) > since)) {
    throw new Error(`no worker of this container asks for work on the task queue ${name}`);
  }
  process.exit(0);
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exit(1);
}
