/** Questions that only a worker can answer, because it has the login: a short workflow each. */
import { setTimeout as sleep } from 'node:timers/promises';
import { WorkflowFailedError } from '@temporalio/client';
import type { Client } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { DEFAULT_TASK_QUEUE } from '../contract.js';
import { NightloadError } from '../errors.js';
import { keepAsking } from '../keep-asking.js';
import { placeOf } from '../temporal-errors.js';
import { innermostFailure } from '../workflows/failures.js';
import { duration } from '../workflows/input-fields.js';
import { AnswerWatch } from './answer-watch.js';
import type { Seen, WatchOptions } from './answer-watch.js';
import { say } from './failure.js';
import { lookAtSteps, queueOfStep } from './look-at-steps.js';
import { servesActivities, unattendedQueue } from './pollers.js';
import { taskQueueFrom, withClient } from './temporal.js';

export const DEFAULT_TIMEOUT = '1m';
const LEAST_TIMEOUT_MS = 1_000;
const LOOK_EVERY_MS = 1_000;
const LOOK_LIMIT_MS = 5_000;
const INTERRUPTED = 130;

interface Question {
  workflowId: string;
  args: unknown[];
  staticSummary: string;
  workflowExecutionTimeout?: string;
  /** `--timeout`: so long nothing may move. */
  timeout?: string | undefined;
}

/** @throws NightloadError `INVALID_INPUT` */
export function timeoutMs(timeout: string = DEFAULT_TIMEOUT): number {
  return duration(timeout as '1m', 'timeout', LEAST_TIMEOUT_MS);
}

/** @throws NightloadError with the code of the workflow's failure, or of what kept it from answering in time; `NO_WORKER` */
export async function runOnWorker<T>(workflow: string, question: Question): Promise<T> {
  const { workflowExecutionTimeout = '20m', timeout, ...rest } = question;
  const patience = timeoutMs(timeout);
  return withClient(async (client) => {
    const taskQueue = taskQueueFrom(process.env, DEFAULT_TASK_QUEUE);
    const handle = await client.workflow.start(workflow, {
      ...rest,
      taskQueue,
      workflowExecutionTimeout: workflowExecutionTimeout as '20m',
    });
    const ended = new AbortController();
    let seen: Seen | undefined;
    const look = async (): Promise<Seen> => (seen = await seenNow(client, handle.workflowId, taskQueue));
    // Nobody would read its answer. A worker ends what it does; without one nobody would take the cancel up.
    const giveUp = (): Promise<unknown> =>
      (seen?.unattended === undefined ? handle.cancel() : handle.terminate('nobody waits for the answer')).catch(
        () => undefined,
      );
    const interrupt = (): void => void giveUp().finally(() => process.exit(INTERRUPTED));
    process.once('SIGINT', interrupt);
    try {
      const stuck = untilStuck(client, look, { timeoutMs: patience }, ended.signal);
      // An outage of Temporal is no answer: `stuck` bounds the wait.
      const answer = keepAsking(() => handle.result(), { place: placeOf(client), signal: ended.signal });
      const first = await Promise.race([answer.then((value) => ({ value: value as T })), stuck]);
      if (!(first instanceof NightloadError)) return first.value;
      await giveUp();
      throw first;
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

async function seenNow(client: Client, workflowId: string, taskQueue: string): Promise<Seen> {
  const [looked, shared] = await Promise.all([
    lookAtSteps(client, workflowId),
    unattendedQueue(client, taskQueue, undefined),
  ]);
  const { untaken, ...seen } = looked;
  if (shared !== undefined) return { ...seen, unattended: shared };
  const queue = untaken === undefined ? undefined : await queueOfStep(client, workflowId, untaken);
  if (queue === undefined || (await servesActivities(client, queue, taskQueue))) return seen;
  return { ...seen, unattended: queue };
}

/**
 * Says what is wrong as long as the answer does not come, and comes back with it once nothing has moved for too long;
 * never, when the answer came before.
 */
export async function untilStuck(
  client: Client,
  look: () => Promise<Seen>,
  options: WatchOptions,
  signal: AbortSignal,
): Promise<NightloadError> {
  const watch = new AnswerWatch(Date.now(), options);
  let seen: Seen = { events: 0, steps: [] };
  for (;;) {
    await sleep(LOOK_EVERY_MS, undefined, { signal }).catch(() => undefined);
    // A look that fails is made again; the wait ends all the same.
    seen = await client.withDeadline(Date.now() + LOOK_LIMIT_MS, look).catch(() => seen);
    if (signal.aborted) return new Promise(() => undefined);
    const { say: lines, gaveUp } = watch.observe(seen, Date.now());
    lines.forEach(say);
    if (gaveUp !== undefined) return gaveUp;
  }
}
