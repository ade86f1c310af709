/** Questions that only a worker can answer, because it has the login: a short workflow each. */
import { setTimeout as sleep } from 'node:timers/promises';
import { WorkflowFailedError } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { DEFAULT_TASK_QUEUE } from '../contract.js';
import { NightloadError } from '../errors.js';
import { innermostFailure } from '../workflows/failures.js';
import { say } from './failure.js';
import { unattendedQueue } from './pollers.js';
import { taskQueueFrom, withClient } from './temporal.js';

/** A worker that is there has begun by then. */
const ASK_FOR_WORKER_AFTER_MS = 5_000;

/** @throws NightloadError with the code of the workflow's failure */
export async function runOnWorker<T>(
  workflow: string,
  options: { workflowId: string; args: unknown[]; staticSummary: string; workflowExecutionTimeout?: string },
): Promise<T> {
  return withClient(async (client) => {
    const taskQueue = taskQueueFrom(process.env, DEFAULT_TASK_QUEUE);
    const { workflowExecutionTimeout = '20m', ...rest } = options;
    const handle = await client.workflow.start(workflow, {
      ...rest,
      taskQueue,
      workflowExecutionTimeout: workflowExecutionTimeout as '20m',
    });
    const ended = new AbortController();
    void sleep(ASK_FOR_WORKER_AFTER_MS, undefined, { signal: ended.signal })
      .then(() => unattendedQueue(client, taskQueue, undefined))
      .then(
        (queue) => queue !== undefined && say(`No worker polls the task queue "${queue}": start \`nightload worker\`.`),
      )
      .catch(() => undefined);
    try {
      return (await handle.result()) as T;
    } catch (error) {
      const cause = innermostFailure(error instanceof WorkflowFailedError ? error.cause : error);
      if (cause instanceof ApplicationFailure) throw new NightloadError(cause.type ?? 'UNEXPECTED', cause.message);
      throw error;
    } finally {
      ended.abort();
    }
  });
}
