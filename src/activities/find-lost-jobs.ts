/**
 * Finds jobs that a create with a lost answer, or a run that was restored away, may have left Open: of our user, from that
 * time, of no running load.
 */
import { NightloadError } from '../errors.js';
import type { JobInfo } from '../salesforce/job-info.js';
import type { ActivityDependencies } from './dependencies.js';
import { connectionOf } from './dependencies.js';
import { countedStep } from './step.js';
import type { Counted, FindLostJobsInput, LostJobsFound } from './types.js';

/** More than these are listed by nobody. */
const MOST = 50;

export function findLostJobs(
  dependencies: ActivityDependencies,
): (input: FindLostJobsInput) => Promise<Counted<LostJobsFound>> {
  return countedStep(async (input, step) => {
    const connection = connectionOf(dependencies, input.connection, input);
    const context = { ...step.call, apiVersion: input.apiVersion };
    const found: LostJobsFound = { empty: [], filled: [] };
    for await (const job of connection.listJobs(context)) {
      if (found.empty.length + found.filled.length >= MOST) break;
      if (!matches(job, input) || (await dependencies.ownerOf(job.id)) === 'running') continue;
      const info = await patiently(() => connection.getJob(job.id, context));
      if (info.state === 'Open' && hasKeyOf(info, input)) found[isEmpty(info) ? 'empty' : 'filled'].push(job.id);
    }
    return found;
  });
}

/** One of many reads that fails must not make all of them begin anew. */
async function patiently<T>(read: () => Promise<T>): Promise<T> {
  for (let left = 2; ; left--) {
    try {
      return await read();
    } catch (error) {
      if (left === 0 || !(error instanceof NightloadError && error.retryable)) throw error;
    }
  }
}

function matches(job: JobInfo, input: FindLostJobsInput): boolean {
  const created = Date.parse(job.createdDate ?? '');
  return (
    job.state === 'Open' &&
    same(job.object, input.object) &&
    mayBeOurs(job.operation, input) &&
    (input.createdById === undefined || job.createdById?.slice(0, 15) === input.createdById.slice(0, 15)) &&
    input.lostCreates.some(({ from, to }) => created >= from && created <= to)
  );
}

function same(one: string | undefined, other: string | undefined): boolean {
  return one?.toLowerCase() === other?.toLowerCase();
}

/** Counters are absent until the upload is there. */
function isEmpty({ numberRecordsProcessed }: JobInfo): boolean {
  return numberRecordsProcessed === undefined;
}

/** Asked of the job itself: the documented list of jobs does not tell the external id field. */
function hasKeyOf({ operation, externalIdFieldName }: JobInfo, input: FindLostJobsInput): boolean {
  return same(externalIdFieldName, operation === 'upsert' ? input.externalIdFieldName : undefined);
}

/** An insert with an external id is retried as an upsert. */
function mayBeOurs(operation: string | undefined, input: FindLostJobsInput): boolean {
  const retriesAsUpsert = input.operation === 'insert' && input.externalIdFieldName !== undefined;
  return operation === input.operation || (retriesAsUpsert && operation === 'upsert');
}
