/**
 * Kinds of fields in an input. Each refuses a wrong value with a sentence that names the field, the value and what is
 * allowed.
 */
import { z } from 'zod';
import { OPERATIONS } from '../../contract/names.js';
import { DELIMITERS, isDelimiter, MAX_NAME } from '../name-and-number-limits.js';
import { isText, MAX_TEXT, shown } from '../text/shown.js';
import { durationTrouble } from './durations.js';
import type { DurationLimits } from './durations.js';

export type Issue = z.core.$ZodRawIssue;

/** Where the value is: `retry.holdFor`. */
function placeOf({ path = [] }: Issue): string {
  return path.map(String).join('.');
}

/** `"priority" is 7; it must be a number from 1 to 5.` */
export function must(words: string | ((value: unknown) => string | undefined)): { error: (issue: Issue) => string } {
  return {
    error: (issue) => {
      const { input } = issue;
      if (issue.code === 'too_big' && typeof input === 'string') {
        return `"${placeOf(issue)}" has ${input.length} characters; the maximum is ${issue.maximum}.`;
      }
      return `"${placeOf(issue)}" is ${shown(input)}; ${typeof words === 'string' ? words : words(input)}.`;
    },
  };
}

/** A text of bounded length that matches a pattern. */
export function text(pattern: RegExp, words: string, most = MAX_TEXT): z.ZodString {
  return z.string(must(words)).max(most, { abort: true }).regex(pattern, { abort: true });
}

/** A name of something outside, with whole characters. */
export function name(error: { error: (issue: Issue) => string }): z.ZodString {
  return z
    .string(error)
    .min(1)
    .max(MAX_NAME, { abort: true })
    .refine((value) => isText(value));
}

export const connection = name(must('it must be the name of a connection of the worker'));

export const delimiter = z
  .string(must('it must be one of , ; tab | ^ `'))
  .refine(isDelimiter)
  .meta({ enum: [...DELIMITERS] });

const MAX_ENCODING = 100;

export const encoding = text(/\S/, 'it must be the name of an encoding, such as windows-1252', MAX_ENCODING);

export const flag = z.boolean(must('it must be true or false'));

export function within(least: number, most: number): z.ZodNumber {
  return z
    .number(must(`it must be a number from ${least} to ${most}`))
    .min(least)
    .max(most);
}

export function whole(least: number, most: number): z.ZodNumber {
  return within(least, most).int(must('it must be a whole number'));
}

/** A group of fields; misspelled ones would be silently ignored. */
export function group<S extends z.core.$ZodLooseShape>(shape: S): z.ZodObject<S, z.core.$strict> {
  const known = ` Known fields: ${Object.keys(shape).join(', ')}.`;
  return z.strictObject(shape, {
    error: (issue: Issue) => {
      const place = placeOf(issue);
      if (issue.code !== 'unrecognized_keys') return `"${place}" is ${shown(issue.input)}; it must be an object.`;
      const [key = ''] = issue.keys;
      return `Unknown input field ${shown(`${place}.${key}`)}.${known}`;
    },
  });
}

const DURATION_WORDS = 'write a duration such as 5s or 8h';

const DURATION = z
  .union(
    [
      z.string(must(DURATION_WORDS)).regex(/^(?:\d+(?:\.\d+)?|\.\d+) *[A-Za-z]*$/, { abort: true }),
      z.number(must(DURATION_WORDS)).min(0, { abort: true }),
    ],
    must(DURATION_WORDS),
  )
  .meta({ id: 'Duration' });

export function duration(limits: DurationLimits = {}): typeof DURATION {
  const trouble = (value: unknown): string | undefined => durationTrouble(value, limits);
  return DURATION.refine((value) => trouble(value) === undefined, must(trouble));
}

export const operation = z
  .enum(OPERATIONS, must(`it must be one of ${OPERATIONS.join(', ')}`))
  .meta({ id: 'Operation' });
