/** Finds jobs that a create with a lost answer may have left Open: empty, of our user, from that time, of no running load. */
import type { SalesforceConnection } from '../salesforce/connection.js';
import type { JobInfo } from '../salesforce/job-info.js';
import type { ApiContext } from '../salesforce/context.js';
import type { ActivityDependencies } from './dependencies.js';
import { connectionOf } from './dependencies.js';
import { countedStep } from './step.js';
import type { Counted, FindLostJobsInput } from './types.js';

/** More than these are listed by nobody. */
const MOST = 50;

export function findLostJobs(
  dependencies: ActivityDependencies,
): (input: FindLostJobsInput) => Promise<Counted<string[]>> {
  return countedStep(async (input, step) => {
    const connection = connectionOf(dependencies, input.connection);
    const context = { ...step.call, apiVersion: input.apiVersion };
    const found: string[] = [];
    for await (const job of connection.listJobs(context)) {
      if (found.length >= MOST) break;
      if (!matches(job, input) || (await dependencies.ownerOf(job.id)) === 'running') continue;
      if (await isEmpty(connection, job.id, context)) found.push(job.id);
    }
    return found;
  });
}

function matches(job: JobInfo, input: FindLostJobsInput): boolean {
  const created = Date.parse(job.createdDate ?? '');
  return (
    job.state === 'Open' &&
    same(job.object, input.object) &&
    job.operation === input.operation &&
    same(job.externalIdFieldName, input.operation === 'upsert' ? input.externalIdFieldName : undefined) &&
    (input.createdById === undefined || job.createdById?.slice(0, 15) === input.createdById.slice(0, 15)) &&
    input.lostCreates.some(({ from, to }) => created >= from && created <= to)
  );
}

function same(one: string | undefined, other: string | undefined): boolean {
  return one?.toLowerCase() === other?.toLowerCase();
}

/** Counters are absent until the upload is there. */
async function isEmpty(connection: SalesforceConnection, jobId: string, context: ApiContext): Promise<boolean> {
  const { state, numberRecordsProcessed } = await connection.getJob(jobId, context);
  return state === 'Open' && numberRecordsProcessed === undefined;
}
