/** Grammars of numbers: how many digits a value has before its point, or that it is not a number. */
import { isSign, MINUS, NINE, POINT, ZERO } from './value-bytes.js';

/** As in `xsd:int` and `xsd:long`: a longer number cannot be parsed at all. */
export const MAX_INT = '2147483647';
export const MAX_LONG = '9223372036854775807';

/** Digits before the point, without leading zeros; NaN if it is not a number. */
export type NumberReader = (bytes: Buffer, from: number, to: number) => number;

/**
 * Number of digits before the point when written without an exponent; less than 0 for 0.01. A single pass, because a
 * regular expression for the same grammar would take quadratic time on a long row of digits.
 */
export function wholeDigits(bytes: Uint8Array, from: number, to: number): number {
  let at = isSign(bytes[from]) ? from + 1 : from;
  let digits = 0;
  let whole = 0;
  let nonZero = false;
  let point = false;
  for (; at < to; at++) {
    const byte = bytes[at] as number;
    if (byte >= ZERO && byte <= NINE) {
      digits++;
      nonZero ||= byte !== ZERO;
      if (!point) whole += nonZero ? 1 : 0;
      else if (!nonZero) whole--;
    } else if (byte === POINT && !point) point = true;
    else break;
  }
  if (digits === 0) return NaN;
  let exponent = 0;
  if (at < to) {
    if (((bytes[at++] as number) | 0x20) !== 0x65) return NaN;
    const sign = bytes[at];
    if (isSign(sign)) at++;
    if (at === to) return NaN;
    for (; at < to; at++) {
      const digit = (bytes[at] as number) - ZERO;
      if (digit < 0 || digit > 9) return NaN;
      exponent = Math.min(exponent * 10 + digit, 1e9);
    }
    if (sign === MINUS) exponent = -exponent;
  }
  return nonZero ? whole + exponent : 0;
}

export function integerReader(max: string): NumberReader {
  return (bytes, from, to) => {
    let at = isSign(bytes[from]) ? from + 1 : from;
    if (at === to) return NaN;
    while (at < to - 1 && bytes[at] === ZERO) at++;
    for (let i = at; i < to; i++) {
      const byte = bytes[i] as number;
      if (byte < ZERO || byte > NINE) return NaN;
    }
    const digits = to - at;
    if (digits > max.length || (digits === max.length && bytes.toString('latin1', at, to) > max)) return NaN;
    return digits === 1 && bytes[at] === ZERO ? 0 : digits;
  };
}
