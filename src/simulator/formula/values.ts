/** Types and values of formulas, and how field values become them. */
import type { Field } from '../org/fields.js';
import { decimalOf } from './decimals.js';
import type { Decimal } from './decimals.js';
import { EvaluationError } from './evaluation-error.js';

/**
 * `id`: 15 characters. `choice`: one picklist value; `choices`: several, separated by semicolons. `nothing`: the
 * literal null, which fits every type.
 */
export type Type =
  'text' | 'number' | 'boolean' | 'date' | 'datetime' | 'time' | 'id' | 'choice' | 'choices' | 'nothing';

/**
 * Dates are days and datetimes milliseconds since 1970; a blank text is '', every other blank is null, and so is a
 * comparison with one.
 */
export type Value = string | number | boolean | Decimal | null;

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
export const SECOND = 1_000;
/** Longest distance from 1970 that JavaScript's dates have. */
const MAX_DAYS = 100_000_000;
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
      return numberOf(field, stored);
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

function numberOf(field: Field, stored: string): Decimal | null {
  const number = decimalOf(stored.trim()) ?? null;
  return field.type === 'percent' && number !== null ? number.div(100) : number;
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

function millisecondsOf(text: string): number | null {
  const ms = Date.parse(text);
  return Number.isNaN(ms) ? null : ms;
}

/** A date that can be calculated with. @throws EvaluationError */
export function dateInRange(days: number): number {
  if (!(Math.abs(days) <= MAX_DAYS)) throw new EvaluationError('Date out of range');
  return days;
}

/** As TEXT shows it: UTC, because the folder does not know the time zone of the org. */
export function shownDate(days: number): string {
  const date = new Date(days * DAY);
  const [year, month, day] = [date.getUTCFullYear(), date.getUTCMonth() + 1, date.getUTCDate()];
  return `${String(year).padStart(4, '0')}-${String(month).padStart(2, '0')}-${String(day).padStart(2, '0')}`;
}

export function shownDateTime(ms: number): string {
  return `${shownDate(daysFrom(ms))} ${new Date(ms).toISOString().slice(-13, -5)}Z`;
}
