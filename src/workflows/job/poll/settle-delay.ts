/**
 * How long the counters of an aborted or failed job must stay the same before they are final. Pure: the workflow passes
 * in its own time.
 */
import type { PollPlan } from '../../../domain/input/resolve-input.js';
import type { ProgressSample } from './poll-delay.js';

/** Counters move by this many rows: one transaction of the platform. */
const TRANSACTION_ROWS = 200;
/** This many transactions may run concurrently, and then move the counters one after the other. */
const SIDE_BY_SIDE = 5;
/** For a slow job the planned wait grows at most by this factor. */
const MAX_SETTLE_FACTOR = 10;

/**
 * Milliseconds between the two polls that must be equal before an aborted or failed job counts as settled: twice what a
 * transaction took so far, because in the middle of one the counters stand still too.
 */
export function settleDelay(
  plan: PollPlan,
  { closedAt, samples, adopted }: { closedAt: number; samples: readonly ProgressSample[]; adopted?: boolean },
  now: number,
): number {
  // The duration of its transactions is unknown: the job belongs to another run.
  if (adopted === true) return MAX_SETTLE_FACTOR * plan.settleMs;
  const processed = samples.at(-1)?.processed ?? 0;
  const idle = processed === 0 ? undefined : samples.findLast((sample) => sample.processed === 0);
  const age = now - Math.max(closedAt, idle?.at ?? closedAt);
  const rows = SIDE_BY_SIDE * TRANSACTION_ROWS;
  const transaction = (age * rows) / Math.max(processed, rows);
  return Math.round(Math.min(MAX_SETTLE_FACTOR * plan.settleMs, Math.max(plan.settleMs, 2 * transaction)));
}
