/** One source file from preflight to the last retried row. The only workflow that callers start. */
import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import { CancellationScope, ContinueAsNew } from '@temporalio/workflow';
import type { BulkLoadInput } from '../../contract/load-input.js';
import type { BulkLoadResult } from '../../contract/load-result.js';
import { letFixerCorrect } from '../corrections/fixer.js';
import { holdForCorrections } from '../corrections/hold.js';
import { waitForSource } from '../source/wait-for-source.js';
import { earlierRunActivities } from '../support/activity-options.js';
import { pingEnd, pingStart } from '../notify/heartbeat.js';
import { watchOutages } from '../notify/watch-outages.js';
import { watchWaits } from '../notify/watch-waits.js';
import { whileWatching } from '../notify/while-watching.js';
import { endedByCancellation } from '../support/cancellation.js';
import { trustedState } from '../support/carried-state.js';
import { finalize } from './finalize.js';
import { watchFinish } from './finish-by/watch-finish.js';
import { handleMessages } from './handlers.js';
import { Load } from './load.js';
import { mayRetry } from './load-state.js';
import type { CarriedState } from './load-state.js';
import { locateLoad, planLoad } from './plan-load.js';
import { retryFailed } from './retry-rows.js';
import { runParts } from './parts/run-parts.js';
import { triageTheRest } from './triage-rest.js';

export async function bulkLoad(given: BulkLoadInput, carried?: CarriedState): Promise<BulkLoadResult> {
  const state = trustedState(carried);
  const load = new Load(given, state);
  handleMessages(load);
  load.showDetails();
  try {
    if (state !== undefined) await checkEarlierRun(load);
    else pingStart(load);
    await whileWatching(load, [watchWaits, watchOutages, watchFinish], () => runSteps(load));
  } catch (error) {
    if (error instanceof ContinueAsNew) throw error;
    if (endedByCancellation(error)) load.state.canceled = true;
    else load.fail(error);
  }
  const result = await CancellationScope.nonCancellable(async () => {
    const ended = await finalize(load);
    await pingEnd(load, ended.state);
    return ended;
  });
  if (result.state === 'Canceled') throw new CancelledFailure('The load was canceled.');
  if (result.state === 'Failed') throw failureOf(result);
  return result;
}

/** A run hands its state on only if it was itself continued from one of nightload's: so all before it were. */
async function checkEarlierRun({ settings }: Load): Promise<void> {
  const { checkEarlierRun: check } = earlierRunActivities(settings.outageMs);
  await check.executeWithOptions({ summary: 'check which run this one continues' }, [{}]);
}

async function runSteps(load: Load): Promise<void> {
  // A refused input ends the load here.
  const { input, settings, state } = load;
  if (!load.isPlanned) {
    const seenBy = await waitForSource(load);
    await locateLoad(load, seenBy);
    await planLoad(load);
  }
  await runParts(load);
  if (load.mayContinue && !state.triaged && mayRetry(state, input.operation, settings)) await retryFailed(load);
  if (settings.fixer === undefined && settings.holdForMs === 0) return;
  if (load.mayContinue) await triageTheRest(load);
  if (load.mayContinue) await letFixerCorrect(load);
  if (load.mayContinue) await holdForCorrections(load);
}

function failureOf(result: BulkLoadResult): ApplicationFailure {
  const { code, message } = result.error ?? { code: 'UNEXPECTED', message: 'The load failed.' };
  return ApplicationFailure.create({ type: code, message, nonRetryable: true, details: [result] });
}
