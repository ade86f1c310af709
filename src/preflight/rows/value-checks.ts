/**
 * Predicts the platform's verdict on a value from its bytes: most values pass without becoming a string. Error texts
 * are the platform's own, as far as they are known.
 */
import type { FieldDescribe } from '../../salesforce/resources/describe.js';
import { integerReader, MAX_INT, MAX_LONG, wholeDigits } from './number-shapes.js';
import type { NumberReader } from './number-shapes.js';
import { shorten, shortValue } from './shown-values.js';
import { isDate, isDateTime, isTime } from './time-shapes.js';
import type { Shape } from './value-bytes.js';
import { isBoolean, isEmail, isId, isIdInAnyCase } from './word-shapes.js';

export interface ValueProblem {
  code: string;
  /** As in `sf__Error`: it may contain the value. */
  message: string;
  /** Without the value and without external text, for all other uses. */
  words: string;
}

/** Checks one unquoted value that is neither empty nor `#N/A`. */
export type ValueCheck = (bytes: Buffer, from: number, to: number) => ValueProblem | undefined;

/**
 * The check for a field's type; undefined for text, where only the length counts.
 * @param position of the column in the upload, from 0: the platform's errors contain it
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
      // Rows are matched with results by their exact ids: an id in another letter case would match nothing.
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

/** Undefined if the picklist accepts any value, or describe lists none. Active values pass in any letter case. */
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
