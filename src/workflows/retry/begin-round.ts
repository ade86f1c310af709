/** A round of the retry: after a wait, its rows become the stage that is sent next. */
import { isCancellation, sleep } from '@temporalio/workflow';
import { count, time } from '../../domain/text/format.js';
import type { Stage } from '../../protocol/activities/plan-types.js';
import { noteLateTimer } from '../support/late-timer.js';
import { newEndedStage } from '../support/ended-part-files.js';
import { logEvent } from '../support/log-event.js';
import { waiting } from '../support/metrics.js';
import type { Retry } from './retry.js';
import type { RetryState } from './retry-state.js';
import { roundDelay } from './round-delay.js';

export async function beginRound(retry: Retry, stage: Stage): Promise<void> {
  const { input, state, result } = retry;
  const { round } = state;
  result.ended.push(newEndedStage(stage.uri));
  Object.assign(state, {
    stage,
    name: `round-${round}`,
    next: 1,
    untriaged: false,
    round: round + 1,
    failedWhole: undefined,
  } satisfies Partial<RetryState>);
  logEvent('retry round', { loadId: input.loadId, round, records: stage.records });
  try {
    const wait = roundDelay(input.retry, round, Math.random());
    const rows = `${count(stage.records)} rows`;
    await retry.report(`round ${round} of at most ${input.retry.maxRounds}: ${rows} again in ${time(wait)}`);
    const waitingSince = Date.now();
    await waiting('retry', () => sleep(wait, { summary: `round ${round} with ${rows} in ${time(wait)}` }));
    noteLateTimer(result, waitingSince + wait);
    result.tally.rounds = round;
    await retry.report(`round ${round} of at most ${input.retry.maxRounds}: sending ${rows} again`);
  } catch (error) {
    if (!isCancellation(error)) throw error;
    result.canceled = true;
  }
}
