/** Triage of what did not land of a stage: which rows go into the next round, and which need a person. */
import { defined } from '../../domain/defined.js';
import { CancellationScope } from '@temporalio/workflow';
import { toLoadError } from '../../domain/failures.js';
import type { EndedStage } from '../../protocol/activities/ended-parts.js';
import type { Stage } from '../../protocol/activities/plan-types.js';
import type { TriagedRows } from '../../protocol/activities/retry-types.js';
import { listSucceeded } from '../support/result-files.js';
import { enterWarnings } from '../support/warnings.js';
import type { RetryResult } from './retry-state.js';
import { fileCleanupActivities } from '../support/activity-options.js';
import { untilCanceled } from '../support/cancellation.js';
import type { Retry } from './retry.js';

/** Returns the rows of the next round, if there is to be one. */
export async function triageStage(retry: Retry): Promise<Stage | undefined> {
  const { state, result } = retry;
  if (!state.untriaged) return undefined;
  const root = CancellationScope.current();
  let triaged = await findRetryable(retry);
  try {
    triaged ??= await CancellationScope.nonCancellable(() =>
      untilCanceled(root, result, (isCanceled) => triage(retry, { final: true, isCanceled })),
    );
  } catch (error) {
    result.error ??= toLoadError(error);
    return undefined;
  }
  if (triaged.stop !== undefined) result.error ??= triaged.stop;
  enterTriaged(result, triaged, state.round);
  return triaged.next;
}

/** Undefined when there is to be no further round: then everything left is sorted for good. */
async function findRetryable(retry: Retry): Promise<TriagedRows | undefined> {
  const { input, state, result } = retry;
  if (state.round > input.retry.maxRounds || retry.mustEnd) return undefined;
  try {
    const triaged = await triage(retry, { final: false, isCanceled: false });
    if (triaged.stop === undefined) return triaged;
    result.error = triaged.stop;
  } catch (error) {
    retry.enterError(error);
  }
  return undefined;
}

async function triage(
  retry: Retry,
  { final, isCanceled }: { final: boolean; isCanceled: boolean },
): Promise<TriagedRows> {
  const { input, state, result } = retry;
  const { stage, round, notStartedFrom } = state;
  const { outcomes, jobs, noted } = result.ended.at(-1) ?? (input.ended as EndedStage);
  const activities = isCanceled ? fileCleanupActivities(input.filesQueue) : retry.fileActivities;
  const summary = final ? 'sort the rows that remain' : `find the rows for round ${round}`;
  retry.showDetails(summary);
  return activities.triageRows.executeWithOptions({ summary }, [
    {
      stage,
      outcomes,
      jobs,
      noted,
      ...defined({ notStartedFrom }),
      operation: input.operation,
      final,
      nextStageUri: `${input.workUri}round-${round}/`,
      partMaxBytes: input.partMaxBytes,
      serial: round === input.retry.maxRounds,
      ...(input.retry.fixes.length > 0 && { fixes: input.retry.fixes }),
    },
  ]);
}

function enterTriaged(result: RetryResult, triaged: TriagedRows, round: number): void {
  const { tally, files } = result;
  tally.rejected += triaged.rejected;
  tally.unprocessed += triaged.unprocessed;
  tally.succeeded += triaged.alreadyDone;
  tally.rerendered += triaged.rerendered;
  // Sent again and found done: the row landed in a retry.
  if (round > 1) tally.recovered += triaged.alreadyDone;
  const { changes, alreadyDone, rejected, unprocessed } = triaged.files;
  if (changes !== undefined) files.changes.push(changes);
  if (alreadyDone !== undefined) {
    // The first stage to be sorted may have been sent by others.
    (result.ended.at(-1) ?? result).alreadyDone = alreadyDone;
    listSucceeded(files, alreadyDone);
  }
  if (rejected !== undefined) files.rejected.push(rejected);
  if (unprocessed !== undefined) files.unprocessed.push(unprocessed);
  if (triaged.warnings !== undefined) enterWarnings((result.warnings ??= []), triaged.warnings);
}
