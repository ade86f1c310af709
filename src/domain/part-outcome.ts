/** The outcome of one part, judged in the same way by workflows and activities. Pure. */
import type { PartOutcome, ResultCounts } from '../protocol/activities/ended-parts.js';

export const NO_ROWS: ResultCounts = { succeeded: 0, failed: 0, failedForGood: 0, unprocessed: 0 };

/** Whether a part has rows that still must be sorted. */
export function isExceptional(outcome: PartOutcome): boolean {
  return outcome.kind !== 'loaded' || outcome.counts.failed + outcome.counts.unprocessed > 0 || outcome.missing !== 0;
}
