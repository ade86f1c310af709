/** `nightload orphans`: jobs that are Open in the org and belong to no running load. */
import { randomUUID } from 'node:crypto';
import type { OrphanJobsInput, OrphanJobsResult } from '../../contract/orphan-jobs.js';
import { orphanJobsResult } from '../../client/answers/worker-answers.js';
import { printJson, say } from '../shared/output.js';
import { runOnWorker } from '../temporal/run-on-worker.js';
import { defined } from '../../domain/defined.js';

export interface OrphansOptions {
  abort?: boolean;
  olderThan?: string;
  connection: string;
  timeout?: string;
  json?: boolean;
}

export async function orphans(options: OrphansOptions): Promise<number> {
  const input: OrphanJobsInput = {
    connection: options.connection,
    abort: options.abort === true,
    ...defined({ olderThan: options.olderThan }),
  };
  const result = await runOnWorker('orphanJobs', orphanJobsResult, {
    workflowId: `nightload-orphans/${randomUUID()}`,
    args: [input],
    staticSummary: `jobs left Open in the org of ${options.connection}`,
    timeout: options.timeout,
  });
  print(result, options);
  if (options.json === true) printJson(result);
  return 0;
}

function print({ jobs }: OrphanJobsResult, { abort, olderThan = '24h' }: OrphansOptions): void {
  if (jobs.length === 0) say(`No Open jobs older than ${olderThan} without a running load.`);
  for (const job of jobs) {
    const outcome = job.aborted
      ? 'aborted'
      : job.ours
        ? 'of a load that has ended'
        : `unknown here, created by ${job.createdById}`;
    say(`${job.id}  ${job.createdDate}  ${job.operation} ${job.object}  ${outcome}`);
  }
  if (abort !== true && jobs.some(({ ours }) => ours)) say('Use --abort to abort the jobs of loads that have ended.');
  if (jobs.some(({ ours }) => !ours))
    say('Jobs that are unknown here are never touched: check them in Setup > Bulk Data Load Jobs.');
}
