/** Moments by the clocks of the people who read them. */
import { clockTime, isTimeZone } from '../input/source-template.js';
import { moment } from './format.js';

const MINUTE_MS = 60_000;

/** `2026-11-30 06:00 Europe/Berlin`; in UTC without a zone that exists. Rounded up: by that minute it has happened. */
export function zonedMoment(at: number, timeZone: string | undefined): string {
  if (!isTimeZone(timeZone)) return moment(at);
  return `${clockTime(Math.ceil(at / MINUTE_MS) * MINUTE_MS, timeZone)} ${timeZone}`;
}

/** Like `zonedMoment` for what has happened: rounded down. */
export function pastZonedMoment(at: number, timeZone: string | undefined): string {
  return zonedMoment(Math.floor(at / MINUTE_MS) * MINUTE_MS, timeZone);
}
