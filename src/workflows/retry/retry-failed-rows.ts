/**
 * Child of a load: sorts the rows that did not land, and sends again only those that may pass unchanged and those that
 * were never processed, in rounds with growing waits, one job at a time. What remains is rejected or unprocessed.
 */
import { allHandlersFinished, CancellationScope, condition, setHandler } from '@temporalio/workflow';
import { partProgressSignal, pauseSignal, pollNowSignal, resumeSignal } from '../../protocol/messages/load-messages.js';
import type { RetryInput, RetryResult } from './retry-state.js';
import { trustedState } from '../support/carried-state.js';
import { refuseUnlessChild } from '../support/started-by-load.js';
import { signalHandler, noArguments, readPartNow } from '../incoming/parse-messages.js';
import { beginRound } from './begin-round.js';
import { Retry } from './retry.js';
import type { RetryState } from './retry-state.js';
import { sendStage } from './send-stage.js';
import { triageStage } from './triage-stage.js';

export async function retryFailedRows(input: RetryInput, carried?: RetryState): Promise<RetryResult> {
  refuseUnlessChild('retryFailedRows');
  const retry = new Retry(input, trustedState(carried));
  const { state, result } = retry;
  handleMessages(retry);
  for (;;) {
    if (state.next !== undefined) await sendStage(retry);
    const rows = await triageStage(retry);
    if (rows === undefined) break;
    await beginRound(retry, rows);
  }
  // It failed in every round, so its rows need a person after all.
  const { failedWhole } = state;
  if (failedWhole !== undefined && result.tally.unprocessed > 0 && !result.canceled) result.error ??= failedWhole;
  await CancellationScope.nonCancellable(() => condition(allHandlersFinished));
  retry.showDetails('done');
  return result;
}

function handleMessages(retry: Retry): void {
  setHandler(
    pollNowSignal,
    signalHandler('pollNow', noArguments, () => retry.pollNow()),
    { description: 'Polls the running job now instead of at its next timer.' },
  );
  setHandler(
    pauseSignal,
    signalHandler('pause', noArguments, () => retry.pause()),
    { description: 'Starts no new jobs.' },
  );
  setHandler(
    resumeSignal,
    signalHandler('resume', noArguments, () => retry.resume()),
    { description: 'Starts jobs again after a pause.' },
  );
  setHandler(
    partProgressSignal,
    signalHandler('partProgress', readPartNow, (progress) => retry.enterPartProgress(progress)),
    { description: 'Sent by a job: what it waits for.' },
  );
}
