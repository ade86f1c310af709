/** `nightload orphans`: jobs that lie Open in the org and belong to no running load. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { WorkflowFailedError } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { DEFAULT_TASK_QUEUE } from '../../contract.js';
import type { OrphanJobsInput, OrphanJobsResult } from '../../contract.js';
import { NightloadError } from '../../errors.js';
import { innermostFailure } from '../../workflows/failures.js';
import { printJson, say } from '../failure.js';
import { unattendedQueue } from '../pollers.js';
import { taskQueueFrom, withClient } from '../temporal.js';

export interface OrphansOptions {
  abort?: boolean;
  olderThan?: string;
  connection: string;
  json?: boolean;
}

/** A worker that is there has begun by then. */
const ASK_FOR_WORKER_AFTER_MS = 5_000;

export async function orphans(options: OrphansOptions): Promise<number> {
  return withClient(async (client) => {
    const taskQueue = taskQueueFrom(process.env, DEFAULT_TASK_QUEUE);
    const input: OrphanJobsInput = {
      connection: options.connection,
      abort: options.abort === true,
      ...(options.olderThan !== undefined && { olderThan: options.olderThan }),
    };
    const handle = await client.workflow.start('orphanJobs', {
      workflowId: `nightload-orphans/${randomUUID()}`,
      taskQueue,
      args: [input],
      workflowExecutionTimeout: '20m',
      staticSummary: `jobs left Open in the org of ${options.connection}`,
    });
    const ended = new AbortController();
    void sleep(ASK_FOR_WORKER_AFTER_MS, undefined, { signal: ended.signal })
      .then(() => unattendedQueue(client, taskQueue, undefined))
      .then(
        (queue) => queue !== undefined && say(`No worker polls the task queue "${queue}": start \`nightload worker\`.`),
      )
      .catch(() => undefined);
    try {
      const result = (await handle.result()) as OrphanJobsResult;
      print(result, options);
      if (options.json === true) printJson(result);
      return 0;
    } catch (error) {
      const cause = innermostFailure(error instanceof WorkflowFailedError ? error.cause : error);
      if (cause instanceof ApplicationFailure) throw new NightloadError(cause.type ?? 'UNEXPECTED', cause.message);
      throw error;
    } finally {
      ended.abort();
    }
  });
}

function print({ jobs }: OrphanJobsResult, { abort, olderThan = '24h' }: OrphansOptions): void {
  if (jobs.length === 0) say(`No job older than ${olderThan} lies Open without a running load.`);
  for (const job of jobs) {
    const fate = job.aborted
      ? 'aborted'
      : job.ours
        ? 'of a load that has ended'
        : `not known here, created by ${job.createdById}`;
    say(`${job.id}  ${job.createdDate}  ${job.operation} ${job.object}  ${fate}`);
  }
  if (abort !== true && jobs.some(({ ours }) => ours))
    say('Run it with --abort to abort those of loads that have ended.');
  if (jobs.some(({ ours }) => !ours))
    say('Jobs that are not known here are never touched: look in Setup > Bulk Data Load Jobs.');
}
