/** Jobs left Open by loads whose workflows were terminated: lists them, and aborts ours on request. */
import { ApplicationFailure } from '@temporalio/common';
import type { OrphanJobsInput, OrphanJobsResult } from '../../contract/orphan-jobs.js';
import { isNotOurs, toLoadError } from '../../domain/failures.js';
import type { JobRef } from '../../protocol/activities/job-types.js';
import { connectionName, duration, isObject, refuse, withoutNulls } from '../../domain/input/fields.js';
import { cleanupActivities } from '../support/activity-options.js';

export async function orphanJobs(given?: OrphanJobsInput): Promise<OrphanJobsResult> {
  const { connection, age, abort } = settingsOf(given);
  const { value } = await cleanupActivities.listOpenJobs.executeWithOptions({ summary: `Open jobs of ${connection}` }, [
    { connection, createdUntil: Date.now() - age },
  ]);
  const jobs: OrphanJobsResult['jobs'] = [];
  for (const job of value.jobs) {
    const aborted =
      abort && job.ours && (await abortOrphan({ connection, apiVersion: value.apiVersion, jobId: job.id }));
    jobs.push({ ...job, aborted });
  }
  return { jobs };
}

/** False when the activity, which checks the job itself, finds that it is no longer Open or not ours. */
async function abortOrphan(ref: JobRef): Promise<boolean> {
  try {
    const { value } = await cleanupActivities.abortJob.executeWithOptions({ summary: `abort ${ref.jobId}` }, [ref]);
    return value.state === 'Aborted';
  } catch (error) {
    if (!isNotOurs(error)) throw error;
    return false;
  }
}

interface Settings {
  connection: string;
  age: number;
  abort: boolean;
}

/** The input is untrusted. */
function settingsOf(given: unknown): Settings {
  try {
    if (given != null && !isObject(given)) refuse('The input must be an object, or be omitted.');
    const { connection, olderThan, abort } = withoutNulls((given ?? {}) as OrphanJobsInput);
    return {
      connection: connectionName(connection),
      age: duration(olderThan ?? '24h', 'olderThan'),
      abort: abort === true,
    };
  } catch (error) {
    // Any other error would make the workflow task fail again and again.
    const { code, message } = toLoadError(error);
    throw ApplicationFailure.nonRetryable(message, code);
  }
}
