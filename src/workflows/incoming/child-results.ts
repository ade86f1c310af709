/**
 * Results of children. They arrive through Temporal: an activity that describes a child may have been completed by
 * another client, and a workflow under a child's id may be another one.
 */
import { z } from 'zod';
import { MAX_LISTED_FILES, MAX_LISTED_JOBS } from '../../contract/load-result.js';
import * as shape from '../../protocol/activities/input-shapes.js';
import type { IngestJobResult } from '../job/job-state.js';
import type { RetryResult } from '../retry/retry-state.js';

/** Sums of differences may be negative. */
const sum = z.number().int().min(-Number.MAX_SAFE_INTEGER).max(Number.MAX_SAFE_INTEGER);
const warnings = shape.list(shape.text(2_000), 100).exactOptional();
/** Messages of failures may list titles. */
const error = z
  .object({ code: shape.text(200), message: shape.text(30_000), detail: shape.text(30_000).exactOptional() })
  .exactOptional();
/** What a child knows about the jobs of the load. */
const evidence = {
  lost: z.object({
    creates: shape.list(shape.lostCreate, 200),
    createdById: shape.salesforceId.exactOptional(),
  }),
  jobsKnownUntil: shape.time.exactOptional(),
  timeGapAt: shape.time.exactOptional(),
};

/** Results of all parts together must fit into what a load carries. */
const MAX_SIZE = 250_000;

const JOB_RESULT: z.ZodType<IngestJobResult> = z.object({
  ...evidence,
  outcome: shape.outcome,
  jobs: shape.list(shape.jobSummary, 1_000),
  apiRequests: sum,
  filesAgree: z.boolean(),
  canceled: z.boolean(),
  error,
  failedWhole: error,
  warnings,
});

const tally = z.object({
  total: sum,
  seen: sum,
  succeeded: sum,
  failed: sum,
  failedForGood: sum,
  unprocessed: sum,
  rejected: sum,
  recovered: sum,
  rerendered: sum,
  rounds: sum,
  disagreeing: sum,
  jobs: shape.list(shape.jobSummary, MAX_LISTED_JOBS),
  jobsTotal: sum,
  apiRequests: sum,
});

const RETRY_RESULT: z.ZodType<RetryResult> = z.object({
  ...evidence,
  tally,
  files: z.object({
    succeeded: shape.list(shape.uri, MAX_LISTED_FILES),
    rejected: shape.uris,
    unprocessed: shape.uris,
    changes: shape.uris,
  }),
  ended: shape.endedStages,
  alreadyDone: shape.uri.exactOptional(),
  canceled: z.boolean(),
  error,
  warnings,
});

/** Undefined for anything else. */
export const readJobResult = (value: unknown): IngestJobResult | undefined => read(JOB_RESULT, value);
export const readRetryResult = (value: unknown): RetryResult | undefined => read(RETRY_RESULT, value);

function read<R>(schema: z.ZodType<R>, value: unknown): R | undefined {
  const { data } = schema.safeParse(value);
  return data !== undefined && JSON.stringify(data).length <= MAX_SIZE ? data : undefined;
}
