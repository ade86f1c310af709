/** Grammars of words: booleans, email addresses and ids. */
import { NINE, POINT, ZERO } from './value-bytes.js';

export function isBoolean(bytes: Buffer, from: number, to: number): boolean {
  if (to - from === 1) return bytes[from] === ZERO || bytes[from] === ZERO + 1;
  if (to - from !== 4 && to - from !== 5) return false;
  const word = bytes.toString('latin1', from, to).toLowerCase();
  return word === 'true' || word === 'false';
}

/** One `@`, something before it, a domain with a dot after it, no blanks or list separators. */
export function isEmail(bytes: Buffer, from: number, to: number): boolean {
  let at = -1;
  let dot = -1;
  for (let i = from; i < to; i++) {
    const byte = bytes[i] as number;
    if (byte <= 0x20 || byte === 0x2c || byte === 0x3b) return false;
    if (byte === POINT) dot = i;
    if (byte !== 0x40) continue;
    if (at !== -1) return false;
    at = i;
  }
  return at > from && dot > at + 1 && dot < to - 1;
}

/** 15 letters and digits, or 18 whose last three encode which of the others are capitals. */
export function isId(bytes: Buffer, from: number, to: number, anyCase?: boolean): boolean {
  const size = to - from;
  if (size !== 15 && size !== 18) return false;
  let upper = 0;
  let letters = 0;
  let said = 0;
  for (let i = 0; i < size; i++) {
    const byte = bytes[from + i] as number;
    const isDigit = byte >= ZERO && byte <= NINE;
    const letter = (byte | 0x20) - 0x61;
    if (!isDigit && (letter < 0 || letter > 25)) return false;
    if (i < 15) {
      if (isDigit) continue;
      letters |= 1 << i;
      if (byte < 0x61) upper |= 1 << i;
    } else {
      // A to Z, then 0 to 5: each encodes five of the bits.
      const bits = isDigit ? byte - ZERO + 26 : letter;
      if (bits > 31) return false;
      said |= bits << ((i - 15) * 5);
    }
  }
  if (size === 15 || said === upper) return true;
  return anyCase === true && (upper === 0 || upper === letters) && (said & ~letters) === 0;
}

/** Also accepts 18 characters in a single letter case: the last three restore it. */
export function isIdInAnyCase(bytes: Buffer, from: number, to: number): boolean {
  return isId(bytes, from, to, true);
}
