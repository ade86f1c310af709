/**
 * Parses `sf__Error` and classifies the failure: one table for all status codes that the platform is known to return.
 * Any other code needs a person. Pure.
 */

import { isDelete } from './operations.js';
import type { Operation } from '../../contract/names.js';
import type { LoadError } from '../../contract/load-result.js';

export interface RowError {
  /** `UNABLE_TO_LOCK_ROW`; undefined when the text has none. */
  code: string | undefined;
  message: string;
  /** API names in the error. */
  fields: string[];
  raw: string;
}

/**
 * - `transient`: the same row may pass later. `order-dependent`: it may pass once another row exists.
 * - `data`, `business`, `permanent`, `unknown`: a person must change something first.
 * - `already-done`: the requested state already exists. `stop`: the org accepts no more rows.
 */
export type RowClass =
  'transient' | 'order-dependent' | 'data' | 'already-done' | 'business' | 'permanent' | 'stop' | 'unknown';

/** One name, or several that look like API names: `Please call us` is a sentence. */
const FIELD = /^[A-Za-z]\w*(?:\.[A-Za-z]\w*)*$/;
const CODE = /^(?:[A-Z][A-Z0-9_]+|TooManyLockFailure)$/;

/** Characters of an error that are examined. */
const MAX_READ = 32_768;

/** Reads `CODE:message:Field_A Field_B --`; the message may hold colons, dashes and line breaks. */
export function parseRowError(raw: string): RowError {
  // The platform's errors are short; a longer one is something else.
  const said = raw.slice(0, MAX_READ).trim();
  const text = said.endsWith('--') ? said.slice(0, -2).trim() : said;
  const first = text.indexOf(':');
  const code = (first === -1 ? text : text.slice(0, first)).trim();
  if (!CODE.test(code)) return { code: undefined, message: text, fields: [], raw };
  const rest = first === -1 ? '' : text.slice(first + 1);
  const last = rest.lastIndexOf(':');
  const tail = rest.slice(last + 1);
  // The platform writes fields right after the colon; text after a colon and a blank is still the sentence.
  const fields = last === -1 ? [] : fieldsOf(tail);
  const ended = last !== -1 && (tail === '' || fields.length > 0);
  return { code, message: (ended ? rest.slice(0, last) : rest).trim(), fields, raw };
}

/** Failed because another transaction held a lock; the code may stand inside the text of a trigger's error. */
export function isLockFailure({ raw }: Pick<RowError, 'raw'>): boolean {
  return /\b(?:UNABLE_TO_LOCK_ROW|TooManyLockFailure)\b/.test(raw.slice(0, MAX_READ));
}

function fieldsOf(tail: string): string[] {
  const names = tail.split(/[ ,]+/);
  const areFields = names.every((name) => FIELD.test(name) && (names.length === 1 || isApiName(name)));
  return areFields ? names : [];
}

/** Given a word that {@link FIELD} matches: words of a sentence begin with a lower-case letter. */
function isApiName(name: string): boolean {
  const [first = ''] = name.split('.', 1);
  return /^[A-Z]/.test(name) || first.indexOf('__', 1) !== -1;
}

/** Where the message decides: the first class if it matches, otherwise the second. */
type Rule = RowClass | { message: RegExp; match: RowClass; other: RowClass };

/**
 * The platform's own phrases for temporary failures, anywhere in the text: a trigger, flow or rule only repeats them.
 * The platform's exact spelling is required, because a customer's validation rule may mention time or limits too.
 */
const WRAPPED = new RegExp(
  [
    String.raw`\b(?:UNABLE_TO_LOCK_ROW|API_TEMPORARILY_UNAVAILABLE|SERVER_UNAVAILABLE|QUERY_TIMEOUT|REQUEST_RUNNING_TOO_LONG|TooManyLockFailure)\b`,
    String.raw`\b[Uu]nable to obtain exclusive access to\b`,
    // `ConcurrentRequests (Concurrent API Requests) Limit exceeded`, `ConcurrentPerOrgLongTxn Limit exceeded`
    String.raw`\bConcurrent(?:[A-Z]\w*| (?:API |Apex )?[Rr]equests)(?: \([^()]{1,60}\))? [Ll]imit [Ee]xceeded\b`,
    String.raw`\b[Aa]pex CPU time limit\b`,
    String.raw`\bRead timed out\b`,
  ].join('|'),
);
/** Separate words only: a trigger named SessionTimeoutCheck or a field Timeout__c says nothing about time. */
const IN_TRIGGER = new RegExp(
  String.raw`${WRAPPED.source}|\b(?:Apex CPU|CPU (?:time )?limit|time(?:d )?[ -]?out)\b`,
  'i',
);

/** A code that only says where something happened: the message says what. */
const wrapper = (other: RowClass): Rule => ({ message: WRAPPED, match: 'transient', other });

