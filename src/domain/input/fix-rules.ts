/**
 * The rules for changing rows that the platform refused, as users write them (`retry.fixes`, `--fixes`), and their
 * validation. Pure. schemas/fixes.schema.json is made from the schema here.
 */
import { z } from 'zod';
import type { RowFix } from '../../contract/corrections.js';
import { COLUMN_NAME } from '../name-and-number-limits.js';
import { CLASSED_CODES, classesOf } from '../platform/row-errors.js';
import { shown } from '../text/shown.js';
import { exactly } from '../exactly.js';
import type { Issue } from './field-kinds.js';

/** A problem with a list of rules. */
export interface FixFinding {
  /** From 1; absent when it concerns the whole list. */
  rule?: number;
  key?: string;
  text: string;
}

/** As in `sf__Error`. */
const CODE = /^(?:[A-Z][A-Z0-9_]+|TooManyLockFailure)$/;
const MAX_RULES = 100;
/** Rules are part of workflow inputs, which Temporal limits in size. */
const MAX_CHARACTERS = 200_000;

const NO_VALUES = 'is missing; "replace" needs a table of old and new values: {"Hott": "Hot"}';

/** The sentence about a wrong value begins with the key, which is added later. */
function must(words: string, missing?: string): { error: (issue: Issue) => string } {
  return {
    error: ({ input }) => (input === undefined ? (missing ?? `is missing; ${words}`) : `is ${shown(input)}; ${words}`),
  };
}

const code = z
  .string(must('it must be a status code as in sf__Error, such as STRING_TOO_LONG'))
  .regex(CODE, { abort: true })
  .refine(mayBeFixed, {
    error: ({ input }) => `is ${String(input)}, which is not caused by the values of a row, so no rule can fix it`,
  })
  .meta({
    not: { enum: CLASSED_CODES.filter((known) => !mayBeFixed(known)) },
    examples: ['STRING_TOO_LONG', 'INVALID_EMAIL_ADDRESS', 'INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST'],
  });

const field = z.string(must('it must be a field API name, such as Description')).regex(COLUMN_NAME);

const values = z
  .record(
    z.string(),
    z.string({
      error: ({ path, input }) => `gives ${shown(path?.at(-1))} the new value ${shown(input)}; it must be a string`,
    }),
    must('it must be a table: {"Hott": "Hot"}', NO_VALUES),
  )
  .refine((table) => Object.keys(table).length > 0, { error: 'is empty; add at least one old and new value' })
  .meta({ minProperties: 1 });

export const ROW_FIX = exactly<RowFix>()(
  z
    .strictObject(
      {
        code,
        field: field.exactOptional(),
        do: z.enum(['truncate', 'blank', 'replace'], must('it must be truncate, blank or replace')),
        values: values.exactOptional(),
      },
      must('it must be an object with "code" and "do"'),
    )
    .superRefine((fix, context) => {
      const refuse = (key: keyof RowFix, message: string): void =>
        context.addIssue({ code: 'custom', path: [key], message });
      if (fix.do === 'replace') {
        if (fix.values === undefined) refuse('values', NO_VALUES);
        return;
      }
      if (fix.values !== undefined) refuse('values', 'is valid only with "do": "replace"');
      if (waitsOnly(fix.code)) {
        refuse('do', `is "${fix.do}"; for ${fix.code}, after which a row may pass unchanged, use only replace`);
      }
    })
    .meta({
      id: 'RowFix',
      // The same in JSON Schema.
      allOf: [
        {
          if: { properties: { do: { const: 'replace' } } },
          then: { required: ['values'] },
          else: { not: { required: ['values'] } },
        },
        {
          if: { properties: { code: { enum: CLASSED_CODES.filter(waitsOnly) } } },
          then: { properties: { do: { const: 'replace' } } },
        },
      ],
    }),
);

export const FIXES = z
  .array(ROW_FIX, { error: 'fix rules must be a list: [{"code": …, "do": …}]' })
  .max(MAX_RULES, {
    error: ({ input }) => `there are ${(input as unknown[]).length} fix rules; the maximum is ${MAX_RULES}`,
  })
  .refine((rules) => sizeOf(rules) <= MAX_CHARACTERS, {
    error: ({ input }) =>
      `the fix rules have ${sizeOf(input)} characters; the maximum is ${MAX_CHARACTERS}: shorten the tables of values`,
  });

function sizeOf(rules: unknown): number {
  return JSON.stringify(rules).length;
}

/** All problems; empty when the rules can be used. */
export function validateFixes(fixes: unknown): FixFinding[] {
  if (Array.isArray(fixes) && fixes.length === 0)
    return [{ text: 'the list of fix rules is empty; omit it if there is nothing to fix' }];
  return findingsIn(FIXES.safeParse(fixes).error?.issues ?? []);
}

/** The findings in the errors of a list of rules, which lies at `depth` of the paths; one per rule and key. */
export function findingsIn(issues: readonly z.core.$ZodIssue[], depth = 0): FixFinding[] {
  const found = new Map<string, FixFinding>();
  for (const issue of issues) {
    const [index, named] = issue.path.slice(depth);
    const rule = typeof index === 'number' ? { rule: index + 1 } : {};
    const keys = issue.code === 'unrecognized_keys' ? issue.keys : [named];
    const text =
      issue.code === 'unrecognized_keys'
        ? `is unknown; known keys: ${Object.keys(ROW_FIX.shape).join(', ')}`
        : issue.message;
    for (const key of keys) {
      const place = JSON.stringify([rule, key]);
      if (!found.has(place)) found.set(place, { ...rule, ...(key !== undefined && { key: String(key) }), text });
    }
  }
  return [...found.values()];
}

/** As a sentence: `Rule 2: "do" is "cut"; it must be truncate, blank or replace.` */
export function fixFindingText({ rule, key, text }: FixFinding): string {
  const sentence = `${key === undefined ? '' : `"${key}" `}${text}.`;
  if (rule !== undefined) return `Rule ${rule}: ${sentence}`;
  return sentence.charAt(0).toUpperCase() + sentence.slice(1);
}

/** The name of a rule in changes.csv. */
export function ruleText(number: number, { code: fixed, field: named, do: deed }: RowFix): string {
  return `${number}: ${fixed} ${deed}${named == null ? '' : ` ${named}`}`;
}

/** Whether errors of this code can be caused by a row's values. */
function mayBeFixed(errorCode: string): boolean {
  return classesOf(errorCode).some((rowClass) => !['transient', 'already-done', 'stop'].includes(rowClass));
}

/** Whether errors of this code can only mean that another record does not exist yet. */
function waitsOnly(errorCode: string): boolean {
  return classesOf(errorCode).every((rowClass) => rowClass === 'order-dependent');
}
