/**
 * Finds jobs that a create with a lost reply, or a run lost in a restore, may have left Open: created by our user, at
 * that time, and not owned by a running load.
 */
import { NightloadError } from '../../errors.js';
import type { JobInfo } from '../../salesforce/resources/job-info.js';
import type { ActivityDependencies } from '../dependencies.js';
import { connectionOf } from '../dependencies.js';
import { mayBeOperation, sameId } from '../job/job-ownership.js';
import type { OwnJobs } from '../job/job-ownership.js';
import { runCountedActivity } from '../run-activity.js';
import type { FindLostJobsInput, LostJobsFound } from '../../protocol/activities/orphan-types.js';
import type { Counted } from '../../protocol/activities/attempt-types.js';
import { defined } from '../../domain/defined.js';

/** Maximum number of jobs in the answer. */
const MAX_JOBS = 50;

export function findLostJobs(
  dependencies: ActivityDependencies,
  ownJobs: OwnJobs,
): (input: FindLostJobsInput) => Promise<Counted<LostJobsFound>> {
  return runCountedActivity(async (given, step) => {
    // The user in the input may be forged; the user that this worker learned is not.
    const createdById = ownJobs.knownUser(given.connection) ?? given.createdById;
    const input = { ...given, ...defined({ createdById }) };
    const connection = connectionOf(dependencies, input.connection, input);
    const context = { ...step.call, apiVersion: input.apiVersion };
    const found: LostJobsFound = { empty: [], filled: [] };
    for await (const job of connection.listJobs(context)) {
      if (found.empty.length + found.filled.length >= MAX_JOBS) break;
      if (!matches(job, input) || (await dependencies.ownerOf(job.id)) === 'running') continue;
      const info = await patiently(() => connection.getJob(job.id, context));
      if (info.state === 'Open' && hasKeyOf(info, input)) found[isEmpty(info) ? 'empty' : 'filled'].push(job.id);
    }
    return found;
  });
}

/** If one of many reads fails, the others need not be repeated. */
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
    job.operation !== undefined &&
    mayBeOperation(job.operation, input) &&
    (input.createdById === undefined || sameId(job.createdById, input.createdById)) &&
    input.lostCreates.some(({ from, to }) => created >= from && created <= to)
  );
}

function same(one: string | undefined, other: string | undefined): boolean {
  return one?.toLowerCase() === other?.toLowerCase();
}

/** Counters are absent until the upload is complete. */
function isEmpty({ numberRecordsProcessed }: JobInfo): boolean {
  return numberRecordsProcessed === undefined;
}

/** Reads the job itself: the documented list of jobs does not include the external id field. */
function hasKeyOf({ operation, externalIdFieldName }: JobInfo, input: FindLostJobsInput): boolean {
  return same(externalIdFieldName, operation === 'upsert' ? input.externalIdFieldName : undefined);
}
