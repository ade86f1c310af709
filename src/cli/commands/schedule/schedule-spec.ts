/**
 * Turns the options of `nightload schedule create` into a Temporal Schedule. Pure except for relative paths, which are
 * resolved by the CLI.
 */
import type { ScheduleOptions as TemporalSchedule } from '@temporalio/client';
import { LOAD_ID_PATTERN } from '../../../contract/names.js';
import type { BulkLoadInput } from '../../../contract/load-input.js';
import type { Operation } from '../../../contract/names.js';
import { workflowIdOf } from '../../../domain/load-ids.js';
import { NightloadError } from '../../../errors.js';
import { resolveInput } from '../../../domain/input/resolve-input.js';
import { duration } from '../../../domain/input/fields.js';
import { isHour } from '../../../domain/input/finish-by.js';
import { workflowOf } from '../../../client/start-load.js';
import { shown } from '../../../domain/text/shown.js';
import { checkCron } from './cron.js';
import { toInput } from '../../shared/input/load-input.js';
import type { ScheduleOptions } from './options.js';
import { defined } from '../../../domain/defined.js';

/** Memo key of a schedule with what lists show about it. */
export const SCHEDULE_MEMO = 'nightloadSchedule';

export interface ScheduleMemo {
  cron: string[];
  timeZone: string;
  source: string;
  object: string;
  operation: Operation;
  connection: string;
}

/** Temporal appends the time to the id of each load, which counts toward a load id's maximum length. */
const MAX_ID = 150;
const MIN_CATCH_UP_MS = 10_000;

/**
 * The input of every load of the schedule.
 * @throws NightloadError `INVALID_INPUT`
 */
function scheduledInput(options: ScheduleOptions): BulkLoadInput {
  const { source, ...rest } = toInput(options.source, options);
  return {
    // In file names braces are escaped; here they belong to dates.
    source: source.replaceAll(/%7B(date(?::[\w.-]*)?)%7D/giu, '{$1}'),
    ...rest,
    timeZone: options.timeZone,
    ...defined({ waitForSource: options.waitForSource }),
  };
}

/** @throws NightloadError `INVALID_INPUT`, `INVALID_SCHEDULE` */
export function schedulePlan(id: string, options: ScheduleOptions, taskQueue: string): TemporalSchedule {
  if (!LOAD_ID_PATTERN.test(id) || id.length > MAX_ID) {
    throw new NightloadError(
      'INVALID_INPUT',
      `"${id}" is not a valid schedule id: use 1 to ${MAX_ID} of A-Z a-z 0-9 . _ -`,
    );
  }
  options.cron.forEach(checkCron);
  const catchUp = duration(options.catchUp, 'catch-up', { least: MIN_CATCH_UP_MS });
  const jitter = options.jitter === undefined ? undefined : duration(options.jitter, 'jitter');
  const input = scheduledInput(options);
  const braces = /%7B(?:(?!%7B)[^/])*?%7D/iu.exec(input.source)?.[0];
  if (braces !== undefined) {
    throw new NightloadError(
      'INVALID_INPUT',
      `"source" has ${shown(decoded(braces))}, which is not a placeholder: use {date} or {date:yyyyMMdd}.`,
    );
  }
  resolveInput({ ...input, loadId: 'not-known-yet' }, '');
  if (input.finishBy !== undefined && !isHour(input.finishBy)) {
    throw new NightloadError(
      'INVALID_INPUT',
      `"finishBy" is ${shown(input.finishBy)}, one moment; the loads of a schedule need an hour such as 06:00.`,
    );
  }
  const { object, operation, source, connection = 'default' } = input;
  const memo: ScheduleMemo = { cron: options.cron, timeZone: options.timeZone, source, object, operation, connection };
  return {
    scheduleId: id,
    spec: { cronExpressions: options.cron, timezone: options.timeZone, ...defined({ jitter }) },
    // No `retry`: a load itself retries what may be retried, and combined with it the overlap policy can block forever.
    action: {
      type: 'startWorkflow',
      workflowType: 'bulkLoad',
      workflowId: workflowIdOf(id),
      taskQueue,
      ...workflowOf(input),
    },
    policies: { overlap: 'SKIP', catchupWindow: catchUp, pauseOnFailure: false },
    memo: { [SCHEDULE_MEMO]: memo },
    state: { paused: options.paused ?? false, ...defined({ note: options.note }) },
  };
}

/** As the person typed it, if it can be decoded. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
