/** `nightload orphans`: jobs that lie Open in the org and belong to no running load. */
import { randomUUID } from 'node:crypto';
import type { OrphanJobsInput, OrphanJobsResult } from '../../contract.js';
import { printJson, say } from '../failure.js';
import { runOnWorker } from '../run-on-worker.js';

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
    ...(options.olderThan !== undefined && { olderThan: options.olderThan }),
  };
  const result = await runOnWorker<OrphanJobsResult>('orphanJobs', {
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
