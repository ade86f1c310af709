/** Questions that only a worker can answer, because it has the login: a short workflow each. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { z } from 'zod';
import { WorkflowFailedError } from '@temporalio/client';
import type { Client } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { DEFAULT_TASK_QUEUE } from '../../contract/names.js';
import { NightloadError } from '../../errors.js';
import { keepAsking } from '../../client/retry-during-outage.js';
import { placeOf } from '../../client/temporal-errors.js';
import { readAnswer } from '../../client/answers/shapes.js';
import { plainText } from '../../domain/text/plain-text.js';
import { codeOr } from '../../domain/text/shown-code.js';
import { innermostFailure } from '../../domain/failures.js';
import { duration } from '../../domain/input/fields.js';
import { defined } from '../../domain/defined.js';
import { taskPriority } from '../../domain/task-priority.js';
import { AnswerWatch } from '../shared/stuck-loads/answer-watch.js';
import type { Seen, WatchOptions } from '../shared/stuck-loads/answer-watch.js';
import { say } from '../shared/output.js';
import { pendingActivities, queueOfActivity } from '../shared/stuck-loads/pending-activities.js';
import { servesActivities, unattendedQueue } from '../shared/stuck-loads/task-queues.js';
import { COMMAND_LIMIT_MS, taskQueueFrom, withClient } from './connect.js';
import { INTERRUPTED } from '../shared/exit-codes.js';

const DEFAULT_TIMEOUT = '1m';
const MIN_TIMEOUT_MS = 1_000;
const CHECK_EVERY_MS = 1_000;
const CHECK_LIMIT_MS = 5_000;
/** The message of a failure; a list of titles may be in it. */
const MAX_MESSAGE = 4_000;

interface Question {
  workflowId: string;
  args: unknown[];
  staticSummary: string;
  workflowExecutionTimeout?: string;
  /** `--timeout`: how long to wait without progress. */
  timeout?: string | undefined;
}

/** @throws NightloadError `INVALID_INPUT` */
export function timeoutMs(timeout: string = DEFAULT_TIMEOUT): number {
  return duration(timeout as '1m', 'timeout', { least: MIN_TIMEOUT_MS });
}

/**
 * @param answerShape of the workflow's result, which another client that completes its steps may decide
 * @throws NightloadError with the code of the workflow's failure, or of what prevented an answer in time; `NO_WORKER`
 */
export async function runOnWorker<T extends z.ZodType>(
  workflow: string,
  answerShape: T,
  question: Question,
): Promise<z.output<T>> {
  const { workflowExecutionTimeout = '20m', timeout, ...rest } = question;
  const patience = timeoutMs(timeout);
  return withClient(async (client) => {
    const taskQueue = taskQueueFrom(process.env, DEFAULT_TASK_QUEUE);
    const priority = taskPriority(rest.args[0]);
    const start = {
      ...rest,
      ...defined({ priority }),
      taskQueue,
      workflowExecutionTimeout: workflowExecutionTimeout as '20m',
    };
    const handle = await client.withDeadline(Date.now() + COMMAND_LIMIT_MS, () =>
      client.workflow.start(workflow, start),
    );
    const ended = new AbortController();
    let seen: Seen | undefined;
    const look = async (): Promise<Seen> => (seen = await seenNow(client, handle.workflowId, taskQueue));
    // The answer is no longer needed. A worker can stop its work; without one, a cancellation would not be handled.
    const giveUp = (): Promise<unknown> =>
      (seen?.unattended === undefined ? handle.cancel() : handle.terminate('no caller waits for the answer')).catch(
        () => undefined,
      );
    const interrupt = (): void => void giveUp().finally(() => process.exit(INTERRUPTED));
    process.once('SIGINT', interrupt);
    try {
      const stuck = untilStuck(client, look, { timeoutMs: patience }, ended.signal);
      // A Temporal outage is not an answer: `stuck` bounds the wait.
      const answer = keepAsking(() => handle.result() as Promise<unknown>, {
        place: placeOf(client),
        signal: ended.signal,
      });
      const first = await Promise.race([answer.then((value) => ({ value })), stuck]);
      if (!(first instanceof NightloadError)) {
        return readAnswer(answerShape, first.value, `The result of ${handle.workflowId}`);
      }
      await client.withDeadline(Date.now() + CHECK_LIMIT_MS, giveUp);
      throw first;
    } catch (error) {
      const cause = innermostFailure(error instanceof WorkflowFailedError ? error.cause : error);
      if (cause instanceof ApplicationFailure) {
        throw new NightloadError(codeOr(cause.type, 'UNEXPECTED'), plainText(cause.message, MAX_MESSAGE));
      }
      throw error;
    } finally {
      process.off('SIGINT', interrupt);
      ended.abort();
    }
  });
}

async function seenNow(client: Client, workflowId: string, taskQueue: string): Promise<Seen> {
  const [looked, shared] = await Promise.all([
    pendingActivities(client, workflowId),
    unattendedQueue(client, taskQueue, undefined),
  ]);
  const { untaken, ...seen } = looked;
  if (shared !== undefined) return { ...seen, unattended: shared };
  const queue = untaken === undefined ? undefined : await queueOfActivity(client, workflowId, untaken);
  if (queue === undefined || (await servesActivities(client, queue, taskQueue))) return seen;
  return { ...seen, unattended: queue };
}

/**
 * Reports what is wrong until the answer arrives, and resolves with the problem once nothing has progressed for too
 * long; never, when the answer arrived before.
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
    await sleep(CHECK_EVERY_MS, undefined, { signal }).catch(() => undefined);
    // A failed check is repeated; the wait still ends.
    seen = await client.withDeadline(Date.now() + CHECK_LIMIT_MS, look).catch(() => seen);
    if (signal.aborted) return new Promise(() => undefined);
    const { say: lines, gaveUp } = watch.observe(seen, Date.now());
    lines.forEach(say);
    if (gaveUp !== undefined) return gaveUp;
  }
}
