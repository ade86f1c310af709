/** Jobs that lie Open in the org and belong to no running load. */
import type { ActivityDependencies } from './dependencies.js';
import { connectionOf } from './dependencies.js';
import { countedStep } from './step.js';
import type { Counted, ListOpenJobsInput, OpenJobs } from './types.js';

/** More would not fit into one answer; whoever has so many runs the command again. */
const MOST = 500;

export function listOpenJobs(
  dependencies: ActivityDependencies,
): (input: ListOpenJobsInput) => Promise<Counted<OpenJobs>> {
  return countedStep(async (input, step) => {
    const connection = connectionOf(dependencies, input.connection);
    const apiVersion = await connection.resolveApiVersion(step.call);
    const jobs: OpenJobs['jobs'] = [];
    for await (const job of connection.listJobs({ ...step.call, apiVersion })) {
      if (jobs.length >= MOST) break;
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
