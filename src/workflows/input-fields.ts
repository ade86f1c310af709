/** What the fields of a load's input may be, one by one. What is wrong is refused by the name of the field. */
import { msToNumber } from '@temporalio/common/lib/time.js';
import type { Duration as TemporalDuration } from '@temporalio/common/lib/time.js';
import { OPERATIONS } from '../contract.js';
import type { BulkLoadInput, Duration } from '../contract.js';
import { API_NAME, isDelimiter, MAX_COLUMNS, MAX_NAME, MAX_TABLES, PLATFORM_ID } from '../domain/forms.js';
import { isText, MAX_TEXT, shown } from '../domain/shown.js';
import { NightloadError } from '../errors.js';
import { plainText } from '../plain-text.js';
import { datesTrouble } from './source-date.js';

const KNOWN_KEYS: Record<keyof BulkLoadInput, true> = {
  source: true,
  timeZone: true,
  waitForSource: true,
  object: true,
  operation: true,
  externalIdFieldName: true,
  loadId: true,
  connection: true,
  columns: true,
  columnsIfPresent: true,
  constants: true,
  mapLabels: true,
  checkRows: true,
  skipBadRows: true,
  blankAsNull: true,
  assignmentRuleId: true,
  delimiter: true,
  lineEnding: true,
  encoding: true,
  part: true,
  poll: true,
  jobTimeout: true,
  outageLimit: true,
  keepColumns: true,
  defuse: true,
  again: true,
  retry: true,
  abortWhen: true,
  priority: true,
  output: true,
};

/** Fields that hold others. */
const GROUPS = new Map<string, readonly string[]>(
  Object.entries({
    part: ['maxBytes', 'maxConcurrent'],
    poll: ['initialInterval', 'backoffCoefficient', 'maximumInterval', 'settleInterval'],
    retry: ['maxRounds', 'initialWait', 'backoffCoefficient', 'fixes', 'fixer', 'holdFor'],
    abortWhen: ['failedRatio', 'afterRecords'],
  } satisfies { [K in 'part' | 'poll' | 'retry' | 'abortWhen']: (keyof NonNullable<BulkLoadInput[K]>)[] }),
);

/** No wait of a load is longer. */
export const MAX_DURATION_MS = 30 * 86_400_000;
const MAX_KEYS = 100;
/** `Name`, `Owner.Email`, `Lead:Who.Email`. */
const COLUMN_NAME = /^(?:[A-Za-z]\w*:)?[A-Za-z]\w*(?:\.[A-Za-z]\w*)?$/;

export function refuse(message: string): never {
  throw new NightloadError('INVALID_INPUT', message);
}

/** Callers in other languages send null for what is not set: the same as leaving it out. */
export function withoutNulls<T extends object>(input: T): T {
  const set = Object.entries(input ?? {}).filter(([, value]) => value !== null && value !== undefined);
  return Object.fromEntries(
    set.map(([key, value]: [string, unknown]) => [
      key,
      GROUPS.has(key) && isObject(value) ? withoutNulls(value) : value,
    ]),
  ) as T;
}

export function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Misspelt fields would be ignored in silence. */
export function checkKeys(input: BulkLoadInput): void {
  for (const [key, value] of Object.entries(input) as [string, unknown][]) {
    if (!Object.hasOwn(KNOWN_KEYS, key)) refuse(`Unknown input field ${shown(key)}.`);
    const inner = GROUPS.get(key);
    if (inner === undefined) continue;
    if (!isObject(value)) refuse(`"${key}" is ${shown(value)}; it must be an object.`);
    const unknown = Object.keys(value).find((name) => !inner.includes(name));
    if (unknown !== undefined)
      refuse(`Unknown input field ${shown(`${key}.${unknown}`)}. Known are: ${inner.join(', ')}.`);
  }
}

const TABLES: readonly string[] = ['columns', 'columnsIfPresent', 'constants'] satisfies (keyof BulkLoadInput)[];

/** How long texts may be, and tables: before anything reads them. */
export function checkSizes(input: object): void {
  const entries = Object.entries(input) as [string, unknown][];
  if (entries.length > MAX_KEYS) refuse(`The input has ${entries.length} fields.`);
  for (const [key, value] of entries) {
    if (typeof value === 'string' && value.length > MAX_TEXT) {
      refuse(`"${plainText(key, 50)}" has ${value.length} characters; at most ${MAX_TEXT} are taken.`);
    }
    if (TABLES.includes(key) && isObject(value) && Object.keys(value).length > MAX_COLUMNS) {
      refuse(`"${key}" has ${Object.keys(value).length} entries; at most ${MAX_COLUMNS} are taken.`);
    }
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
      `The input has ${size} characters. The tables (columns, constants, fixes) may have ${MAX_TABLES} in all: write the values into the file itself.`,
    );
  }
}

