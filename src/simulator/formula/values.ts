/** Types and values of formulas, and how field values become them. */
import type { Field } from '../org/fields.js';

/**
 * `id`: 15 characters. `choice`: one picklist value; `choices`: several, separated by semicolons. `nothing`: the
 * literal null, which fits every type.
 */
export type Type =
  'text' | 'number' | 'boolean' | 'date' | 'datetime' | 'time' | 'id' | 'choice' | 'choices' | 'nothing';

/** Dates are days and datetimes milliseconds since 1970; a blank text is '', every other blank is null. */
export type Value = string | number | boolean | null;

/** What a formula reads. */
export interface Env {
  /** Value that the record has afterwards; undefined for none. */
  after: (field: Field) => string | undefined;
  before: (field: Field) => string | undefined;
  isNew: boolean;
  /** Milliseconds. */
  now: number;
  recordType: (part: 'developerName' | 'label') => string;
}

export interface Compiled {
  type: Type;
  run: (env: Env) => Value;
}

export const DAY = 86_400_000;
/** Longest text that an operator or a function makes. */
export const MAX_TEXT = 1_000_000;

const TYPES: Record<string, Type> = {
  double: 'number',
  currency: 'number',
  percent: 'number',
  int: 'number',
  long: 'number',
  boolean: 'boolean',
  date: 'date',
  datetime: 'datetime',
  time: 'time',
  id: 'id',
  reference: 'id',
  picklist: 'choice',
  multipicklist: 'choices',
  string: 'text',
  textarea: 'text',
  phone: 'text',
  url: 'text',
  email: 'text',
  combobox: 'text',
  encryptedstring: 'text',
};

/** Undefined for a type that formulas cannot read. */
export function typeOf(field: Field): Type | undefined {
  return Object.hasOwn(TYPES, field.type) ? TYPES[field.type] : undefined;
}

export function valueOf(field: Field, type: Type, stored: string | undefined): Value {
  if (stored === undefined) return type === 'boolean' ? false : isTextual(type) ? '' : null;
  switch (type) {
    case 'number':
      return field.type === 'percent' ? Number(stored) / 100 : Number(stored);
    case 'boolean':
      return /^(?:true|1)$/i.test(stored);
    case 'date':
      return daysOf(stored.slice(0, 10));
    case 'datetime':
      return millisecondsOf(stored);
    case 'id':
      return stored.slice(0, 15);
    default:
      return stored;
  }
}

/** Blank is '' for these. */
export const isTextual = (type: Type): boolean => ['text', 'id', 'choice', 'choices', 'time'].includes(type);

export const isBlank = (value: Value): boolean => value === null || value === '';

export const daysFrom = (ms: number): number => Math.floor(ms / DAY);

export function daysOf(text: string): number | null {
  if (!/^\d{4}-\d\d-\d\d$/.test(text)) return null;
  const ms = Date.parse(text);
  return Number.isNaN(ms) || !new Date(ms).toISOString().startsWith(text) ? null : ms / DAY;
}

export function millisecondsOf(text: string): number | null {
  const ms = Date.parse(text);
  return Number.isNaN(ms) ? null : ms;
}

/** As TEXT shows it: UTC, because the folder does not know the time zone of the org. */
export function shownDate(days: number): string {
  return new Date(days * DAY).toISOString().slice(0, 10);
}

export function shownDateTime(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19).replace('T', ' ')}Z`;
}

export function shownNumber(value: number): string {
  if (Number.isInteger(value) && Math.abs(value) < 1e21) return BigInt(value).toString();
  const text = String(value);
  return text.includes('e') ? value.toFixed(20).replace(/0{1,20}$/, '') : text;
}
