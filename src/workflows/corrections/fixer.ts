/** Gives the rejected rows to the user's own activity for as long as some of the rows it returns land. */
import { ActivityCancellationType, ActivityFailure, ApplicationFailure, TimeoutFailure } from '@temporalio/common';
import { isCancellation, proxyActivities } from '@temporalio/workflow';
import type { FixerInput } from '../../contract/corrections.js';
import type { LoadError } from '../../contract/load-result.js';
import { defined } from '../../domain/defined.js';
import { innermostFailure, toLoadError } from '../../domain/failures.js';
import { count, time } from '../../domain/text/format.js';
import { isObject } from '../../domain/input/fields.js';
import type { LoadSettings } from '../../domain/input/resolve-input.js';
import type { Load } from '../load/load.js';
import { acceptCorrections, canBeCorrected, collectRejected, correctionsOf, sendCorrections } from './corrections.js';
import { enterWarnings } from '../support/warnings.js';

type Fixer = NonNullable<LoadSettings['fixer']>;

/** Not after a hold has begun: a person has the rows then. */
export async function letFixerCorrect(load: Load): Promise<void> {
  const { settings, state } = load;
  const { fixer, retry } = settings;
  if (fixer === undefined || state.holdUntil !== undefined || !canBeCorrected(load)) return;
  for (let round = 1; round <= Math.max(1, retry.maxRounds) && state.tally.rejected > 0; round++) {
    const landed = state.tally.succeeded;
    try {
      if (!(await runRound(load, fixer))) return;
    } catch (error) {
      if (isCancellation(error)) throw error;
      const { code, message } = fixerError(error, fixer);
      enterWarnings(state.warnings, [
        `The fixer ${fixer.activity} corrected nothing in round ${round}: ${message} (${code})`,
      ]);
      return;
    }
    if (!load.mayContinue || state.tally.succeeded === landed) return;
  }
}

/** False when the fixer says that there is nothing to correct. */
async function runRound(load: Load, fixer: Fixer): Promise<boolean> {
  const { tally, warnings } = load.state;
  load.enterPhase('retrying');
  load.waitFor(`${fixer.activity} on ${fixer.taskQueue} to correct ${count(tally.rejected)} rejected rows`);
  const answer = await callFixer(load, fixer);
  if (!hasSource(answer)) return false;
  const accepted = await acceptCorrections(load, correctionsOf(answer), { fromFixer: true });
  if (accepted.left !== undefined) {
    const isOne = accepted.left === 1;
    enterWarnings(warnings, [
      `${count(accepted.left)} ${isOne ? 'row' : 'rows'} that the fixer ${fixer.activity} corrected ${isOne ? 'was' : 'were'} not sent: a newer row of the source with the same key landed, or may have.`,
    ]);
  }
  await sendCorrections(load, accepted);
  return true;
}

function hasSource(answer: unknown): boolean {
  return isObject(answer) && 'source' in answer && typeof answer.source === 'string';
}

async function callFixer(load: Load, { activity, taskQueue, timeoutMs, heartbeatMs }: Fixer): Promise<unknown> {
  const { uri: source } = await collectRejected(load);
  const activities = proxyActivities<Record<string, (given: FixerInput) => Promise<unknown>>>({
    taskQueue,
    startToCloseTimeout: timeoutMs,
    // The hold comes after this: a fixer without a worker must not use up the time people have.
    scheduleToStartTimeout: timeoutMs,
    // Only the activity's author knows whether it sends heartbeats.
    ...defined({ heartbeatTimeout: heartbeatMs }),
    retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '1m', maximumAttempts: 5 },
    cancellationType: ActivityCancellationType.TRY_CANCEL,
  });
  const { object, operation } = load.input;
  const { loadId } = load.settings;
  return activities[activity]?.({ source, rows: load.state.tally.rejected, loadId, object, operation });
}

function fixerError(error: unknown, { activity, taskQueue, timeoutMs }: Fixer): LoadError {
  const cause = innermostFailure(error);
  if (cause instanceof TimeoutFailure && cause.timeoutType === 'SCHEDULE_TO_START') {
    const message = `no worker took it from the task queue ${taskQueue} within ${time(timeoutMs)}.`;
    return { code: 'FIXER_NOT_THERE', message };
  }
  // Error text from user code may contain row data: it stays where that code put it.
  if (error instanceof ActivityFailure && error.activityType === activity && cause instanceof ApplicationFailure) {
    const known = /^[A-Z][A-Z_]{1,79}$/.test(cause.type ?? '');
    const message = "it failed; its message is in this workflow's history, under the activity's name.";
    return { code: known ? (cause.type as string) : 'FIXER_FAILED', message };
  }
  return toLoadError(error);
}
