/** Questions that only a worker can answer, because it has the login: a short workflow each. */
import { setTimeout as sleep } from 'node:timers/promises';
import { WorkflowFailedError } from '@temporalio/client';
import type { Client } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { DEFAULT_TASK_QUEUE } from '../contract.js';
import { NightloadError } from '../errors.js';
import { innermostFailure } from '../workflows/failures.js';
import { say } from './failure.js';
import { unattendedQueue } from './pollers.js';
import { taskQueueFrom, withClient } from './temporal.js';

/** A worker that is there has begun by then. */
const ASK_FOR_WORKER_AFTER_MS = 5_000;
/** One that was only restarted is there by then. */
const WAIT_FOR_WORKER_MS = 30_000;
const INTERRUPTED = 130;

/** @throws NightloadError with the code of the workflow's failure; `NO_WORKER` */
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
    // Nobody would read its answer.
    const giveUp = (): Promise<unknown> => handle.terminate('nobody waits for the answer').catch(() => undefined);
    const interrupt = (): void => void giveUp().finally(() => process.exit(INTERRUPTED));
    process.once('SIGINT', interrupt);
    try {
      const missing = missingWorker(client, taskQueue, ended.signal);
      const first = await Promise.race([handle.result().then((value) => ({ value: value as T })), missing]);
      if (first !== undefined) return first.value;
      await giveUp();
      throw new NightloadError(
        'NO_WORKER',
        `No worker polls the task queue "${taskQueue}", so nobody can answer. Start \`nightload worker\`, with the same NIGHTLOAD_TASK_QUEUE, and ask again.`,
      );
    } catch (error) {
      const cause = innermostFailure(error instanceof WorkflowFailedError ? error.cause : error);
      if (cause instanceof ApplicationFailure) throw new NightloadError(cause.type ?? 'UNEXPECTED', cause.message);
      throw error;
    } finally {
      process.off('SIGINT', interrupt);
      ended.abort();
    }
  });
}

/** Comes back once no worker has polled the queue for long; never, when one does. */
async function missingWorker(client: Client, taskQueue: string, signal: AbortSignal): Promise<undefined> {
  const isMissing = (): Promise<boolean> =>
    unattendedQueue(client, taskQueue, undefined).then(
      (queue) => queue !== undefined,
      () => false,
    );
  try {
    await sleep(ASK_FOR_WORKER_AFTER_MS, undefined, { signal });
    if (await isMissing()) {
      say(`No worker polls the task queue "${taskQueue}": start \`nightload worker\`.`);
      await sleep(WAIT_FOR_WORKER_MS, undefined, { signal });
      if (await isMissing()) return undefined;
    }
  } catch {
    // The answer came.
  }
  return new Promise(() => undefined);
}
