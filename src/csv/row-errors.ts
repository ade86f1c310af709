/**
 * Reading `sf__Error`, and which kind of failure it is: one table for all status codes that the platform is known to
 * give. A code that is not in it needs a person. Pure.
 */

import { isDelete } from '../contract.js';
import type { LoadError, Operation } from '../contract.js';

export interface RowError {
  /** `UNABLE_TO_LOCK_ROW`; undefined when the text has none. */
  code: string | undefined;
  message: string;
  /** API names that the error names. */
  fields: string[];
  raw: string;
}

/**
 * - `transient`: the same row may pass later. `order-dependent`: it may pass once another row is there.
 * - `data`, `business`, `permanent`, `unknown`: somebody must change something first.
 * - `already-done`: what was asked is so already. `stop`: the org takes no more rows.
 */
export type RowClass =
  'transient' | 'order-dependent' | 'data' | 'already-done' | 'business' | 'permanent' | 'stop' | 'unknown';

/** One name, or several that look like API names: `Please call us` is a sentence. */
const FIELD = /^[A-Za-z]\w*(?:\.[A-Za-z]\w*)*$/;
const CODE = /^(?:[A-Z][A-Z0-9_]+|TooManyLockFailure)$/;

/** Characters of an error that are looked at. */
const MOST_READ = 32_768;

/** Reads `CODE:message:Field_A Field_B --`; the message may hold colons, dashes and line breaks. */
export function parseRowError(raw: string): RowError {
  // An error of the platform is short; who writes more of it means something else.
  const said = raw.slice(0, MOST_READ).trim();
  const text = said.endsWith('--') ? said.slice(0, -2).trim() : said;
  const first = text.indexOf(':');
  const code = (first === -1 ? text : text.slice(0, first)).trim();
  if (!CODE.test(code)) return { code: undefined, message: text, fields: [], raw };
  const rest = first === -1 ? '' : text.slice(first + 1);
  const last = rest.lastIndexOf(':');
  const tail = rest.slice(last + 1);
  // The platform writes fields right after the colon; what follows a colon and a blank is still the sentence.
  const fields = last === -1 ? [] : fieldsOf(tail);
  const ended = last !== -1 && (tail === '' || fields.length > 0);
  return { code, message: (ended ? rest.slice(0, last) : rest).trim(), fields, raw };
}

function fieldsOf(tail: string): string[] {
  const names = tail.split(/[ ,]+/);
  const areFields = names.every((name) => FIELD.test(name) && (names.length === 1 || isApiName(name)));
  return areFields ? names : [];
}

/** Of words that {@link FIELD} takes: those of a sentence begin with a small letter. */
function isApiName(name: string): boolean {
  const [first = ''] = name.split('.', 1);
  return /^[A-Z]/.test(name) || first.indexOf('__', 1) !== -1;
}

/** Where the message decides, it is the first class when it matches, else the second. */
type Rule = RowClass | { message: RegExp; match: RowClass; other: RowClass };

/**
 * The platform's own words for what passes, wherever they stand: a trigger, a flow or a rule only repeats them. They are
 * spelled as the platform spells them, because a validation rule of a person may speak of time or of limits too.
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
/** Words of their own only: a trigger named SessionTimeoutCheck or a field Timeout__c says nothing about time. */
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

/** Codes that are not in the table. */
const OTHER = wrapper('unknown');
const OTHER_CANNOT = wrapper('permanent');

/** The codes that have a class of their own. */
export const CLASSED_CODES: readonly string[] = Object.keys(CLASSES);

/** What kind of failure a row's error is. */
export function classify({ code, message }: RowError): RowClass {
  const rule = code === undefined ? OTHER : ruleOf(code);
  return typeof rule === 'string' ? rule : rule.message.test(message) ? rule.match : rule.other;
}

/** The classes that errors of a code may have: one, or two when the message decides. */
export function classesOf(code: string): readonly RowClass[] {
  const rule = ruleOf(code);
  return typeof rule === 'string' ? [rule] : [rule.match, rule.other];
}

function ruleOf(code: string): Rule {
  const rule = Object.hasOwn(CLASSES, code) ? CLASSES[code] : undefined;
  return rule ?? (code.startsWith('CANNOT_') ? OTHER_CANNOT : OTHER);
}

/** Whether a text holds the platform's own words for something that passes. */
export function saysItPasses(text: string): boolean {
  return WRAPPED.test(text);
}

/** The platform's own words for something that passes, if a text has them: without what stands around them. */
export function passingWords(text: string): string | undefined {
  const [words] = WRAPPED.exec(text) ?? [];
  // It names a kind of limit, and whoever wrote the text may have put anything there.
  return words?.startsWith('Concurrent') ? 'ConcurrentRequests Limit exceeded' : words;
}

/**
 * The error of a load whose org takes no more rows.
 * @param note as in `sf__Error`, of which only the code is told: the rest may hold values of the row
 */
export function stopError(note: string): LoadError {
  const { code = 'STOPPED' } = parseRowError(note);
  return {
    code,
    message: `The platform stopped taking rows: ${code}. \`sf__Error\` in the rejected file has its words.`,
  };
}

/** Whether what failed is so already: a record that was to be deleted is gone. */
export function isDone(rowClass: RowClass, operation: Operation): boolean {
  return rowClass === 'already-done' && operation === 'delete';
}

/** Whether the same row, unchanged, may pass when it is sent again. No record that a delete waits for will come. */
export function mayPassUnchanged(rowClass: RowClass, operation: Operation): boolean {
  return rowClass === 'transient' || (rowClass === 'order-dependent' && !isDelete(operation));
}
