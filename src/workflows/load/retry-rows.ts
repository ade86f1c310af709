/** Sends rows again as a child of the load: failed rows, and corrected ones. */
import { isCancellation } from '@temporalio/workflow';
import { defined } from '../../domain/defined.js';
import { count } from '../../domain/text/format.js';
import { pauseSignal, resumeSignal } from '../../protocol/messages/load-messages.js';
import { runChild } from '../children/run-child.js';
import { readRetryResult } from '../incoming/child-results.js';
import type { retryFailedRows } from '../retry/retry-failed-rows.js';
import { moveEndedToFiles } from '../support/ended-part-files.js';
import type { AcceptedCorrections, Load } from './load.js';
import { enterCorrected, enterRetry } from './load-state.js';
import type { RetryInput, RetryResult } from '../retry/retry-state.js';

/** Retries failed rows that may pass, in rounds. */
export async function retryFailed(load: Load): Promise<void> {
  const { input, state, live, stage } = load;
  load.enterPhase('retrying');
  live.waitingFor = 'sorting the failed rows';
  // From here on rows may land without a report to us: if the child vanishes, they are unaccounted, not rejected.
  const result = await runRetry(load, {
    name: 'retry',
    summary: `${input.operation} ${input.object}: retry of failed and unprocessed rows`,
    rows: defined({
      stage,
      ended: state.ended[0],
      workUri: load.located.workUri,
      failedWhole: state.failedWhole,
    }),
  }).catch((error: unknown) => {
    if (!isCancellation(error)) {
      state.triaged = true;
      state.tally.unprocessed = 0;
    }
    throw error;
  });
  enterRetry(state, result);
  state.canceled ||= result.canceled;
  await moveEndedToFiles(state.ended, load.fileActivities);
}

/** Sends corrected rows; those that fail again are retried or rejected like others. */
export async function sendCorrected(load: Load, { name, rows, next }: AcceptedCorrections): Promise<void> {
  const { input, state, live } = load;
  load.enterPhase('retrying');
  live.waitingFor = `sending ${count(rows)} corrected rows`;
  const result = await runRetry(load, {
    name,
    summary: `${input.operation} ${input.object}: ${count(rows)} corrected rows`,
    rows: { stage: next, workUri: next.uri },
  });
  enterCorrected(state, result);
  state.canceled ||= result.canceled;
  await moveEndedToFiles(state.ended, load.fileActivities);
}

interface Retry {
  /** Name of the child. */
  name: string;
  summary: string;
  rows: Pick<RetryInput, 'stage' | 'ended' | 'workUri' | 'failedWhole'>;
}

async function runRetry(load: Load, { name, summary, rows }: Retry): Promise<RetryResult> {
  const { input, settings, live } = load;
  const paused = live.paused;
  const args: [RetryInput] = [
    {
      ...load.jobSettings,
      ...rows,
      operation: input.operation,
      partMaxBytes: settings.partMaxBytes,
      retry: settings.retry,
      paused,
    },
  ];
  const onStarted = (started: string): void => {
    live.retrying = started;
    // Its input reflects the state before it was started.
    if (live.paused !== paused) live.signals.sendSoon(started, live.paused ? pauseSignal : resumeSignal);
  };
  try {
    return await runChild<typeof retryFailedRows>(
      'retryFailedRows',
      { name, args, summary, read: readRetryResult },
      { onStarted, onWait: (text) => load.waitFor(text) },
    );
  } finally {
    delete live.retrying;
    delete live.waitingFor;
  }
}
