/** The result of a load: what an ended load left in its memo, or what its workflow returned. */
import { z } from 'zod';
import { LOAD_STATES } from '../../contract/load-result.js';
import { LOAD_ID_PATTERN, OPERATIONS } from '../../contract/names.js';
import type { Operation } from '../../contract/names.js';
import type { BulkLoadResult, LoadState, RecordCounts } from '../../contract/load-result.js';
import {
  count,
  difference,
  exact,
  fields,
  fileUri,
  ifGood,
  line,
  moment,
  name,
  notReadable,
  readAnswer,
  readIf,
} from './shapes.js';

const MAX_LIST = 1_000;
const MAX_WORDS = 20_000;
const MAX_NAME = 1_000;
const MAX_CODE = 300;

export const loadId = z.string().regex(LOAD_ID_PATTERN);
export const operation = z.enum(OPERATIONS);
const state = z.enum(LOAD_STATES);
const list = <T extends z.ZodType>(of: T) => z.array(of).max(MAX_LIST);

export const recordCounts = z.object({
  total: count,
  succeeded: count,
  rejected: count,
  unprocessed: count,
  // Negative when rows are in the result files twice.
  unaccounted: difference,
});

export const retryCounts = z.object({ rounds: count, recovered: count, rerendered: count });

export const jobs = list(
  fields({
    id: name(MAX_CODE),
    operation,
    state: line(MAX_CODE),
    records: count,
    failed: count,
    polls: count,
    times: fields({
      asked: ifGood(moment),
      created: moment,
      closed: ifGood(moment),
      ended: ifGood(moment),
      counted: ifGood(moment),
    })
      .optional()
      .catch(undefined),
  }),
);

export const files = fields({
  succeeded: list(fileUri),
  rejected: fileUri.optional(),
  unprocessed: fileUri.optional(),
  kept: fileUri.optional(),
  changes: fileUri.optional(),
  forPeople: fields({
    rejected: fileUri.optional(),
    unprocessed: fileUri.optional(),
    changes: fileUri.optional(),
  }).optional(),
  report: fileUri.optional(),
  reportHtml: fileUri.optional(),
});

export const warnings = list(line(MAX_WORDS));

const result = fields({
  loadId,
  workflowId: exact(MAX_NAME),
  runId: name(MAX_NAME),
  state,
  // Of a load whose input was refused: what its starter wrote.
  object: line(MAX_NAME),
  operation: line(MAX_NAME).transform((text) => text as Operation),
  records: recordCounts,
  balanced: z.boolean(),
  retry: retryCounts,
  jobs: jobs.optional(),
  jobsTotal: count,
  apiRequests: count,
  files,
  warnings: warnings.optional(),
  openJobs: list(name(MAX_CODE)).optional(),
  error: z.object({ code: name(MAX_CODE), message: line(MAX_WORDS) }).optional(),
});

/** The fields of a result that a list can show. */
export interface PartOfResult {
  loadId?: string;
  state?: LoadState;
  records: Partial<RecordCounts>;
}

const partOfResult = fields({
  loadId: ifGood(loadId),
  state: ifGood(state),
  records: fields({
    total: ifGood(count),
    succeeded: ifGood(count),
    rejected: ifGood(count),
    unprocessed: ifGood(count),
    unaccounted: ifGood(difference),
  }).catch({}),
});

export function readPartOfResult(value: unknown): PartOfResult {
  return readIf(partOfResult, value) ?? { records: {} };
}

/**
 * Undefined when it is not the complete result of this workflow. A workflow that names another one's files must not
 * lead a command to them.
 */
export function readResult(workflowId: string, value: unknown): BulkLoadResult | undefined {
  const found = readIf(result, value);
  return found?.workflowId === workflowId ? found : undefined;
}

/** @throws NightloadError `LOAD_UNREADABLE` */
export function resultOf(workflowId: string, value: unknown): BulkLoadResult {
  const what = `The result of ${workflowId}`;
  const found = readAnswer(result, value, what);
  if (found.workflowId !== workflowId) throw notReadable(what, 'it is that of another workflow');
  return found;
}
