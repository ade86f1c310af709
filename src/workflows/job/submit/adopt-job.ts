/** Earlier jobs that turn out to have this part's rows: they count instead of the job that was just created. */
import { sleep } from '@temporalio/workflow';
import { nothingApplied } from '../result-counts.js';
import type { IngestJob } from '../job.js';
import { enterJobInfo } from '../job-state.js';
import { settleDelay } from '../poll/settle-delay.js';

/** Whether a job has the part's rows, or a job must still be created for them. */
export type PartSent = 'sent' | 'notSent';

/**
 * An earlier run of this part, terminated or reset, had sent it with another job: that job counts, whatever its state,
 * and ours is given up empty. If that job was never closed, it is aborted too, and the part is not sent yet.
 */
export async function adoptJob(job: IngestJob, jobId: string): Promise<PartSent> {
  const { input, state } = job;
  await job.abort(job.activities);
  job.enterJob(jobId, input.records);
  if (input.evidence?.startedAt !== undefined) state.since = input.evidence.startedAt;
  // Until the platform reports otherwise it may have been closed, and then nothing is sent again.
  enterAdopted(job);
  const found = await job.poll(`job of an earlier run: ${jobId}`);
  if (found.state === 'Open') await job.abort(job.activities);
  else if (found.state !== 'Aborted' || found.processed > 0 || found.failed > 0) return 'sent';
  // Its close may have been in flight, or its first rows in process.
  const wait = settleDelay(input.poll, state, Date.now());
  await sleep(wait, { summary: `${jobId} is aborted and shows no rows: wait until it is stable` });
  const settled = await job.poll(`check whether ${jobId} has settled`);
  if (settled.processed > 0 || settled.failed > 0) return 'sent';
  const counts = await job.downloadResults(job.fileActivities);
  state.closed = !nothingApplied(settled, counts);
  return state.closed ? 'sent' : 'notSent';
}

/**
 * Gives up a job whose upload or close failed. The part is sent if that job had been closed before: by a run of this
 * part that was lost in a restore, since this one knows of no close. Then that job counts, and nothing is sent again.
 */
export async function adoptUnlessAborted(job: IngestJob): Promise<PartSent> {
  const { input, state } = job;
  const { jobId } = state;
  if (jobId === undefined) return 'notSent';
  const info = await job.awaitCounted(
    job.activities.abortJob.executeWithOptions({ summary: `abort ${jobId}, unless it was closed` }, [
      { ...job.ref(), unlessClosed: true },
    ]),
  );
  enterJobInfo(state, info, Date.now());
  const { state: platformState, processed, failed } = info;
  if (['Open', 'Aborted', 'Deleted'].includes(platformState) && processed === 0 && failed === 0) return 'notSent';
  job.current.records = input.records;
  enterAdopted(job);
  return 'sent';
}

function enterAdopted({ state }: IngestJob): void {
  state.adopted = true;
  state.closed = true;
  state.closedAt = Date.now();
  state.samples = [];
}
