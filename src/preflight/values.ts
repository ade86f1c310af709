/**
 * What the platform would make of one value, told from its bytes: most values pass without becoming a string. Texts of
 * problems are the platform's own, as far as they are known.
 */
import type { FieldDescribe } from '../salesforce/describe.js';

export interface ValueProblem {
  code: string;
  /** As in `sf__Error`: it may show the value. */
  message: string;
  /** Without the value and without what others wrote, for everywhere else. */
  words: string;
}

/** Looks at one value, unquoted, that is neither empty nor `#N/A`. */
export type ValueCheck = (bytes: Buffer, from: number, to: number) => ValueProblem | undefined;

const LONGEST = 60;
const ZERO = 0x30;
const NINE = 0x39;
const PLUS = 0x2b;
const MINUS = 0x2d;
const POINT = 0x2e;
const COLON = 0x3a;
const CAPITAL_T = 0x54;
const CAPITAL_Z = 0x5a;
/** As `xsd:int` and `xsd:long` have them: a longer number cannot be read at all. */
const MAX_INT = '2147483647';
const MAX_LONG = '9223372036854775807';

/** For a message: on one line, at most 60 characters, no character cut in two. */
export function shorten(text: string): string {
  const short = text.length <= LONGEST ? text : `${text.slice(0, LONGEST - 1).replace(/[\uD800-\uDBFF]$/, '')}…`;
  // eslint-disable-next-line no-control-regex
  return short.replace(/[\u0000-\u001f\u007f]/g, ' ');
}

/** Decodes no more of a value than a message shows. */
export function shortValue(bytes: Buffer, from: number, to: number): string {
  return shorten(bytes.toString('utf8', from, Math.min(to, from + 4 * LONGEST)));
}

/** Characters as the platform counts them, which is Java's way: those beyond U+FFFF count as two. */
export function textLength(bytes: Uint8Array, from: number, to: number): number {
  let length = 0;
  for (let at = from; at < to; at++) {
    const byte = bytes[at] as number;
    if ((byte & 0xc0) !== 0x80) length += byte >= 0xf0 ? 2 : 1;
  }
  return length;
}

/**
 * The check that the type of a field asks for; undefined for text, where only the length counts.
 * @param position of the column in the upload, from 0: the platform names it
 */
export function typeCheck(field: FieldDescribe, position: number): ValueCheck | undefined {
  const label = shorten(field.label);
  const unless = (isRight: Shape, wrong: Complaint): ValueCheck => {
    return (bytes, from, to) => (isRight(bytes, from, to) ? undefined : wrong(shortValue(bytes, from, to)));
  };
  const says = (code: string, words: string, before: string, after = ''): Complaint => {
    return (value) => ({ code, words, message: before + value + after });
  };
  const notA = (type: string): Complaint => {
    const start = `Failed to deserialize field at col ${position}. Due to, '`;
    const end = ` is not a valid value for the type xsd:${type}`;
    return says('INVALID_FIELD', `the value${end}`, start, `'${end}`);
  };
  const range = 'value outside of valid range on numeric field';
  const outside = says('NUMBER_OUTSIDE_VALID_RANGE', range, `${label}: ${range}: `);
  const numeric = (read: NumberReader, most: number, wrong: Complaint): ValueCheck => {
    return (bytes, from, to) => {
      const digits = read(bytes, from, to);
      if (digits <= most) return undefined;
      return (Number.isNaN(digits) ? wrong : outside)(shortValue(bytes, from, to));
    };
  };
  switch (field.type) {
    case 'double':
    case 'currency':
    case 'percent':
      // Digits after the point beyond the scale are rounded, not refused.
      return numeric(wholeDigits, field.precision ? field.precision - field.scale : Infinity, notA('double'));
    case 'int':
      return numeric(integerReader(MAX_INT), field.digits || Infinity, notA('int'));
    case 'long':
      return numeric(integerReader(MAX_LONG), field.digits || Infinity, notA('long'));
    case 'boolean':
      return unless(isBoolean, notA('boolean'));
    case 'date':
      return unless(isDate, notA('date'));
    case 'datetime':
      return unless(isDateTime, notA('dateTime'));
    case 'time':
      return unless(isTime, notA('time'));
    case 'email':
      return unless(
        isEmail,
        says('INVALID_EMAIL_ADDRESS', 'invalid email address', `${label}: invalid email address: `),
      );
    case 'id':
      // Rows are matched with results by their ids, letter by letter: one in another case would find nothing.
      return unless(isId, says('MALFORMED_ID', 'malformed id', 'malformed id '));
    case 'reference':
      return unless(
        isIdInAnyCase,
        says('MALFORMED_ID', 'id value of incorrect type', `${label}: id value of incorrect type: `),
      );
    case 'picklist':
    case 'multipicklist': {
      const isListed = listed(field);
      const code = 'INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST';
      const words = 'bad value for restricted picklist field';
      return isListed && unless(isListed, says(code, words, `${label}: ${words}: `));
    }
    default:
      return undefined;
  }
}

