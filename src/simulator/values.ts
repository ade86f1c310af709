/** What the org makes of a cell: is it valid for its field, and how does it come back in a result file. */
import { isId, withCheck } from './ids.js';
import type { Field } from './metadata.js';

const EMAIL = /^[^\s@,;]+@[^\s@,;]+\.[^\s@.,;]+$/;
const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
const DATE = /^\d{4}-\d{2}-\d{2}Z?$/;
const DATE_TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}:?\d{2})?$/;

function deserialise(field: Field, value: string, column: number, type: string): string {
  return `INVALID_FIELD:Failed to deserialize field at col ${column}. Due to, '${value}' is not a valid value for the type xsd:${type}:${field.name} --`;
}

/**
 * @param column position in the upload, from 0
 * @returns a row error, or undefined for a value that can be stored
 */
export function refuseValue(field: Field, value: string, column: number): string | undefined {
  switch (field.type) {
    case 'double':
    case 'currency':
      return NUMBER.test(value) ? undefined : deserialise(field, value, column, 'double');
    case 'int':
      return /^[+-]?\d+$/.test(value) ? undefined : deserialise(field, value, column, 'int');
    case 'boolean':
      return /^(?:true|false|1|0)$/i.test(value) ? undefined : deserialise(field, value, column, 'boolean');
    case 'date':
      return DATE.test(value) && !Number.isNaN(Date.parse(value.slice(0, 10)))
        ? undefined
        : deserialise(field, value, column, 'date');
    case 'datetime':
      return DATE_TIME.test(value) ? undefined : deserialise(field, value, column, 'dateTime');
    case 'reference':
      return isId(value)
        ? undefined
        : `MALFORMED_ID:${field.label}: id value of incorrect type: ${value}:${field.name} --`;
    case 'picklist':
      return !field.restrictedPicklist || field.picklist.includes(value)
        ? undefined
        : `INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST:${field.label}: bad value for restricted picklist field: ${value}:${field.name} --`;
    default:
      if (field.length > 0 && value.length > field.length) {
        return `STRING_TOO_LONG:${field.label}: data value too large: ${value.slice(0, 60)} (max length=${field.length}):${field.name} --`;
      }
      if (field.type === 'email' && !EMAIL.test(value)) {
        return `INVALID_EMAIL_ADDRESS:${field.label}: invalid email address: ${value}:${field.name} --`;
      }
      return undefined;
  }
}

/** Typed values come back in the platform's own notation, not as they were sent. */
export function rendered(field: Field, value: string): string {
  switch (field.type) {
    case 'double':
    case 'currency':
      return renderNumber(value);
    case 'boolean':
      return /^(?:true|1)$/i.test(value) ? 'true' : 'false';
    case 'id':
    case 'reference':
      return value.length === 15 ? withCheck(value) : value;
    default:
      return value;
  }
}

/** As Java writes a double: `12.5`, `100.0`, and from ten million on `9.12260031E8`. */
function renderNumber(value: string): string {
  const number = Number(value);
  const size = Math.abs(number);
  if (size !== 0 && (size >= 1e7 || size < 1e-3)) {
    const [digits = '', exponent = ''] = number.toExponential().split('e');
    return `${digits.includes('.') ? digits : `${digits}.0`}E${Number(exponent)}`;
  }
  return Number.isInteger(number) ? `${number}.0` : String(number);
}
