/** Durations of an input: how they are read, and what is wrong with those that cannot be used. Pure. */
import { msToNumber } from '@temporalio/common/lib/time.js';
import type { Duration as TemporalDuration } from '@temporalio/common/lib/time.js';
import type { Duration } from '../../contract/names.js';

const DAY_MS = 86_400_000;
/** No wait of a load may be longer. */
const MAX_DURATION_MS = 30 * DAY_MS;

/** Milliseconds. */
export interface DurationLimits {
  least?: number;
  most?: number;
}

/** Milliseconds; NaN for anything that is not a duration. */
export function toMs(value: Duration): number {
  try {
    return msToNumber(value as TemporalDuration);
  } catch {
    return Number.NaN;
  }
}

/** What to change about it, to end a sentence; undefined if it may be used. */
export function durationTrouble(
  value: unknown,
  { least = 0, most = MAX_DURATION_MS }: DurationLimits,
): string | undefined {
  const ms = toMs(value as Duration);
  if (!Number.isFinite(ms) || ms < 0) return 'write a duration such as 5s or 8h';
  if (ms < least) return `the minimum is ${shown(least)}`;
  return ms > most ? `the maximum is ${shown(most)}` : undefined;
}

const UNITS = [
  ['d', DAY_MS],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
] as const;

/** As people write it. */
function shown(ms: number): string {
  const [unit, size] = UNITS.find(([, one]) => ms >= one && ms % one === 0) ?? ['ms', 1];
  return `${ms / size}${unit}`;
}
