/** What follows a failed create, upload or close: a wait and another job, or the end of the part. */
import { TimeoutFailure } from '@temporalio/common';
import { msToNumber } from '@temporalio/common/lib/time.js';
import { isCancellation, sleep } from '@temporalio/workflow';
import { believedAfter, innermostFailure, mayPassLater, ranOutOfTime, toLoadError } from '../../../domain/failures.js';
import type { RepeatedRefusal } from '../../../protocol/activities/attempt-types.js';
import { noteLateTimer } from '../../support/late-timer.js';
import type { IngestJob } from '../job.js';
import { releaseLease } from '../lease/lease.js';
import { isUsedUp, waitForQuota } from '../lease/used-up-allocation.js';
import { adoptUnlessAborted } from './adopt-job.js';
import type { PartSent } from './adopt-job.js';

/** Waits before another job is created after a failed upload; after the last one the load ends cleanly. */
const UPLOAD_WAITS = ['5s', '30s', '2m', '10m', '30m', '1h', '2h', '4h'] as const;

/**
 * The same after a worker was lost in the middle of an upload. That is neither the org's fault nor the file's, unless it
 * happens again and again.
 */
const LOST_WORKER_WAITS = ['0s', '1s', ...UPLOAD_WAITS] as const;

/** Failures of a part's jobs so far. */
export interface FailedAttempts {
  count: number;
  /** Uploads whose worker was lost: not in the count. */
  lostWorkers: number;
  /** The last failure, and since when it has been the same. */
  refused?: RepeatedRefusal;
}

/**
 * Waits until the part may be sent again with another job.
 * @returns `sent` when the failed job counts after all
 * @throws the error, when the part must not be sent again
 */
export async function recoverFrom(error: unknown, job: IngestJob, attempts: FailedAttempts): Promise<PartSent> {
  const { state } = job;
  const { code } = toLoadError(error);
  // After the close nothing is sent again: the job's own state decides.
  if (state.closed || isCancellation(error)) throw error;
  if (isUsedUp(code)) {
    await job.abort(job.activities);
    delete state.jobId;
    await waitForQuota(job, code);
    return 'notSent';
  }
  const wait = lostItsWorker(error) ? LOST_WORKER_WAITS[attempts.lostWorkers++] : UPLOAD_WAITS[attempts.count++];
  if (attempts.refused?.code !== code) attempts.refused = { code, since: Date.now() };
  const changedByOthers = code === 'INVALID_JOB_STATE';
  if (wait === undefined || !(changedByOthers || mayBeSentAgain(error, attempts.refused))) throw error;
  if ((await adoptUnlessAborted(job)) === 'sent') return 'sent';
  // Our Open job was ended by someone unknown to this run.
  if (changedByOthers) state.timeGapAt = Date.now();
  // For the next job: the ledger's worker may be the one that was lost, and its answer would take seconds.
  if (wait === '0s' && state.lease.granted && !state.paused) return 'notSent';
  await releaseLease(job);
  const waitingSince = Date.now();
  await sleep(wait, { summary: `upload failed (${code}): next job in ${wait}` });
  noteLateTimer(state, waitingSince + msToNumber(wait));
  return 'notSent';
}

/** No heartbeat came: it was killed, or cannot reach Temporal. */
function lostItsWorker(error: unknown): boolean {
  const cause = innermostFailure(error);
  return cause instanceof TimeoutFailure && cause.timeoutType === 'HEARTBEAT';
}

/** @param since when this failure first occurred */
function mayBeSentAgain(error: unknown, { code, since }: RepeatedRefusal): boolean {
  if (ranOutOfTime(error)) return false;
  const believed = believedAfter(error);
  if (believed !== undefined && Date.now() - since >= believed) return false;
  const cause = innermostFailure(error);
  // It was waited for as long as an outage may take: no worker sees the file any more.
  if (cause instanceof TimeoutFailure && cause.timeoutType === 'SCHEDULE_TO_START') return false;
  return code === 'MULTIPLE_CONTENTS' || mayPassLater(error);
}
