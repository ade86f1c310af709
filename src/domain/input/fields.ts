/** What is done with an input before its schema reads it: limits of its size, and fields that are not set. */
import type { BulkLoadInput } from '../../contract/load-input.js';
import type { Duration } from '../../contract/names.js';
import { NightloadError } from '../../errors.js';
import { MAX_COLUMNS, MAX_TABLES } from '../name-and-number-limits.js';
import { MAX_TEXT, shown } from '../text/shown.js';
import { durationTrouble, toMs } from './durations.js';
import type { DurationLimits } from './durations.js';

/** Fields that contain others. */
const GROUPS: readonly string[] = ['part', 'poll', 'retry', 'abortWhen', 'fixer'];
const TABLES: readonly string[] = ['columns', 'columnsIfPresent', 'constants'] satisfies (keyof BulkLoadInput)[];
const MAX_KEYS = 100;

export function refuse(message: string): never {
  throw new NightloadError('INVALID_INPUT', message);
}

/** Callers in other languages send null for unset fields: the same as leaving them out. */
export function withoutNulls<T extends object>(input: T): T {
  const set = Object.entries(input ?? {}).filter(([, value]) => value !== null && value !== undefined);
  return Object.fromEntries(set.map(([key, value]: [string, unknown]) => [key, setFieldsOf(key, value)])) as T;
}

function setFieldsOf(key: string, value: unknown): unknown {
  if (GROUPS.includes(key) && isObject(value)) return withoutNulls(value);
  if (key !== 'fixes' || !Array.isArray(value)) return value;
  return value.map((fix: unknown) => (isObject(fix) ? withoutNulls(fix) : fix));
}

export function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Limits the number of fields and the size of an input before anything reads them. */
export function checkSizes(input: object): void {
  const entries = Object.entries(input) as [string, unknown][];
  if (entries.length > MAX_KEYS) refuse(`The input has ${entries.length} fields.`);
  for (const [key, value] of entries) {
    if (!TABLES.includes(key) || !isObject(value)) continue;
    const names = Object.keys(value);
    if (names.length > MAX_COLUMNS) refuse(`"${key}" has ${names.length} entries; the maximum is ${MAX_COLUMNS}.`);
    // Schemas drop this name.
    if (names.includes('__proto__')) refuse(`"${key}" names "__proto__", which cannot be the name of a column.`);
  }
  let size: number;
  try {
    size = JSON.stringify(input).length;
  } catch {
    return refuse('The input is nested too deeply.');
  }
  const texts = entries.filter(([, value]) => typeof value === 'string').length;
  if (size > MAX_TABLES + texts * MAX_TEXT) {
    refuse(
      `The input has ${size} characters. The tables (columns, constants, fixes) may have ${MAX_TABLES} in total: write the values into the file itself.`,
    );
  }
}

/**
 * Milliseconds.
 * @throws NightloadError `INVALID_INPUT`
 */
export function duration(value: Duration, name: string, limits: DurationLimits = {}): number {
  const trouble = durationTrouble(value, limits);
  return trouble === undefined ? toMs(value) : refuse(`"${name}" is ${shown(value)}; ${trouble}.`);
}
