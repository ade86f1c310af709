/** Schedules for people and for programs: what `nightload schedule list` and `describe` show. */
import type { ScheduleDescription, ScheduleExecutionResult, ScheduleSummary } from '@temporalio/client';
import { loadIdOf } from '../domain/load-ids.js';
import { unreadable } from '../codec/read-payloads.js';
import type { BulkLoadInput, BulkLoadResult, LoadError } from '../contract.js';
import { clockTime } from '../workflows/source-date.js';
import { nameOf, time } from '../workflows/words.js';
import { bothDaysText } from './cron.js';
import { SCHEDULE_MEMO } from './schedule-plan.js';
import type { ScheduleMemo } from './schedule-plan.js';

/** How a load of the schedule ended, or that it runs. */
export interface ScheduledLoad {
  workflowId: string;
  loadId: string;
  /** As ISO 8601. */
  scheduledAt: string;
  /** A state of `nightload status`, or Temporal's name of how it closed when it left no result. */
  state: string;
  records?: BulkLoadResult['records'];
}

/** One line of `schedule list`, and its JSON. */
export interface ListedSchedule extends Partial<ScheduleMemo> {
  scheduleId: string;
  paused: boolean;
  note?: string;
  /** As ISO 8601. */
  next?: string;
  /** Why its times and its load are not shown. */
  error?: LoadError;
}

export function listed({ scheduleId, memo, state, info }: ScheduleSummary): ListedSchedule {
  const noted = memo?.[SCHEDULE_MEMO];
  const hidden = unreadable(noted);
  const next = state.paused ? undefined : info.nextActionTimes[0]?.toISOString();
  return {
    scheduleId,
    ...(hidden === undefined
      ? (noted as ScheduleMemo | undefined)
      : { error: { code: hidden.code, message: hidden.message } }),
    paused: state.paused,
    ...(state.note !== undefined && { note: state.note }),
    ...(next !== undefined && { next }),
  };
}

export function listLine(schedule: ListedSchedule): string {
  const { scheduleId, paused, next, cron = [], timeZone = 'UTC', operation, object, source } = schedule;
  const when = paused ? 'paused' : next === undefined ? 'no more' : `${clockTime(Date.parse(next), timeZone)}`;
  const { error } = schedule;
  if (error !== undefined) return `${scheduleId.padEnd(20)}  ${when.padEnd(16)}  not readable here: ${error.code}`;
  const what = source === undefined ? '' : `  ${operation} ${object} from ${nameOf(source)}`;
  return `${scheduleId.padEnd(20)}  ${when.padEnd(16)}  ${cron.join(' | ')} ${timeZone}${what}`;
}

/** The JSON of `schedule describe`. */
export interface DescribedSchedule extends ListedSchedule {
  input: BulkLoadInput;
  nextTimes: string[];
  catchUpMs: number;
  jitterMs: number;
  taken: number;
  skipped: number;
  missed: number;
  running: string[];
  /** Newest first. */
  recent: ScheduledLoad[];
}

export function described(found: ScheduleDescription, recent: ScheduledLoad[]): DescribedSchedule {
  const { action, info, policies, spec } = found;
  const [input] = action.args as [BulkLoadInput];
  return {
    ...listed(found),
    input,
    nextTimes: found.state.paused ? [] : info.nextActionTimes.slice(0, 3).map((date) => date.toISOString()),
    catchUpMs: policies.catchupWindow,
    jitterMs: spec.jitter ?? 0,
    taken: info.numActionsTaken,
    skipped: info.numActionsSkippedOverlap,
    missed: info.numActionsMissedCatchupWindow,
    running: info.runningActions.map(({ workflow }) => workflow.workflowId),
    recent,
  };
}

export function describeLines(schedule: DescribedSchedule): string[] {
  const { input, timeZone = 'UTC', cron = [], note } = schedule;
  const at = (iso: string): string => clockTime(Date.parse(iso), timeZone);
  const lines: [string, string][] = [
    [
      'When',
      `${cron.join(' | ')} ${timeZone}${schedule.jitterMs > 0 ? `, up to ${time(schedule.jitterMs)} later` : ''}`,
    ],
    ...cron.flatMap((one): [string, string][] => {
      const days = bothDaysText(one);
      return days === undefined ? [] : [['', cron.length > 1 ? `${one}: ${days}` : days]];
    }),
    ['Next', schedule.paused ? 'paused' : schedule.nextTimes.map(at).join(', ') || 'no more'],
    ...(note ? [['Note', note] as [string, string]] : []),
    ['Source', input.source],
    ...(input.waitForSource === undefined
      ? []
      : [['Late file', `waited for, up to ${input.waitForSource}`] as [string, string]]),
    ['Connection', input.connection ?? 'default'],
    ['Overlap', 'skipped while the load before still runs'],
    ['Catch up', `within ${time(schedule.catchUpMs)} after an outage of Temporal`],
    ['Loads', `${schedule.taken} begun, ${schedule.skipped} skipped, ${schedule.missed} missed`],
    ...schedule.recent.map((load, i): [string, string] => [i === 0 ? 'Last' : '', loadLine(load, at)]),
  ];
  return [
    `${schedule.scheduleId}: ${input.operation} ${input.object}`,
    ...lines.map(([label, text]) => `  ${label.padEnd(10)}  ${text}`),
  ];
}

function loadLine({ loadId, scheduledAt, state, records }: ScheduledLoad, at: (iso: string) => string): string {
  const landed = records === undefined ? '' : `, ${records.succeeded} of ${records.total} rows landed`;
  return `${at(scheduledAt)}  ${loadId}: ${state}${landed}`;
}

export function scheduledLoad(
  { action, scheduledAt }: ScheduleExecutionResult,
  result: BulkLoadResult | undefined,
  status: string,
): ScheduledLoad {
  const { workflowId } = action.workflow;
  return {
    workflowId,
    loadId: result?.loadId ?? loadIdOf({}, workflowId),
    scheduledAt: scheduledAt.toISOString(),
    state: status === 'RUNNING' ? 'Running' : (result?.state ?? status),
    ...(result !== undefined && { records: result.records }),
  };
}
