/** Jobs left Open by loads whose workflows were terminated: lists them, and on request aborts those that are ours. */
import { ApplicationFailure } from '@temporalio/common';
import type { OrphanJobsInput, OrphanJobsResult } from '../contract.js';
import { toLoadError } from './failures.js';
import { connectionName, duration, isObject, refuse, withoutNulls } from './input-fields.js';
import { cleanup } from './steps.js';

export async function orphanJobs(given?: OrphanJobsInput): Promise<OrphanJobsResult> {
  const { connection, age, abort } = settingsOf(given);
  const { value } = await cleanup.listOpenJobs.executeWithOptions({ summary: `Open jobs of ${connection}` }, [
    { connection, createdUntil: Date.now() - age },
  ]);
  const jobs: OrphanJobsResult['jobs'] = [];
  for (const job of value.jobs) {
    const mine = abort && job.ours;
    if (mine) {
      await cleanup.abortJob.executeWithOptions({ summary: `abort ${job.id}` }, [
        { connection, apiVersion: value.apiVersion, jobId: job.id },
      ]);
    }
    jobs.push({ ...job, aborted: mine });
  }
  return { jobs };
}

interface Settings {
  connection: string;
  age: number;
  abort: boolean;
}

/** Anybody may have sent it. */
function settingsOf(given: unknown): Settings {
  try {
    if (given != null && !isObject(given)) refuse('The input must be an object, or be left out.');
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
