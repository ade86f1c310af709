/** What is believed of a plan.json and of the other notes beside it: nothing that has not the form that was written. */
import { API_VERSION } from '../domain/forms.js';
import { z } from 'zod';
import { OPERATIONS } from '../contract.js';
import { DELIMITER_NAMES } from '../csv/dialect.js';
import type { Delimiter } from '../csv/dialect.js';
import type { StagePlan } from './stage.js';
import type { EndedParts } from './types.js';

/** So many parts, columns or jobs no load has. */
const MOST = 1_000_000;
const LONGEST_NAME = 2_000;
const LONGEST_PATH = 4_096;
const LONGEST_TEXT = 20_000;

const count = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
const name = z.string().max(LONGEST_NAME);
const path = z.string().max(LONGEST_PATH).startsWith('/');
const operation = z.enum(OPERATIONS);
const delimiter = z.enum(Object.keys(DELIMITER_NAMES) as [Delimiter, ...Delimiter[]]);
const fingerprint = z.object({ size: count, modifiedMs: z.number() });

const original = z.object({
  path,
  fingerprint,
  delimiter,
  dataStart: count,
  columns: z.array(z.object({ index: count, name })).max(MOST),
});

export const PLAN = z.object({
  rows: path,
  fingerprint,
  delimiter,
  lineEnding: z.enum(['LF', 'CRLF']),
  names: z.array(name).max(MOST),
  parts: z.array(z.object({ start: count, end: count, records: count, crc: count })).max(MOST),
  groups: z
    .array(z.object({ operation, externalIdFieldName: name.exactOptional(), firstPart: count, lastPart: count }))
    .max(MOST),
  key: z
    .object({ column: name, type: name.exactOptional(), caseSensitive: z.boolean().exactOptional() })
    .exactOptional(),
  parent: name.exactOptional(),
  lengths: z.record(name, count).exactOptional(),
  original: original.exactOptional(),
  kept: original.exactOptional(),
  source: fingerprint.exactOptional(),
  apiVersion: z.string().regex(API_VERSION).exactOptional(),
  object: name.exactOptional(),
  warnings: z.array(z.string().max(LONGEST_TEXT)).max(MOST).exactOptional(),
  rejected: z.object({ uri: z.string().max(3 * LONGEST_PATH), rows: count }).exactOptional(),
  // A field that is not named here would be lost.
} satisfies Record<keyof StagePlan, z.ZodType>);

const counts = z.object({
  succeeded: count,
  failed: count,
  failedForGood: count,
  unprocessed: count,
  stop: z.string().max(LONGEST_TEXT).exactOptional(),
});

/** A file with the ends of parts. */
export const ENDED = z.object({
  outcomes: z
    .array(
      z.object({
        part: count,
        kind: z.enum(['loaded', 'notStarted', 'lost']),
        counts,
        // More rows than were sent make it less than none.
        missing: z.number().int(),
      }),
    )
    .max(MOST),
  jobs: z
    .array(
      z.object({
        id: z.string().max(100),
        operation,
        state: z.string().max(100),
        records: count,
        failed: count,
        polls: count,
      }),
    )
    .max(MOST),
} satisfies Record<Exclude<keyof EndedParts, 'noted'>, z.ZodType>);
