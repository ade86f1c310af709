/** Whether people are warned that a load will be late: early if it is nearly certain, later if it is likely. Pure. */
import { chanceOfMissing, remaining, USUAL_RATE } from './forecast.js';
import type { LoadNow } from './forecast.js';
import type { PastLoads } from './past-loads.js';

/** Long before the hour much can still change. */
const EARLY = { ms: 3 * 3_600_000, chance: 0.96 };
/** People need an hour to do something about it. */
const SOON = { ms: 75 * 60_000, chance: 0.37 };

/** That little is known is no reason to warn. */
const MAX_SD = 0.35;

/** Without past loads and before the first rows. */
const GUESS: PastLoads = {
  loads: 1,
  rows: 0,
  rate: USUAL_RATE,
  duration: { mean: Math.log(3_600_000), sd: 2 },
  retryShare: 0,
  restMs: 0,
};

/** How likely a miss must be. */
export function warningChance(leftMs: number): number {
  const share = Math.min(1, Math.max(0, (leftMs - SOON.ms) / (EARLY.ms - SOON.ms)));
  return SOON.chance + share * (EARLY.chance - SOON.chance);
}

export function isLate(load: LoadNow, finishBy: number): boolean {
  if (load.now >= finishBy) return true;
  const left = remaining(load) ?? remaining({ ...load, past: load.left && GUESS });
  if (left === undefined) return false;
  const { mean, sd } = left;
  const chance = chanceOfMissing(load.now, finishBy, { mean, sd: Math.min(MAX_SD, sd) });
  return chance >= warningChance(finishBy - load.now);
}

/** A minute: nobody is warned to the second. */
const EXACT_MS = 60_000;

/** When the load will be late if nothing more is seen of it; now if it is. */
export function lateFrom(load: LoadNow, finishBy: number): number {
  if (isLate(load, finishBy)) return load.now;
  let [before, after] = [load.now, finishBy];
  while (after - before > EXACT_MS) {
    const middle = (before + after) / 2;
    if (isLate({ ...load, now: middle }, finishBy)) after = middle;
    else before = middle;
  }
  return Math.ceil(after);
}
