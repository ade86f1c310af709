/** Checks whether a cell is valid for its field, and renders it for result files. */
import { aboutField, notDeserialised } from './row-errors.js';
import type { Field } from './fields.js';
import { isId, withCheck } from './ids.js';
import type { Quirks } from '../quirks.js';

const EMAIL = /^[^\s@,;]+@[^\s@,;]+\.[^\s@.,;]+$/;
const NUMBER = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/;
const DATE = /^\d{4}-\d{2}-\d{2}Z?$/;
const DATE_TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}:?\d{2})?$/;
const TIME = /^(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,3})?Z?$/;
const BOOLEAN = { xsd: /^(?:true|false|1|0)$/i, words: /^(?:true|false)$/i } as const;
const MAX_INT = 2_147_483_647;

/**
 * @param column position in the upload, from 0
 * @returns a row error, or undefined for a valid value
 */
export function refuseValue(
  field: Field,
  value: string,
  column: number,
  { booleans }: Pick<Quirks, 'booleans'>,
): string | undefined {
  const notA = (type: string): string => notDeserialised(field, value, column, type);
  switch (field.type) {
    case 'double':
    case 'currency':
    case 'percent':
      return NUMBER.test(value) ? outside(field, Number(value), field.precision - field.scale) : notA('double');
    case 'int':
      return /^[+-]?\d+$/.test(value) && Math.abs(Number(value)) <= MAX_INT
        ? outside(field, Number(value), field.digits)
        : notA('int');
    case 'boolean':
      return BOOLEAN[booleans].test(value) ? undefined : notA('boolean');
    case 'date':
      return DATE.test(value) && isDay(value.slice(0, 10)) ? undefined : notA('date');
    case 'datetime':
      return DATE_TIME.test(value) && !Number.isNaN(Date.parse(value)) ? undefined : notA('dateTime');
    case 'reference':
      return isId(value)
        ? undefined
        : aboutField('MALFORMED_ID', `${field.label}: id value of incorrect type: ${value}`, field);
    case 'picklist':
    case 'multipicklist':
      return field.restrictedPicklist ? refuseChoice(field, value, (one) => field.picklist.includes(one)) : undefined;
    case 'time':
      return TIME.test(value) ? undefined : notA('time');
    default:
      return refuseText(field, value);
  }
}

/** @param has whether the picklist has a value */
export function refuseChoice(field: Field, value: string, has: (one: string) => boolean): string | undefined {
  const unknown = (field.type === 'multipicklist' ? value.split(';') : [value]).find((one) => !has(one));
  if (unknown === undefined) return undefined;
  const message = `${field.label}: bad value for restricted picklist field: ${unknown}`;
  return aboutField('INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST', message, field);
}

function refuseText(field: Field, value: string): string | undefined {
  if (field.length > 0 && value.length > field.length) {
    const message = `${field.label}: data value too large: ${value.slice(0, 60)} (max length=${field.length})`;
    return aboutField('STRING_TOO_LONG', message, field);
  }
  if (field.type === 'email' && !EMAIL.test(value)) {
    return aboutField('INVALID_EMAIL_ADDRESS', `${field.label}: invalid email address: ${value}`, field);
  }
  return undefined;
}

/** Too many digits before the point; those after it are rounded. */
function outside(field: Field, value: number, digits: number): string | undefined {
  return Math.abs(value) < 10 ** digits
    ? undefined
    : aboutField(
        'NUMBER_OUTSIDE_VALID_RANGE',
        `${field.label}: value outside of valid range on numeric field: ${renderNumber(String(value))}`,
        field,
      );
}

/** Whether the day exists in its month. */
function isDay(date: string): boolean {
  const time = Date.parse(date);
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(date);
}

/** Typed values are returned in the platform's own notation, not as sent. */
export function rendered(field: Field, value: string): string {
  switch (field.type) {
    case 'double':
    case 'currency':
    case 'percent':
      return renderNumber(value);
    case 'int':
      return String(Number(value));
    case 'boolean':
      return /^(?:true|1)$/i.test(value) ? 'true' : 'false';
    case 'datetime':
      // To the second, in UTC.
      return `${new Date(Date.parse(value)).toISOString().slice(0, 19)}.000Z`;
    case 'id':
    case 'reference':
      return value.length === 15 ? withCheck(value) : value;
    default:
      return value;
  }
}

/** Like Java's double format: `12.5`, `100.0`, and from ten million on `9.12260031E8`. */
function renderNumber(value: string): string {
  const number = Number(value);
  const size = Math.abs(number);
  if (size !== 0 && (size >= 1e7 || size < 1e-3)) {
    const [digits = '', exponent = ''] = number.toExponential().split('e');
    return `${digits.includes('.') ? digits : `${digits}.0`}E${Number(exponent)}`;
  }
  return Number.isInteger(number) ? `${number}.0` : String(number);
}
