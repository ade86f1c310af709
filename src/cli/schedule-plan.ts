/** From the words of `nightload schedule create` to a Temporal Schedule. Pure but for relative paths, which are the CLI's. */
import type { ScheduleOptions as TemporalSchedule } from '@temporalio/client';
import { LOAD_ID_PATTERN } from '../contract.js';
import type { BulkLoadInput, Operation } from '../contract.js';
import { workflowIdOf } from '../domain/load-ids.js';
import { NightloadError } from '../errors.js';
import { resolveInput } from '../workflows/input.js';
import { duration } from '../workflows/input-fields.js';
import { loadIntroduction, loadSummary } from '../workflows/words.js';
import { checkCron } from './cron.js';
import { toInput } from './load-options.js';
import type { ScheduleOptions } from './schedule-options.js';

/** Memo key of a schedule under which lists find what it does. */
export const SCHEDULE_MEMO = 'nightloadSchedule';

export interface ScheduleMemo {
  cron: string[];
  timeZone: string;
  source: string;
  object: string;
  operation: Operation;
  connection: string;
}

/** Temporal puts the time behind the id of each load, which is part of what a load id may have. */
const LONGEST_ID = 150;
const LEAST_CATCH_UP_MS = 10_000;

/**
 * The input of every load of the schedule.
 * @throws NightloadError `INVALID_INPUT`, and what reading a mapping file throws
 */
export function scheduledInput(options: ScheduleOptions): BulkLoadInput {
  const { source, ...rest } = toInput(options.source, options);
  return {
    // In the name of a file braces are escaped; here those of dates are meant.
    source: source.replaceAll(/%7B(date(?::[\w.-]*)?)%7D/giu, '{$1}'),
    ...rest,
    timeZone: options.timeZone,
    ...(options.waitForSource !== undefined && { waitForSource: options.waitForSource }),
  };
}

/** @throws NightloadError `INVALID_INPUT`, `INVALID_SCHEDULE` */
export function schedulePlan(id: string, options: ScheduleOptions, taskQueue: string): TemporalSchedule {
  if (!LOAD_ID_PATTERN.test(id) || id.length > LONGEST_ID) {
    throw new NightloadError(
      'INVALID_INPUT',
      `"${id}" is no id for a schedule: use 1 to ${LONGEST_ID} of A-Z a-z 0-9 . _ -`,
    );
  }
  options.cron.forEach(checkCron);
  const catchUp = duration(options.catchUp, 'catch-up', LEAST_CATCH_UP_MS);
  const jitter = options.jitter === undefined ? undefined : duration(options.jitter, 'jitter');
  const input = scheduledInput(options);
  const braces = /%7B(?:(?!%7B)[^/])*?%7D/iu.exec(input.source)?.[0];
  if (braces !== undefined) {
    throw new NightloadError(
      'INVALID_INPUT',
      `"source" has ${decodeURIComponent(braces)}, which stands for nothing: write {date}, or {date:yyyyMMdd}.`,
    );
  }
  resolveInput({ ...input, loadId: 'not-known-yet' }, '');
  const { object, operation, source, connection = 'default' } = input;
  const memo: ScheduleMemo = { cron: options.cron, timeZone: options.timeZone, source, object, operation, connection };
  return {
    scheduleId: id,
    spec: { cronExpressions: options.cron, timezone: options.timeZone, ...(jitter !== undefined && { jitter }) },
    // No `retry`: a load retries by itself what may be retried, and with it the overlap policy can block for ever.
    action: {
      type: 'startWorkflow',
      workflowType: 'bulkLoad',
      workflowId: workflowIdOf(id),
      taskQueue,
      args: [input],
      staticSummary: loadSummary(input),
      staticDetails: loadIntroduction(input),
    },
    policies: { overlap: 'SKIP', catchupWindow: catchUp, pauseOnFailure: false },
    memo: { [SCHEDULE_MEMO]: memo },
    state: { paused: options.paused ?? false, ...(options.note !== undefined && { note: options.note }) },
  };
}
