/** Schemas of what a report says besides the result, and of the files in `index/`, which any program may have written. */
import { z } from 'zod';
import type { Cure, LoadFigures, PassFigures, RejectedCause, RuleChanges } from '../contract/load-figures.js';
import type { HistoryEntry } from '../contract/load-history.js';
import { LOAD_PHASES } from '../contract/load-phases.js';
import { LOAD_STATES } from '../contract/load-result.js';
import type { JobTimes } from '../contract/load-result.js';
import { LOAD_ID_PATTERN } from '../contract/names.js';
import { exactly } from './exactly.js';
import { operation } from './input/field-kinds.js';
import { ROW_FIX } from './input/fix-rules.js';
import { MAX_ROWS } from './name-and-number-limits.js';
import { isText, isWorkflowId } from './text/shown.js';

const MAX_NAME = 1_000;
const MAX_WORDS = 2_000;
const MAX_LISTED = 100;
/** `2026-11-30T02:28:00.000Z`: texts in the order of times. */
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

function text(most: number): z.ZodString {
  return z
    .string()
    .max(most)
    .refine((value) => isText(value, most));
}

const name = text(MAX_NAME);
const time = z.string().regex(TIME);
const count = z.int().min(0).max(MAX_ROWS);
const difference = z.int().min(-MAX_ROWS).max(MAX_ROWS);
const moment = z.number();
/** Half a year: no load may take longer. */
const seconds = z.number().min(0).max(16_000_000);

export const JOB_TIMES = exactly<JobTimes>()(
  z
    .object({
      asked: moment.exactOptional(),
      created: moment,
      closed: moment.exactOptional(),
      ended: moment.exactOptional(),
      counted: moment.exactOptional(),
    })
    .meta({ id: 'JobTimes' }),
);

const pass = exactly<PassFigures>()(
  z
    .object({ name, jobs: count, sent: count, succeeded: count, failed: count, unprocessed: count })
    .meta({ id: 'PassFigures' }),
);

const cure = exactly<Cure>()(
  z.object({ text: text(MAX_WORDS), rule: ROW_FIX.exactOptional(), rows: count }).meta({ id: 'Cure' }),
);

const cause = exactly<RejectedCause>()(
  z
    .object({ code: name, fields: z.array(name).max(MAX_LISTED), message: text(MAX_WORDS), rows: count, cure })
    .meta({ id: 'RejectedCause' }),
);

const ruleChanges = exactly<RuleChanges>()(z.object({ rule: name, values: count }).meta({ id: 'RuleChanges' }));

export const LOAD_FIGURES = exactly<LoadFigures>()(
  z
    .object({
      startedAt: time,
      endedAt: time,
      finishBy: time.exactOptional(),
      phases: z.array(z.object({ phase: z.enum(LOAD_PHASES).meta({ id: 'LoadPhase' }), at: time })).max(MAX_LISTED),
      pauses: z.array(z.object({ from: time, to: time })).max(MAX_LISTED),
      passes: z.array(pass).max(MAX_LISTED),
      sent: count,
      batches: count,
      locked: count,
      rejectedBy: z.array(cause).max(MAX_LISTED),
      rejectedOther: count,
      changedBy: z.array(ruleChanges).max(MAX_LISTED),
    })
    .meta({ id: 'LoadFigures' }),
);

const records = z.object({
  total: count,
  succeeded: count,
  rejected: count,
  unprocessed: count,
  // Negative when rows are in the result files twice.
  unaccounted: difference,
});

export const HISTORY_ENTRY = exactly<HistoryEntry>()(
  z.object({
    version: z.literal(1),
    loadId: z.string().regex(LOAD_ID_PATTERN),
    workflowId: z.string().refine(isWorkflowId),
    runId: z.string().max(64),
    run: z.string().regex(/^run-[A-Za-z0-9-]{1,8}$/),
    schedule: name.exactOptional(),
    connection: text(255),
    object: text(255),
    operation,
    state: z.enum(LOAD_STATES),
    startedAt: time,
    endedAt: time,
    records,
    retry: z.object({ rounds: count, recovered: count }),
    seconds: z.object({ planning: seconds, loading: seconds, retrying: seconds, reporting: seconds }).exactOptional(),
    finishBy: time.exactOptional(),
    sent: count,
    locked: count,
    jobs: count,
    batches: count,
    apiRequests: count,
    error: text(200).exactOptional(),
  }),
);
