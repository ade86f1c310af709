/** Grammars of dates and times. */
import { CAPITAL_T, CAPITAL_Z, COLON, isSign, MINUS, POINT, ZERO } from './value-bytes.js';

/** The number that the digits form; -1 if one of them is not a digit. */
function digitsAt(bytes: Uint8Array, from: number, count: number): number {
  let value = 0;
  for (let at = from; at < from + count; at++) {
    const digit = (bytes[at] as number) - ZERO;
    if (!(digit >= 0 && digit <= 9)) return -1;
    value = value * 10 + digit;
  }
  return value;
}

const DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** `yyyy-MM-dd`, valid for the month. */
function isDay(bytes: Uint8Array, from: number, to: number): boolean {
  if (to - from < 10 || bytes[from + 4] !== MINUS || bytes[from + 7] !== MINUS) return false;
  const year = digitsAt(bytes, from, 4);
  const month = digitsAt(bytes, from + 5, 2);
  const day = digitsAt(bytes, from + 8, 2);
  if (year < 0 || day < 1) return false;
  const leap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  return day <= (month === 2 && leap ? 29 : (DAYS[month - 1] ?? 0));
}

/** A `Z` may follow, as in the guide's own sample. */
export function isDate(bytes: Buffer, from: number, to: number): boolean {
  return isDay(bytes, from, to) && (to - from === 10 || (to - from === 11 && bytes[from + 10] === CAPITAL_Z));
}

export function isDateTime(bytes: Buffer, from: number, to: number): boolean {
  return isDay(bytes, from, to) && bytes[from + 10] === CAPITAL_T && isTime(bytes, from + 11, to);
}

/** `HH:mm:ss`, an optional fraction, and an optional `Z` or offset. */
export function isTime(bytes: Buffer, from: number, to: number): boolean {
  if (to - from < 8 || bytes[from + 2] !== COLON || bytes[from + 5] !== COLON) return false;
  const hour = digitsAt(bytes, from, 2);
  const minute = digitsAt(bytes, from + 3, 2);
  const second = digitsAt(bytes, from + 6, 2);
  if (hour < 0 || minute < 0 || second < 0 || minute > 59 || second > 59) return false;
  if (hour > 23 && (hour !== 24 || minute + second > 0)) return false;
  let at = from + 8;
  if (at < to && bytes[at] === POINT) {
    const first = ++at;
    while (at < to && digitsAt(bytes, at, 1) >= 0) at++;
    if (at === first) return false;
  }
  if (at === to || (at === to - 1 && bytes[at] === CAPITAL_Z)) return true;
  if (!isSign(bytes[at])) return false;
  const colon = to - at === 6 && bytes[at + 3] === COLON;
  if (!colon && to - at !== 5) return false;
  const hours = digitsAt(bytes, at + 1, 2);
  const minutes = digitsAt(bytes, to - 2, 2);
  return hours >= 0 && hours <= 14 && minutes >= 0 && minutes <= 59;
}
