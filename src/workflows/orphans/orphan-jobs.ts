/** Jobs left Open by loads whose workflows were terminated: lists them, and aborts ours on request. */
import { ApplicationFailure } from '@temporalio/common';
import type { OrphanJobsInput, OrphanJobsResult } from '../../contract/orphan-jobs.js';
import { isNotOurs, toLoadError } from '../../domain/failures.js';
import type { JobRef } from '../../protocol/activities/job-types.js';
import { toMs } from '../../domain/input/durations.js';
import { readOrphanJobsInput } from '../../domain/input/other-inputs.js';
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
    const { connection = 'default', olderThan = '24h', abort = false } = readOrphanJobsInput(given);
    return { connection, age: toMs(olderThan), abort };
  } catch (error) {
    // Any other error would make the workflow task fail again and again.
    const { code, message } = toLoadError(error);
    throw ApplicationFailure.nonRetryable(message, code);
  }
}
