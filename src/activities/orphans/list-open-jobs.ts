/** Lists Open jobs of the org that belong to no running load. */
import type { ActivityDependencies } from '../dependencies.js';
import { connectionOf } from '../dependencies.js';
import { runCountedActivity } from '../run-activity.js';
import type { ListOpenJobsInput, OpenJobs } from '../../protocol/activities/orphan-types.js';
import type { Counted } from '../../protocol/activities/attempt-types.js';

/** More would not fit into one answer; the command can be run again. */
const MAX_JOBS = 500;

export function listOpenJobs(
  dependencies: ActivityDependencies,
): (input: ListOpenJobsInput) => Promise<Counted<OpenJobs>> {
  return runCountedActivity(async (input, step) => {
    const connection = connectionOf(dependencies, input.connection);
    const apiVersion = await connection.resolveApiVersion(step.call);
    const jobs: OpenJobs['jobs'] = [];
    for await (const job of connection.listJobs({ ...step.call, apiVersion })) {
      if (jobs.length >= MAX_JOBS) break;
      const createdDate = job.createdDate ?? '';
      if (job.state !== 'Open' || !(Date.parse(createdDate) <= input.createdUntil)) continue;
      const owner = await dependencies.ownerOf(job.id);
      if (owner === 'running') continue;
      const { id, object = '', operation = '', createdById = '' } = job;
      jobs.push({ id, object, operation, createdById, createdDate, ours: owner === 'ended' });
    }
    return { apiVersion, jobs };
  });
}
