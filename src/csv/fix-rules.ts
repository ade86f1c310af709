/**
 * The rules by which rows that the platform refused may be changed, as users write them (`retry.fixes`, `--fixes`), and
 * what can be wrong with them. Pure. schemas/fixes.schema.json says the same; a test holds the two together.
 */
import type { RowFix } from '../contract.js';
import { classesOf } from './row-errors.js';

/** What is wrong with a list of rules. */
export interface FixFinding {
  /** From 1; without it, the list as a whole is meant. */
  rule?: number;
  key?: string;
  text: string;
}

const KEYS: readonly string[] = ['code', 'field', 'do', 'values'] satisfies (keyof RowFix)[];
const DEEDS: readonly unknown[] = ['truncate', 'blank', 'replace'] satisfies RowFix['do'][];
/** As in `sf__Error`. */
const CODE = /^(?:[A-Z][A-Z0-9_]+|TooManyLockFailure)$/;
/** `Name`, `Owner.Email`, `Lead:Who.Email`. */
const FIELD = /^(?:[A-Za-z]\w*:)?[A-Za-z]\w*(?:\.[A-Za-z]\w*)?$/;
const MOST_RULES = 100;
/** Rules travel in the input of workflows, which Temporal keeps small. */
const MOST_CHARACTERS = 200_000;

/** All that is wrong; nothing when the rules can be used. */
export function validateFixes(fixes: unknown): FixFinding[] {
  if (!Array.isArray(fixes)) return [{ text: 'fix rules must be a list: [{"code": …, "do": …}]' }];
  if (fixes.length === 0) return [{ text: 'the list of fix rules is empty; leave it out when nothing is to be fixed' }];
  if (fixes.length > MOST_RULES)
    return [{ text: `there are ${fixes.length} fix rules; at most ${MOST_RULES} are taken` }];
  const findings = fixes.flatMap((fix: unknown, i) => rule(fix).map((finding) => ({ rule: i + 1, ...finding })));
  const size = JSON.stringify(fixes).length;
  if (size <= MOST_CHARACTERS) return findings;
  const text = `the fix rules have ${size} characters; at most ${MOST_CHARACTERS} are taken: shorten the tables of values`;
  return [...findings, { text }];
}

/** As a sentence: `Rule 2: "do" is "cut"; it must be truncate, blank or replace.` */
export function fixFindingText({ rule, key, text }: FixFinding): string {
  const sentence = `${key === undefined ? '' : `"${key}" `}${text}.`;
  if (rule !== undefined) return `Rule ${rule}: ${sentence}`;
  return sentence.charAt(0).toUpperCase() + sentence.slice(1);
}

/** Callers in other languages send null for what is not set: the same as leaving it out. */
export function withoutNullKeys(fixes: unknown): unknown {
  if (!Array.isArray(fixes)) return fixes;
  return fixes.map((fix: unknown) =>
    isObject(fix) ? Object.fromEntries(Object.entries(fix).filter(([, value]) => value !== null)) : fix,
  );
}

/** How changes.csv names a rule. */
export function ruleText(number: number, { code, field, do: deed }: RowFix): string {
  return `${number}: ${code} ${deed}${field == null ? '' : ` ${field}`}`;
}

function rule(fix: unknown): FixFinding[] {
  if (!isObject(fix)) return [{ text: `is ${shown(fix)}; it must be an object with "code" and "do"` }];
  const findings: FixFinding[] = [];
  for (const key of Object.keys(fix)) {
    if (!KEYS.includes(key)) findings.push({ key, text: `is unknown; known are ${KEYS.join(', ')}` });
  }
  const { code, field, values } = fix;
  const deed = fix['do'];
  if (typeof code !== 'string' || !CODE.test(code)) {
    const what = code === undefined ? 'is missing' : `is ${shown(code)}`;
    findings.push({ key: 'code', text: `${what}; it must be a status code as in sf__Error, such as STRING_TOO_LONG` });
  } else if (!mayBeFixed(code)) {
    findings.push({
      key: 'code',
      text: `is ${code}, which does not come from the values of a row, so no rule mends it`,
    });
  }
  if (field !== undefined && (typeof field !== 'string' || !FIELD.test(field))) {
    findings.push({ key: 'field', text: `is ${shown(field)}; it must be a field API name, such as Description` });
  }
  if (!DEEDS.includes(deed)) {
    const what = deed === undefined ? 'is missing' : `is ${shown(deed)}`;
    findings.push({ key: 'do', text: `${what}; it must be truncate, blank or replace` });
  } else if (deed !== 'replace' && typeof code === 'string' && waitsOnly(code)) {
    findings.push({
      key: 'do',
      text: `is ${shown(deed)}; of ${code}, after which a row may pass unchanged, only replace is taken`,
    });
  } else if (deed === 'replace') {
    findings.push(...table(values));
  } else if (values !== undefined) {
    findings.push({ key: 'values', text: `goes with "do": "replace" only` });
  }
  return findings;
}

function table(values: unknown): FixFinding[] {
  const key = 'values';
  if (values === undefined) {
    return [{ key, text: 'is missing; "replace" needs a table of old and new values: {"Hott": "Hot"}' }];
  }
  if (!isObject(values)) return [{ key, text: `is ${shown(values)}; it must be a table: {"Hott": "Hot"}` }];
  const entries = Object.entries(values);
  if (entries.length === 0) return [{ key, text: 'is empty; name at least one old and new value' }];
  const wrong = entries.find(([, value]) => typeof value !== 'string');
  if (wrong === undefined) return [];
  return [{ key, text: `gives ${shown(wrong[0])} the new value ${shown(wrong[1])}; it must be a text` }];
}

/** Whether errors of this code can come from what a row says. */
function mayBeFixed(code: string): boolean {
  return classesOf(code).some((rowClass) => !['transient', 'already-done', 'stop'].includes(rowClass));
}

/** Whether errors of this code can only mean that another record is not there yet. */
function waitsOnly(code: string): boolean {
  return classesOf(code).every((rowClass) => rowClass === 'order-dependent');
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const SHOWN = 60;

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text;
}
