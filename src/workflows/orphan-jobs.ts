/** Jobs left Open by loads whose workflows were terminated: lists them, and on request aborts those that are ours. */
import { ApplicationFailure } from '@temporalio/common';
import type { OrphanJobsInput, OrphanJobsResult } from '../contract.js';
import { toLoadError } from './failures.js';
import { duration } from './input-fields.js';
import { cleanup } from './steps.js';

export async function orphanJobs(input: OrphanJobsInput = {}): Promise<OrphanJobsResult> {
  const connection = input.connection ?? 'default';
  const age = ageOf(input);
  const { value } = await cleanup.listOpenJobs.executeWithOptions({ summary: `Open jobs of ${connection}` }, [
    { connection, createdUntil: Date.now() - age },
  ]);
  const jobs: OrphanJobsResult['jobs'] = [];
  for (const job of value.jobs) {
    const mine = input.abort === true && job.ours;
    if (mine) {
      await cleanup.abortJob.executeWithOptions({ summary: `abort ${job.id}` }, [
        { connection, apiVersion: value.apiVersion, jobId: job.id },
      ]);
    }
    jobs.push({ ...job, aborted: mine });
  }
  return { jobs };
}

function ageOf({ olderThan = '24h' }: OrphanJobsInput): number {
  try {
    return duration(olderThan, 'olderThan');
  } catch (error) {
    // Any other error would make the workflow task fail again and again.
    const { code, message } = toLoadError(error);
    throw ApplicationFailure.nonRetryable(message, code);
  }
}