/** @param value shortened */
type Complaint = (value: string) => ValueProblem;
type Shape = (bytes: Buffer, from: number, to: number) => boolean;
/** Digits before the point, leading zeros left out; NaN when it is no number. */
type NumberReader = (bytes: Buffer, from: number, to: number) => number;

/**
 * Digits before the point when written without an exponent; less than 0 for 0.01. One pass, where an expression for
 * the same grammar would take quadratic time for a long row of digits.
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

function integerReader(max: string): NumberReader {
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

function isSign(byte: number | undefined): boolean {
  return byte === MINUS || byte === PLUS;
}

function isBoolean(bytes: Buffer, from: number, to: number): boolean {
  if (to - from === 1) return bytes[from] === ZERO || bytes[from] === ZERO + 1;
  if (to - from !== 4 && to - from !== 5) return false;
  const word = bytes.toString('latin1', from, to).toLowerCase();
  return word === 'true' || word === 'false';
}

/** The number that some digits make; -1 when one of them is none. */
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

/** `yyyy-MM-dd`, and no 31st of a month that has none. */
function isDay(bytes: Uint8Array, from: number, to: number): boolean {
  if (to - from < 10 || bytes[from + 4] !== MINUS || bytes[from + 7] !== MINUS) return false;
  const year = digitsAt(bytes, from, 4);
  const month = digitsAt(bytes, from + 5, 2);
  const day = digitsAt(bytes, from + 8, 2);
  if (year < 0 || day < 1) return false;
  const leap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  return day <= (month === 2 && leap ? 29 : (DAYS[month - 1] ?? 0));
}

/** A `Z` may follow: the guide's own sample has one. */
function isDate(bytes: Buffer, from: number, to: number): boolean {
  return isDay(bytes, from, to) && (to - from === 10 || (to - from === 11 && bytes[from + 10] === CAPITAL_Z));
}

function isDateTime(bytes: Buffer, from: number, to: number): boolean {
  return isDay(bytes, from, to) && bytes[from + 10] === CAPITAL_T && isTime(bytes, from + 11, to);
}

/** `HH:mm:ss`, a fraction or none, and `Z`, an offset or neither. */
function isTime(bytes: Buffer, from: number, to: number): boolean {
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

/** One `@`, something before it, a domain with a point after it, no blanks or list separators. */
function isEmail(bytes: Buffer, from: number, to: number): boolean {
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

/** 15 letters and digits, or 18 whose last three say which of the others are capitals. */
function isId(bytes: Buffer, from: number, to: number, anyCase?: boolean): boolean {
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
      // A to Z, then 0 to 5: five of the bits each.
      const bits = isDigit ? byte - ZERO + 26 : letter;
      if (bits > 31) return false;
      said |= bits << ((i - 15) * 5);
    }
  }
  if (size === 15 || said === upper) return true;
  return anyCase === true && (upper === 0 || upper === letters) && (said & ~letters) === 0;
}

/** Takes 18 characters that a tool put into one case, too: the last three undo it. */
function isIdInAnyCase(bytes: Buffer, from: number, to: number): boolean {
  return isId(bytes, from, to, true);
}

/** Undefined when the picklist takes any value, or describe lists none. Active values in any case pass. */
function listed(field: FieldDescribe): Shape | undefined {
  const active = field.picklistValues.filter((item) => item.active).map((item) => item.value);
  if (!field.restrictedPicklist || active.length === 0) return undefined;
  const values = new Set(active);
  const folded = new Set(active.map((value) => value.toLowerCase()));
  const has = (value: string): boolean => values.has(value) || folded.has(value.toLowerCase());
  if (field.type === 'picklist') return (bytes, from, to) => has(bytes.toString('utf8', from, to));
  return (bytes, from, to) =>
    bytes
      .toString('utf8', from, to)
      .split(';')
      .every((value) => value === '' || has(value));
}
