/** Validates plan.json and the notes next to it: anything that does not match the written format is refused. */
import { API_VERSION } from '../../domain/name-and-number-limits.js';
import { z } from 'zod';
import { OPERATIONS } from '../../contract/names.js';
import { DELIMITER_NAMES } from '../../csv/dialect.js';
import type { Delimiter } from '../../csv/dialect.js';
import type { StagePlan } from './stage-plan-types.js';
import type { EndedParts } from '../../protocol/activities/ended-parts.js';

/** Upper bound for parts, columns and jobs. */
const MAX_COUNT = 1_000_000;
const MAX_NAME = 2_000;
const MAX_PATH = 4_096;
const MAX_TEXT = 20_000;

const count = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
const name = z.string().max(MAX_NAME);
const path = z
  .string()
  .max(MAX_PATH)
  .regex(/^(?:\/|s3:\/\/)/);
const operation = z.enum(OPERATIONS);
const delimiter = z.enum(Object.keys(DELIMITER_NAMES) as [Delimiter, ...Delimiter[]]);
const fingerprint = z.object({ size: count, modifiedMs: z.number(), etag: z.string().max(MAX_NAME).exactOptional() });

const original = z.object({
  path,
  fingerprint,
  delimiter,
  dataStart: count,
  columns: z.array(z.object({ index: count, name })).max(MAX_COUNT),
});

export const PLAN = z.object({
  rows: path,
  fingerprint,
  delimiter,
  lineEnding: z.enum(['LF', 'CRLF']),
  names: z.array(name).max(MAX_COUNT),
  parts: z.array(z.object({ start: count, end: count, records: count, crc: count })).max(MAX_COUNT),
  groups: z
    .array(z.object({ operation, externalIdFieldName: name.exactOptional(), firstPart: count, lastPart: count }))
    .max(MAX_COUNT),
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
  warnings: z.array(z.string().max(MAX_TEXT)).max(MAX_COUNT).exactOptional(),
  rejected: z.object({ uri: z.string().max(3 * MAX_PATH), rows: count }).exactOptional(),
  sources: z
    .array(z.object({ uri: z.string().max(3 * MAX_PATH), rows: count }))
    .max(MAX_COUNT)
    .exactOptional(),
  // A field that is not listed here would be lost.
} satisfies Record<keyof StagePlan, z.ZodType>);

const counts = z.object({
  succeeded: count,
  failed: count,
  failedForGood: count,
  unprocessed: count,
  locked: count.exactOptional(),
  stop: z.string().max(MAX_TEXT).exactOptional(),
});

const moment = z.number();
const times = z.object({
  asked: moment.exactOptional(),
  created: moment,
  closed: moment.exactOptional(),
  ended: moment.exactOptional(),
  counted: moment.exactOptional(),
});

/** A file with the outcomes of parts. */
export const ENDED = z.object({
  outcomes: z
    .array(
      z.object({
        part: count,
        kind: z.enum(['loaded', 'notStarted', 'lost']),
        counts,
        // Negative if there are more rows than were sent.
        missing: z.number().int(),
      }),
    )
    .max(MAX_COUNT),
  jobs: z
    .array(
      z.object({
        id: z.string().max(100),
        operation,
        state: z.string().max(100),
        records: count,
        failed: count,
        polls: count,
        times: times.exactOptional(),
      }),
    )
    .max(MAX_COUNT),
} satisfies Record<Exclude<keyof EndedParts, 'noted'>, z.ZodType>);
