/** Polls a closed job, timer by timer, until it has ended. */
import { ApplicationFailure } from '@temporalio/common';
import { condition, workflowInfo } from '@temporalio/workflow';
import { pollWait } from '../details.js';
import type { IngestJob } from '../job.js';
import { renewLease } from '../lease/lease.js';
import { noteLateTimer } from '../../support/late-timer.js';
import { metrics } from '../../support/metrics.js';
import { pollFactor } from './poll-throttle.js';
import { nextPollDelay } from './poll-delay.js';

/** A part that is done sooner is not worth a signal to the parent. */
const FIRST_SIGNAL_AFTER_MS = 10_000;
/** Each signal costs the parent events, so later ones are rare; this workflow can be queried for more. */
const NEXT_SIGNAL_AFTER_MS = 3_600_000;

export async function pollUntilEnd(job: IngestJob): Promise<void> {
  const { input, state } = job;
  job.enterPhase('processing');
  let signalAt = state.closedAt + FIRST_SIGNAL_AFTER_MS;
  while (!job.hasEnded) {
    await waitForNextPoll(job);
    state.polls++;
    await job.poll(`poll ${state.polls} of ${state.jobId}`);
    if (job.hasEnded) return;
    await renewLease(job);
    if (input.reportProgress && Date.now() >= signalAt) {
      signalAt = Date.now() + (input.reportEveryMs ?? Math.max(NEXT_SIGNAL_AFTER_MS, Date.now() - state.closedAt));
      await job.reportProgress();
    }
    if (workflowInfo().continueAsNewSuggested) await job.continueAsNew();
  }
}

/** Waits according to the job's pace so far, or until someone asks for a poll now. */
async function waitForNextPoll({ input, state, live }: IngestJob): Promise<void> {
  const now = Date.now();
  const left = state.closedAt + input.jobTimeoutMs - now;
  if (left <= 0) {
    throw ApplicationFailure.nonRetryable(
      `Job ${state.jobId} did not end within jobTimeout (${input.jobTimeoutMs / 60_000} min) and was aborted. ` +
        'Rows that it had not processed are in the unprocessed file.',
      'JOB_TIMED_OUT',
    );
  }
  const history = {
    startedAt: state.closedAt,
    total: input.records,
    samples: state.samples.slice(1),
    count: state.polls,
  };
  const wait = nextPollDelay(input.poll, history, { now, random: Math.random() }) * pollFactor(state.last?.apiUsed);
  const delay = Math.min(left, wait);
  await condition(() => live.pollNow, delay, { summary: pollWait(state, input, delay) });
  // A poll that someone asked for is not late.
  if (!live.pollNow) metrics.observe('nightload_poll_lateness_seconds', (Date.now() - now - delay) / 1_000, {});
  live.pollNow = false;
  noteLateTimer(state, now + delay);
}
