/**
 * Building blocks of what workflows say: answers to queries and updates, results, memos. Anyone who may start a
 * workflow, or complete a load's activities, decides what is in them. Texts become one line without control
 * characters, and are cut; everything else is refused when it is not what it must be.
 */
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { NightloadError } from '../../errors.js';
import { isObject } from '../../storage/locations.js';
import { objectOf } from '../../storage/objects/object-roots.js';
import { defined } from '../../domain/defined.js';
import type { Defined } from '../../domain/defined.js';
import { MAX_ROWS } from '../../domain/name-and-number-limits.js';
import { plainText, UNSEEN } from '../../domain/text/plain-text.js';
import { isText, wholeText } from '../../domain/text/shown.js';

/** Maximum length of a URI of a file. */
const MAX_URI = 4_000;
/** Shortly before the last moment that a date can express. */
const MAX_TIME = 8.6e15;
const MAX_PLACE = 120;

/** A text for people of at most `max` characters. */
export const line = (max: number) => z.string().transform((text) => plainText(wholeText(text, 2 * max), max));
/** A text that is used as it is: its form is known elsewhere. */
export const exact = (max: number) => z.string().refine((text) => text !== '' && isText(text, max), 'is not an id');
/** An id or a name of visible characters. */
export const name = (max: number) => exact(max).refine((text) => text.search(UNSEEN) === -1, 'is not a name');
export const count = z.int().min(0).max(MAX_ROWS);
/** A difference of counts. */
export const difference = z.int().min(-MAX_ROWS).max(MAX_ROWS);
/** An amount that may have a fraction, or be negative. */
export const figure = z.number().min(-Number.MAX_SAFE_INTEGER).max(Number.MAX_SAFE_INTEGER);
/** Milliseconds since 1970. */
export const moment = z.number().min(0).max(MAX_TIME);
export const fileUri = z.string().max(MAX_URI).refine(isFileUri, 'is not a file: or s3: URI');

/** A field that is left out when it is missing or unusable. */
export const ifGood = <T extends z.ZodType>(of: T) => of.optional().catch(undefined);
/** The usable entries of a list, at most `most`. */
export const goodOnes = <T>(read: (value: unknown) => T | undefined, most: number) =>
  z.array(z.unknown()).transform((values) => values.slice(0, most).flatMap((value) => read(value) ?? []));

function isFileUri(text: string): boolean {
  try {
    // With control characters it would be another file than the one that is shown.
    return (isObject(text) ? objectOf(text) : fileURLToPath(text)) !== '' && text.search(UNSEEN) === -1;
  } catch {
    return false;
  }
}

/** An object of these fields, without those that have no value. */
export const fields = <S extends z.ZodRawShape>(shape: S) => z.object(shape).transform(withoutNothing);

function withoutNothing<T extends object>(value: T): Defined<T> {
  return defined(value);
}

/** The value if it has the shape, otherwise undefined. */
export function readIf<T extends z.ZodType>(shape: T, value: unknown): z.output<T> | undefined {
  const found = shape.safeParse(value);
  return found.success ? found.data : undefined;
}

/**
 * @param what whose answer to what, for the message
 * @throws NightloadError `LOAD_UNREADABLE`
 */
export function readAnswer<T extends z.ZodType>(shape: T, value: unknown, what: string): z.output<T> {
  const found = shape.safeParse(value);
  if (found.success) return found.data;
  const place = plainText(found.error.issues[0]?.path.map(String).join('.') ?? '', MAX_PLACE);
  throw notReadable(what, place === '' ? 'it has another form' : `"${place}" is invalid`);
}

export function notReadable(what: string, why: string, cause?: unknown): NightloadError {
  return new NightloadError(
    'LOAD_UNREADABLE',
    `${what} is not what nightload's workflows return: ${why}. Another program, or another version of nightload, runs this workflow or has completed its steps: check its type and its worker in the Temporal UI.`,
    { cause },
  );
}
