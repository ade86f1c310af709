/**
 * The schema of a load's result, wherever it is read: a memo and a report may come from anyone. The published JSON
 * Schema is made from it. Fields that a later version adds are no error.
 */
import { z } from 'zod';
import { LOAD_ID_PATTERN } from '../contract/names.js';
import type { BulkLoadResult, JobSummary, LoadError, PlatformDetail, RecordCounts } from '../contract/load-result.js';
import { LOAD_STATES } from '../contract/load-result.js';
import { JOB_TIMES, LOAD_FIGURES } from './figures-schema.js';
import { operation } from './input/field-kinds.js';
import { isText, MAX_TEXT } from './text/shown.js';
import { exactly } from './exactly.js';

const MAX_URI = 4_000;
const MAX_WORDS = 20_000;

function text(most: number): z.ZodString {
  return z
    .string()
    .max(most)
    .refine((value) => isText(value, most));
}

const name = text(MAX_TEXT);
const words = text(MAX_WORDS);
const uri = text(MAX_URI);
const count = z.int();

const records = exactly<RecordCounts>()(
  z
    .object({ total: count, succeeded: count, rejected: count, unprocessed: count, unaccounted: count })
    .meta({ id: 'RecordCounts' }),
);

const job = exactly<JobSummary>()(
  z
    .object({
      id: name,
      operation,
      state: name,
      records: count,
      failed: count,
      polls: count,
      times: JOB_TIMES.exactOptional(),
    })
    .meta({ id: 'JobSummary' }),
);

const loadError = exactly<LoadError>()(
  z.object({ code: name, message: words, detail: words.exactOptional() }).meta({ id: 'LoadError' }),
);

const detail = exactly<PlatformDetail>()(
  z
    .object({
      code: name,
      text: words,
      at: name,
      request: words.exactOptional(),
      job: name.exactOptional(),
    })
    .meta({ id: 'PlatformDetail' }),
);

export const LOAD_RESULT = exactly<BulkLoadResult>()(
  z.object({
    loadId: z.string().regex(LOAD_ID_PATTERN),
    workflowId: name,
    runId: name,
    state: z.enum(LOAD_STATES).meta({ id: 'LoadState' }),
    object: name,
    operation,
    records,
    balanced: z.boolean(),
    retry: z.object({ rounds: count, recovered: count, rerendered: count }),
    jobs: z.array(job).exactOptional(),
    jobsTotal: count,
    sources: z.array(z.object({ uri, rows: count })).exactOptional(),
    apiRequests: count,
    files: z.object({
      succeeded: z.array(uri),
      rejected: uri.exactOptional(),
      unprocessed: uri.exactOptional(),
      kept: uri.exactOptional(),
      changes: uri.exactOptional(),
      forPeople: z
        .object({
          rejected: uri.exactOptional(),
          unprocessed: uri.exactOptional(),
          changes: uri.exactOptional(),
        })
        .exactOptional(),
      report: uri.exactOptional(),
      reportHtml: uri.exactOptional(),
    }),
    warnings: z.array(words).exactOptional(),
    openJobs: z.array(words).exactOptional(),
    error: loadError.exactOptional(),
    details: z.array(detail).exactOptional(),
    figures: LOAD_FIGURES.exactOptional(),
  }),
);
