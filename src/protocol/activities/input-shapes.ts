/**
 * Building blocks of the data between workflows and activities, with their limits. Anyone who may start workflows may
 * also call activities with anything: data that does not match these shapes is refused before a step begins.
 */
import { z } from 'zod';
import { LOAD_PHASES } from '../../contract/load-phases.js';
import { OPERATIONS } from '../../contract/names.js';
import { MAX_TIMES } from './report-types.js';
import { isText, isWorkflowId, MAX_TEXT } from '../../domain/text/shown.js';
import {
  API_NAME,
  API_VERSION,
  DELIMITERS,
  MAX_COLUMNS,
  MAX_NAME,
  MAX_PARTS,
  MAX_TABLES,
  PLATFORM_ID,
} from '../../domain/name-and-number-limits.js';

const MAX_URI = 4_000;
/** Bytes, rows, milliseconds: whole numbers that a double represents exactly. */
const MAX_NUMBER = Number.MAX_SAFE_INTEGER;
const MAX_TIME = 8e15;

export const text = (most = MAX_TEXT) =>
  z
    .string()
    .max(most)
    .refine((value) => isText(value, most), 'must be well-formed text');
export const name = z.string().min(1).max(MAX_NAME);
export const apiName = z.string().regex(API_NAME, 'must be an API name');
export const apiVersion = z.string().regex(API_VERSION, 'must be a version such as v66.0');
/** Id of a job or a user: 15 characters, or 18 with checksum. */
export const salesforceId = z.string().regex(PLATFORM_ID, 'must be a Salesforce id');
export const workflowId = z.string().refine(isWorkflowId, 'must be a workflow id');
/** Enough for a folder name, and never a path. */
export const runId = z.string().regex(/^[A-Za-z0-9-]{1,64}$/, 'must be a run id');
export const uri = z
  .string()
  .max(MAX_URI)
  .regex(/^(?:file|s3):\/\/\S*$/, 'must be a file: or s3: URI');
export const count = z.number().int().min(0).max(MAX_NUMBER);
export const part = z.number().int().min(1).max(MAX_PARTS);
/** Milliseconds since 1970, within what a date can be, with room for margins. */
export const time = z.number().min(-MAX_TIME).max(MAX_TIME);
export const operation = z.enum(OPERATIONS);
export const lineEnding = z.enum(['LF', 'CRLF']);
export const columnDelimiter = z.enum(['COMMA', 'SEMICOLON', 'TAB', 'PIPE', 'CARET', 'BACKQUOTE']);
export const delimiter = z.enum(DELIMITERS);
export const list = <T extends z.ZodType>(of: T, most: number) => z.array(of).max(most);
export const uris = list(uri, MAX_PARTS);
export const jobIds = list(salesforceId, 1_000);

export const table = z
  .record(z.string().max(MAX_TABLES), z.string().max(MAX_TABLES))
  .refine((entries) => Object.keys(entries).length <= MAX_COLUMNS, `must have at most ${MAX_COLUMNS} entries`);

export const org = { connection: name, apiVersion };

export const lostCreate = z.object({ from: time, to: time, creates: count.exactOptional() });

export const partGroup = z.object({
  operation,
  externalIdFieldName: apiName.exactOptional(),
  firstPart: count,
  lastPart: count,
});

export const partSizes = z.object({ from: count, records: list(count, 500) });

export const stage = z.object({
  uri,
  groups: list(partGroup, MAX_PARTS),
  parts: z.number().int().min(0).max(MAX_PARTS),
  sizes: partSizes,
  records: count,
  columnDelimiter,
  lineEnding,
  key: text().exactOptional(),
});

export const resultCounts = z.object({
  succeeded: count,
  failed: count,
  failedForGood: count,
  unprocessed: count,
  locked: count.exactOptional(),
  stop: text(10_000).exactOptional(),
});

export const outcome = z.object({
  part,
  kind: z.enum(['loaded', 'notStarted', 'lost']),
  counts: resultCounts,
  missing: z.number().int().min(-MAX_NUMBER).max(MAX_NUMBER),
});

const jobTimes = z.object({
  asked: time.exactOptional(),
  created: time,
  closed: time.exactOptional(),
  ended: time.exactOptional(),
  counted: time.exactOptional(),
});

export const jobSummary = z.object({
  id: salesforceId,
  operation,
  state: text(100),
  records: count,
  failed: count,
  polls: count,
  times: jobTimes.exactOptional(),
});

/** Of a load whose input was refused, the source may be anything. */
export const reportFacts = z.object({
  source: text(MAX_URI),
  externalIdFieldName: text().exactOptional(),
  connection: text(),
  startedAt: time,
  endedAt: time,
  finishBy: time.exactOptional(),
  timeline: z.object({
    phases: list(z.object({ phase: z.enum(LOAD_PHASES), at: time }), MAX_TIMES),
    pauses: list(z.object({ from: time, to: time }), MAX_TIMES),
  }),
});

/** A workflow carries a few hundred; the rest is in files. */
const MAX_CARRIED = 5_000;

export const ended = {
  noted: z.number().int().min(0).max(100_000),
  outcomes: list(outcome, MAX_CARRIED),
  jobs: list(jobSummary, MAX_CARRIED),
};

const endedStage = z.object({ ...ended, uri, alreadyDone: uri.exactOptional() });
export const endedStages = list(endedStage, 10_000);

export const fixes = list(
  z.object({
    code: text(),
    field: text().exactOptional(),
    do: z.enum(['truncate', 'blank', 'replace']),
    values: table.exactOptional(),
  }),
  100,
);
