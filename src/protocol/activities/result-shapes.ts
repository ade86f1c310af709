/** Building blocks of the results of activities, with their limits. */
import { z } from 'zod';
import { LOAD_ID_PATTERN, SEARCH_ATTRIBUTES } from '../../contract/names.js';
import type { SearchAttributeName } from '../../contract/names.js';
import { ANY_WORKER, isFilesQueue, MAX_FILES_QUEUE_BYTES } from '../../domain/file-groups.js';
import { MAX_COLUMNS, MAX_NAME, MAX_REQUESTS, MAX_ROWS } from '../../domain/name-and-number-limits.js';
import { MAX_FIGURE } from '../../domain/platform/org-limit.js';
import { bytesOf, isTaskQueue } from '../../domain/text/shown.js';
import * as shape from './input-shapes.js';
import { MAX_LISTED_RUNS, MAX_SCHEDULE_ID } from './schedule-types.js';

export const rows = z.number().int().min(0).max(MAX_ROWS);
const requestCount = z.number().int().min(0).max(MAX_REQUESTS);
const requests = z.object({ total: requestCount, info: requestCount });
/** Texts for people: a finding may list titles. */
const LONG = 20_000;
export const longText = shape.text(LONG);
/** URIs of our own files are percent-encoded. */
export const ownUri = shape.uri.regex(/^[!-~]*$/, 'must be percent-encoded');
/** Of the workers that share a folder. */
export const queue = z
  .string()
  .refine(
    (name) => isTaskQueue(name) && isFilesQueue(name) && bytesOf(name) <= MAX_FILES_QUEUE_BYTES,
    'must be a queue of workers that share files',
  );
export const queueOrAny = z.literal(ANY_WORKER).or(queue);
/** Of jobs of one search; see `orphan-types.ts`. */
export const someJobs = shape.list(shape.salesforceId, 200);

export const counted = <T extends z.ZodType>(value: T) =>
  z.object({
    value,
    requests,
    warnings: shape.list(shape.text(), 20).exactOptional(),
    late: z.boolean().exactOptional(),
  });

export const stage = shape.stage
  .extend({ groups: shape.list(shape.partGroup, 10), records: rows })
  .refine(
    ({ groups, parts }) => groups.reduce((sum, one) => sum + one.lastPart - one.firstPart + 1, 0) === parts,
    'must have each part in one group',
  );

export const jobStatus = counted(
  z.object({
    id: shape.salesforceId,
    state: shape.text(100),
    processed: rows,
    failed: rows,
    errorMessage: shape.text(2_000).exactOptional(),
    apiUsed: z.number().min(0).max(100).exactOptional(),
  }),
);

const figure = z.number().min(-MAX_FIGURE).max(MAX_FIGURE);
export const orgLimit = z.object({ max: figure, remaining: figure });

/** The answer of a ledger to a request: the activity that asks reads the ledger's own with it too. */
export const LEDGER_ANSWER = z.discriminatedUnion('status', [
  z.object({ status: z.literal('granted'), warning: shape.text().exactOptional() }),
  z.object({ status: z.literal('waiting'), reason: shape.text(2_000), at: shape.time.exactOptional() }),
  z.object({ status: z.enum(['ended', 'unknown']) }),
]);

export const allocation = z.object({
  recordsPerWindow: figure,
  batchesPerWindow: figure,
  windowMs: figure,
  reservedRecords: figure,
  maxJobs: figure,
});

const finding = z.object({
  code: shape.text(100),
  message: longText,
  column: shape.text(LONG).exactOptional(),
  position: rows.exactOptional(),
});
/** More than one for each column of a file. */
const findings = shape.list(finding, 2 * MAX_COLUMNS);

export const checkReport = z.object({
  ok: z.boolean(),
  source: shape.text(),
  object: shape.text(),
  operation: shape.operation,
  errors: findings,
  warnings: findings,
  found: z
    .object({
      encoding: shape.text(100),
      byteOrderMark: z.boolean(),
      gzip: z.boolean(),
      delimiter: shape.text(10),
      lineEnding: shape.text(10),
      columns: rows,
      rewritten: longText.exactOptional(),
    })
    .exactOptional(),
  records: rows.exactOptional(),
  parts: rows.exactOptional(),
  forecast: z
    .object({
      batches: rows,
      apiRequests: rows,
      remaining: z.object({ apiRequests: figure.exactOptional(), batches: figure.exactOptional() }).exactOptional(),
    })
    .exactOptional(),
  rows: z
    .object({
      bad: rows,
      byCode: z.record(shape.text(100), rows),
      findings: shape.list(
        z.object({
          row: rows,
          code: shape.text(100),
          column: shape.text(LONG).exactOptional(),
          message: longText,
        }),
        1_000,
      ),
      file: ownUri.exactOptional(),
    })
    .exactOptional(),
  details: ownUri.exactOptional(),
});

export const forPeople = z.object({
  rejected: ownUri.exactOptional(),
  unprocessed: ownUri.exactOptional(),
  changes: ownUri.exactOptional(),
});

export const loadError = z.object({
  code: shape.text(100),
  message: longText,
  detail: longText.exactOptional(),
});

/** Fields of jobs that other programs created may be empty. */
export const openJob = z.object({
  id: shape.salesforceId,
  object: shape.text(MAX_NAME),
  operation: shape.text(100),
  createdById: shape.text(100),
  createdDate: shape.text(100),
  ours: z.boolean(),
});

/** Of logarithms. */
export const spread = z.object({ mean: z.number().min(-50).max(50), sd: z.number().min(0).max(50) });
/** Retries may take longer than the first pass. */
export const share = z.number().min(0).max(1_000);

export const loadId = z.string().regex(LOAD_ID_PATTERN, 'must be a load id');

export const searchAttribute = z.enum(Object.keys(SEARCH_ATTRIBUTES) as [SearchAttributeName]);

const dueTimes = shape.list(shape.time, MAX_LISTED_RUNS);
export const seenSchedule = z.object({
  id: shape.text(MAX_SCHEDULE_ID).min(1),
  changedAt: shape.time,
  paused: z.boolean(),
  next: dueTimes,
  started: dueTimes,
  skipped: shape.count,
  missed: shape.count,
  workflowId: shape.text(),
  connection: shape.text(MAX_NAME),
  object: shape.text(MAX_NAME),
  operation: shape.text(MAX_NAME),
  timeZone: shape.text(100).exactOptional(),
});
