/**
 * One Bulk API 2.0 ingest job: lease, create, upload, close, poll, settle, download. However it ends, the job is not
 * left Open, and what landed is downloaded and counted.
 */
import { ApplicationFailure } from '@temporalio/common';
import { CancellationScope, ContinueAsNew, setHandler } from '@temporalio/workflow';
import { toLoadError } from '../../domain/failures.js';
import { grantedSignal } from '../../protocol/messages/allocation-messages.js';
import { partProgressQuery, pauseSignal, pollNowSignal, resumeSignal } from '../../protocol/messages/load-messages.js';
import { endedByCancellation } from '../support/cancellation.js';
import { trustedState } from '../support/carried-state.js';
import { refuseUnlessChild } from '../support/started-by-load.js';
import { signalHandler, noArguments, readGrant } from '../incoming/parse-messages.js';
import { countJobs } from '../support/metrics.js';
import { endJob, resultOf } from './finish/end-job.js';
import { IngestJob } from './job.js';
import type { IngestJobInput, IngestJobResult, JobState } from './job-state.js';
import { releaseLease, renewWhile, waitForLease } from './lease/lease.js';
import { reportQuotaFailure, waitsForQuotaAndResends } from './lease/used-up-allocation.js';
import { pollUntilEnd } from './poll/poll-until-end.js';
import { adoptJob } from './submit/adopt-job.js';
import type { PartSent } from './submit/adopt-job.js';
import { resolveEarlierJob, findEarlierJob } from './submit/earlier-jobs.js';
import { recoverFrom } from './submit/after-failed-upload.js';
import type { FailedAttempts } from './submit/after-failed-upload.js';
import { closeJob, createJob, uploadPart } from './submit/send.js';

export async function ingestJob(input: IngestJobInput, carried?: JobState): Promise<IngestJobResult> {
  refuseUnlessChild('ingestJob');
  const job = new IngestJob(input, trustedState(carried));
  handleMessages(job);
  try {
    do {
      if (!job.state.closed) await submit(job);
      await pollUntilEnd(job);
    } while (await waitsForQuotaAndResends(job));
  } catch (error) {
    if (error instanceof ContinueAsNew) throw error;
    if (endedByCancellation(error)) job.state.canceled = true;
    else job.state.error ??= toLoadError(error);
  }
  const result = await CancellationScope.nonCancellable(() => finish(job));
  if (result.error === undefined || result.canceled) return result;
  const { code, message } = result.error;
  throw ApplicationFailure.create({ type: code, message, nonRetryable: true, details: [result] });
}

function handleMessages(job: IngestJob): void {
  setHandler(
    pollNowSignal,
    signalHandler('pollNow', noArguments, () => job.pollNow()),
    { description: 'Polls the job now instead of at the next timer.' },
  );
  setHandler(
    grantedSignal,
    signalHandler('granted', readGrant, (grant) => job.enterGrant(grant)),
    { description: "Sent by the ledger of the org's allocation: the job may be created." },
  );
  setHandler(
    pauseSignal,
    signalHandler('pause', noArguments, () => job.pause()),
    { description: 'Creates no job until `resume`.' },
  );
  setHandler(
    resumeSignal,
    signalHandler('resume', noArguments, () => job.resume()),
    { description: 'Creates jobs again after a pause; sends the part whose earlier job needed a decision.' },
  );
  setHandler(partProgressQuery, () => job.progress(), { description: 'Progress of the job.' });
}

/** A PUT is never repeated on the same job: after a failure the job is aborted and another one created. */
async function submit(job: IngestJob): Promise<void> {
  const attempts: FailedAttempts = { count: 0, lostWorkers: 0 };
  for (;;) {
    const earlier = await resolveEarlierJob(job);
    if (earlier !== undefined && (await adoptJob(job, earlier)) === 'sent') return;
    // Kept when a worker was lost in the middle of an upload.
    if (!job.state.lease.granted) await waitForLease(job);
    try {
      if ((await renewWhile(job, () => send(job))) === 'sent') return;
      await releaseLease(job);
      attempts.count++;
    } catch (error) {
      if ((await recoverFrom(error, job, attempts)) === 'sent') return;
    }
  }
}

/** Not sent: the load was paused meanwhile, or the job of an earlier run loaded nothing. */
async function send(job: IngestJob): Promise<PartSent> {
  const maybeSentBefore = await createJob(job);
  if (job.state.paused) return giveUp(job);
  if (maybeSentBefore) {
    const earlier = await findEarlierJob(job);
    if (earlier !== undefined) return adoptJob(job, earlier);
    if (job.state.question !== undefined) return giveUp(job);
  }
  const sentBefore = await uploadPart(job);
  if (sentBefore !== undefined) return adoptJob(job, sentBefore);
  await closeJob(job);
  return 'sent';
}

async function giveUp(job: IngestJob): Promise<PartSent> {
  await job.abort(job.activities);
  return 'notSent';
}

/**
 * Settle, download. Usage is reported to the ledger as soon as it is known, and the free place to the parent: when the
 * job ends, while results are downloaded.
 */
async function finish(job: IngestJob): Promise<IngestJobResult> {
  const { last, jobId } = job.state;
  const isComplete = last?.state === 'JobComplete' && last.id === jobId;
  await reportQuotaFailure(job);
  const [end] = await Promise.all([endJob(job), isComplete && releaseLease(job), isComplete && job.reportLanded()]);
  if (!isComplete) await releaseLease(job);
  const result = resultOf(job, end);
  countJobs(result.jobs);
  return result;
}