/** What each field may be, but for durations and numbers. */
export function checkFields(input: BulkLoadInput): void {
  if (typeof input.source !== 'string' || input.source === '') refuse('"source" must be a file: URI.');
  if (!input.source.startsWith('file:')) {
    const later = input.source.startsWith('s3:') ? ' This version does not read s3: yet.' : '';
    refuse(`"source" is ${shown(input.source)}; it must be a file: URI such as file:///data/accounts.csv.${later}`);
  }
  const trouble = datesTrouble(input);
  if (trouble !== undefined) refuse(trouble);
  if (input.output !== undefined && !(isText(input.output) && input.output.startsWith('file:'))) {
    refuse('"output" must be a file: URI.');
  }
  connectionName(input.connection);
  if (
    input.assignmentRuleId !== undefined &&
    !(isText(input.assignmentRuleId) && PLATFORM_ID.test(input.assignmentRuleId))
  ) {
    refuse(`"assignmentRuleId" is ${shown(input.assignmentRuleId)}; it must be an id of 15 or 18 characters.`);
  }
  if (!isName(input.object)) {
    refuse(`"object" is ${shown(input.object)}; it must be an sObject API name such as Account or Invoice__c.`);
  }
  if (!OPERATIONS.includes(input.operation)) {
    refuse(`"operation" is ${shown(input.operation)}; it must be one of ${OPERATIONS.join(', ')}.`);
  }
  if (input.externalIdFieldName !== undefined && !isName(input.externalIdFieldName)) {
    refuse(`"externalIdFieldName" is ${shown(input.externalIdFieldName)}; it must be a field API name.`);
  }
  for (const key of ['columns', 'columnsIfPresent', 'constants'] as const) {
    const texts = input[key];
    if (texts === undefined) continue;
    if (!isObject(texts) || Object.values(texts).some((value) => typeof value !== 'string')) {
      refuse(`"${key}" must be an object whose values are texts.`);
    }
  }
  const column = Object.keys(input.constants ?? {}).find((name) => !COLUMN_NAME.test(name));
  if (column !== undefined) refuse(`"constants" names ${shown(column)}, which is no field API name.`);
  if (/delete/i.test(input.operation) && Object.keys(input.constants ?? {}).length > 0) {
    refuse(`"constants" make no sense for ${input.operation}, which sends Ids only.`);
  }
  for (const key of [
    'blankAsNull',
    'mapLabels',
    'checkRows',
    'skipBadRows',
    'keepColumns',
    'defuse',
    'again',
  ] as const) {
    if (input[key] !== undefined && typeof input[key] !== 'boolean') {
      refuse(`"${key}" is ${shown(input[key])}; it must be true or false.`);
    }
  }
  if (input.operation === 'upsert' && input.externalIdFieldName === undefined) {
    refuse('Upsert needs "externalIdFieldName" (CLI: --external-id), the field by which rows are matched.');
  }
  if (input.delimiter !== undefined && !isDelimiter(input.delimiter)) {
    refuse(`"delimiter" is ${shown(input.delimiter)}; it must be one of , ; tab | ^ \`.`);
  }
  if (input.lineEnding !== undefined && input.lineEnding !== 'LF' && input.lineEnding !== 'CRLF') {
    refuse(`"lineEnding" is ${shown(input.lineEnding)}; it must be LF or CRLF.`);
  }
  if (input.encoding !== undefined && (typeof input.encoding !== 'string' || input.encoding.trim() === '')) {
    refuse(`"encoding" is ${shown(input.encoding)}; it must be the name of an encoding, such as windows-1252.`);
  }
}

/** @throws NightloadError `INVALID_INPUT` */
export function connectionName(value: unknown = 'default'): string {
  if (isText(value, MAX_NAME) && value !== '') return value;
  return refuse(`"connection" is ${shown(value)}; it must be the name of a connection of the worker.`);
}

function isName(value: unknown): boolean {
  return typeof value === 'string' && API_NAME.test(value);
}

/**
 * Milliseconds.
 * @throws NightloadError `INVALID_INPUT`
 */
export function duration(value: Duration, name: string, least = 0, most = MAX_DURATION_MS): number {
  let ms: number;
  try {
    ms = msToNumber(value as TemporalDuration);
  } catch {
    ms = Number.NaN;
  }
  if (!Number.isFinite(ms) || ms < 0) refuse(`"${name}" is ${shown(value)}; write a duration such as 5s or 8h.`);
  if (ms < least) refuse(`"${name}" is ${shown(value)}; the least is ${least} ms.`);
  if (ms > most) refuse(`"${name}" is ${shown(value)}; the most is ${most} ms.`);
  return ms;
}

export function whole(value: number, name: string, least: number, most: number): number {
  if (!Number.isInteger(within(value, name, least, most))) refuse(`"${name}" is ${value}; it must be a whole number.`);
  return value;
}

export function within(value: number, name: string, least: number, most: number): number {
  if (typeof value !== 'number' || !(value >= least && value <= most)) {
    refuse(`"${name}" is ${shown(value)}; it must be a number from ${least} to ${most}.`);
  }
  return value;
}
