/** The wait before a round of retries. Pure: the workflow passes in its own random number. */

/** No lock is held for longer than a day. */
const MAX_DELAY_MS = 86_400_000;

/** Milliseconds before a round (from 1): growing; jitter only lengthens. */
export function roundDelay(
  plan: { initialWaitMs: number; coefficient: number },
  round: number,
  random: number,
): number {
  const wait = Math.min(plan.initialWaitMs * plan.coefficient ** (round - 1), MAX_DELAY_MS);
  return Math.round(wait * (1 + 0.2 * random));
}