const CLASSES: Record<string, Rule> = {
  UNABLE_TO_LOCK_ROW: 'transient',
  TooManyLockFailure: 'transient',
  SERVER_UNAVAILABLE: 'transient',
  QUERY_TIMEOUT: 'transient',
  REQUEST_RUNNING_TOO_LONG: 'transient',
  API_TEMPORARILY_UNAVAILABLE: 'transient',
  UNKNOWN_EXCEPTION: wrapper('unknown'),
  INVALID_CROSS_REFERENCE_KEY: 'order-dependent',
  INVALID_FIELD: { message: /Foreign key external ID/i, match: 'order-dependent', other: 'data' },
  REQUIRED_FIELD_MISSING: 'data',
  STRING_TOO_LONG: 'data',
  INVALID_EMAIL_ADDRESS: 'data',
  INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST: 'data',
  INVALID_TYPE_ON_FIELD_IN_RECORD: 'data',
  NUMBER_OUTSIDE_VALID_RANGE: 'data',
  FIELD_INTEGRITY_EXCEPTION: 'data',
  FIELD_FILTER_VALIDATION_EXCEPTION: 'data',
  FIELD_CUSTOM_VALIDATION_EXCEPTION: wrapper('data'),
  MALFORMED_ID: 'data',
  MISSING_ARGUMENT: 'data',
  DUPLICATE_VALUE: 'data',
  DUPLICATE_EXTERNAL_ID: 'data',
  DUPLICATES_DETECTED: 'data',
  DUPLICATE_KEY_IN_FILE: 'data',
  INCOMPLETE_RESULT_ROW: 'data',
  ENTITY_IS_DELETED: 'already-done',
  CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY: { message: IN_TRIGGER, match: 'transient', other: 'business' },
  CANNOT_EXECUTE_FLOW_TRIGGER: wrapper('business'),
  APEX_ERROR: wrapper('business'),
  CANNOT_UPDATE_CONVERTED_LEAD: wrapper('business'),
  INSUFFICIENT_ACCESS_OR_READONLY: 'permanent',
  INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY: 'permanent',
  INVALID_FIELD_FOR_INSERT_UPDATE: 'permanent',
  OP_WITH_INVALID_USER_TYPE_EXCEPTION: 'permanent',
  DELETE_FAILED: 'permanent',
  TRANSFER_REQUIRES_READ: 'permanent',
  LIMIT_EXCEEDED: wrapper('permanent'),
  STORAGE_LIMIT_EXCEEDED: 'stop',
};

/** For codes that are not in the table. */
const OTHER = wrapper('unknown');
const OTHER_CANNOT = wrapper('permanent');

/** The codes that have their own class. */
export const CLASSED_CODES: readonly string[] = Object.keys(CLASSES);

/** What kind of failure a row's error is. */
export function classify({ code, message }: RowError): RowClass {
  const rule = code === undefined ? OTHER : ruleOf(code);
  return typeof rule === 'string' ? rule : rule.message.test(message) ? rule.match : rule.other;
}

/** The possible classes of a code's errors: one, or two when the message decides. */
export function classesOf(code: string): readonly RowClass[] {
  const rule = ruleOf(code);
  return typeof rule === 'string' ? [rule] : [rule.match, rule.other];
}

function ruleOf(code: string): Rule {
  const rule = Object.hasOwn(CLASSES, code) ? CLASSES[code] : undefined;
  return rule ?? (code.startsWith('CANNOT_') ? OTHER_CANNOT : OTHER);
}

/** Whether a text contains the platform's own phrase for a temporary failure. */
export function saysItPasses(text: string): boolean {
  return WRAPPED.test(text);
}

/** The platform's own phrase for a temporary failure in a text, if any, without the surrounding text. */
export function passingWords(text: string): string | undefined {
  const [words] = WRAPPED.exec(text) ?? [];
  // It names a kind of limit, and the author of the text may have put anything there.
  return words?.startsWith('Concurrent') ? 'ConcurrentRequests Limit exceeded' : words;
}

/**
 * The error of a load whose org accepts no more rows.
 * @param note as in `sf__Error`, of which only the code is shown: the rest may contain values of the row
 */
export function stopError(note: string): LoadError {
  const { code = 'STOPPED' } = parseRowError(note);
  return {
    code,
    message: `Salesforce stopped accepting rows: ${code}. \`sf__Error\` in the rejected file has its message.`,
  };
}

/** Whether the requested state already exists: a record to be deleted is gone. */
export function isDone(rowClass: RowClass, operation: Operation): boolean {
  return rowClass === 'already-done' && operation === 'delete';
}

/** Whether the same row, unchanged, may pass when sent again. No record that a delete waits for will be created. */
export function mayPassUnchanged(rowClass: RowClass, operation: Operation): boolean {
  return rowClass === 'transient' || (rowClass === 'order-dependent' && !isDelete(operation));
}
