/** What became of one part, as workflows and activities judge it alike. Pure. */
import type { PartOutcome, ResultCounts } from './activities/types.js';

export const NO_ROWS: ResultCounts = { succeeded: 0, failed: 0, failedForGood: 0, unprocessed: 0 };

/** Whether anything of a part still has to be sorted. */
export function isExceptional(outcome: PartOutcome): boolean {
  return outcome.kind !== 'loaded' || outcome.counts.failed + outcome.counts.unprocessed > 0 || outcome.missing !== 0;
}
