/** The hour at which a load should have ended: `06:00` by the clocks of a time zone, or a moment in ISO 8601. Pure. */
import { clockTime } from './source-template.js';

const HOUR = /^(?:[01]\d|2[0-3]):[0-5]\d$/;
const MOMENT = /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?(?:Z|[+-]\d\d:\d\d)$/;
const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;

export const FINISH_BY_WORDS = 'write an hour such as 06:00, or a moment such as 2026-11-30T06:00:00+01:00';

export function isFinishBy(text: unknown): text is string {
  return typeof text === 'string' && (HOUR.test(text) || (MOMENT.test(text) && !Number.isNaN(Date.parse(text))));
}

/** The same hour every day, as a schedule needs it. */
export function isHour(finishBy: string): boolean {
  return HOUR.test(finishBy);
}

/**
 * In milliseconds since 1970: the next such hour after the load was due.
 *
 * @param finishBy valid according to {@link isFinishBy}
 */
export function finishTime(finishBy: string, dueAt: number, timeZone = 'UTC'): number {
  if (!isHour(finishBy)) return Date.parse(finishBy);
  const start = Math.floor(dueAt / MINUTE_MS) * MINUTE_MS;
  const guess = start + untilHour(finishBy, clockTime(start, timeZone));
  // The clocks may be changed in between.
  const wrong = minutesOf(finishBy) - minutesOf(clockTime(guess, timeZone).slice(-5));
  const moved = guess + (((wrong + 36 * 60) % (24 * 60)) - 12 * 60) * MINUTE_MS;
  // An hour that this night does not have has passed with the hour after it.
  const found = clockTime(moved, timeZone).endsWith(finishBy) ? moved : Math.max(moved, guess);
  return found > dueAt ? found : found + DAY_MS;
}

function untilHour(hour: string, clock: string): number {
  const minutes = minutesOf(hour) - minutesOf(clock.slice(-5));
  return (minutes <= 0 ? minutes * MINUTE_MS + DAY_MS : minutes * MINUTE_MS) || DAY_MS;
}

function minutesOf(hour: string): number {
  return Number(hour.slice(0, 2)) * 60 + Number(hour.slice(3, 5));
}
