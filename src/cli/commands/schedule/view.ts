/** Schedules for people and programs: the output of `nightload schedule list` and `describe`. */
import { z } from 'zod';
import type { Client, ScheduleDescription, ScheduleExecutionResult } from '@temporalio/client';
import { loadIdFrom } from '../../../domain/load-ids.js';
import { readField, unreadable } from '../../../codec/read-payloads.js';
import type { CodecError } from '../../../codec/codec-error.js';
import { operation } from '../../../client/answers/load-result.js';
import { fields, line, readIf } from '../../../client/answers/shapes.js';
import { readShownInput } from '../../../client/answers/shown-input.js';
import type { ShownInput } from '../../../client/answers/shown-input.js';
import type { BulkLoadInput } from '../../../contract/load-input.js';
import type { BulkLoadResult, LoadError } from '../../../contract/load-result.js';
import { resolveInput } from '../../../domain/input/resolve-input.js';
import { clockTime, isTimeZone } from '../../../domain/input/source-template.js';
import { plainText } from '../../../domain/text/plain-text.js';
import { nameOf, time } from '../../../domain/text/format.js';
import { bothDaysText } from './cron.js';
import { SCHEDULE_MEMO } from './schedule-spec.js';
import type { ScheduleMemo } from './schedule-spec.js';
import { defined } from '../../../domain/defined.js';

/** How a load of the schedule ended, or that it is running. */
export interface ScheduledLoad {
  workflowId: string;
  loadId: string;
  /** As ISO 8601. */
  scheduledAt: string;
  /** A state of `nightload status`, or Temporal's close status when it left no result. */
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

const MAX_TEXT = 4_000;
const MAX_NOTE = 1_000;
const MAX_CRONS = 100;
/** What the starter of a schedule wrote: anything. */
const scheduleMemo = fields({
  cron: z.array(line(MAX_NOTE)).max(MAX_CRONS),
  timeZone: z.string().refine(isTimeZone),
  source: line(MAX_TEXT),
  object: line(MAX_NOTE),
  operation,
  connection: line(MAX_NOTE),
});

interface Facts {
  scheduleId: string;
  noted: unknown;
  hidden: CodecError | undefined;
  paused: boolean;
  note: string | null | undefined;
  next: Date | undefined;
}

function withMemo({ scheduleId, noted, hidden, paused, note, next }: Facts): ListedSchedule {
  return {
    scheduleId,
    ...(hidden === undefined ? readIf(scheduleMemo, noted) : { error: { code: hidden.code, message: hidden.message } }),
    paused,
    ...defined({
      note: note ? plainText(note, MAX_NOTE) : undefined,
      next: paused ? undefined : next?.toISOString(),
    }),
  };
}

type Schedules = NonNullable<Awaited<ReturnType<Client['workflowService']['listSchedules']>>['schedules']>;
/** A schedule in a list, as the server sends it. */
export type ScheduleEntry = Schedules[number];

export async function listed(client: Client, { scheduleId, memo, info }: ScheduleEntry): Promise<ListedSchedule> {
  const id = scheduleId ?? '';
  const { value, error } = await readField(client, memo?.fields, { key: SCHEDULE_MEMO, workflowId: id });
  const next = info?.futureActionTimes?.[0];
  return withMemo({
    scheduleId: id,
    noted: value,
    hidden: error,
    paused: info?.paused === true,
    note: info?.notes,
    next: next ? new Date(Number(next.seconds ?? 0) * 1000) : undefined,
  });
}

export function listLine(schedule: ListedSchedule): string {
  const { paused, next, cron = [], timeZone = 'UTC', operation, object, source } = schedule;
  const when = paused ? 'paused' : next === undefined ? 'no more' : `${clockTime(Date.parse(next), timeZone)}`;
  const scheduleId = plainText(schedule.scheduleId, MAX_NOTE);
  const { error } = schedule;
  if (error !== undefined) return `${scheduleId.padEnd(20)}  ${when.padEnd(16)}  unreadable here: ${error.code}`;
  const what = source === undefined ? '' : `  ${operation} ${object} from ${nameOf(source)}`;
  return `${scheduleId.padEnd(20)}  ${when.padEnd(16)}  ${cron.join(' | ')} ${timeZone}${what}`;
}

/** The JSON of `schedule describe`. */
export interface DescribedSchedule extends ListedSchedule {
  /** As far as it is one of a load. */
  input: BulkLoadInput | ShownInput;
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
  const noted = found.memo?.[SCHEDULE_MEMO];
  return {
    ...withMemo({
      scheduleId: found.scheduleId,
      noted,
      hidden: unreadable(noted),
      paused: found.state.paused,
      note: found.state.note,
      next: info.nextActionTimes[0],
    }),
    input: shownOf(action.args?.[0]),
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

/** The whole input if a load accepts it. */
function shownOf(input: unknown): BulkLoadInput | ShownInput {
  try {
    resolveInput({ ...(input as BulkLoadInput), loadId: 'not-known-yet' }, '');
    return input as BulkLoadInput;
  } catch {
    return readShownInput(input);
  }
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
    ['Source', input.source ?? 'unreadable'],
    ...(input.waitForSource === undefined
      ? []
      : [['Late file', `wait up to ${input.waitForSource}`] as [string, string]]),
    ...(input.finishBy === undefined ? [] : [['Finish by', `${input.finishBy} ${timeZone}`] as [string, string]]),
    ...(input.whenLate === undefined ? [] : [['When late', input.whenLate] as [string, string]]),
    ...(input.heartbeatUrl === undefined ? [] : [['Heartbeat', input.heartbeatUrl] as [string, string]]),
    ['Connection', input.connection ?? 'default'],
    ['Overlap', 'skipped while the previous load is running'],
    ['Catch up', `within ${time(schedule.catchUpMs)} after an outage of Temporal`],
    ['Loads', `${schedule.taken} started, ${schedule.skipped} skipped, ${schedule.missed} missed`],
    ...schedule.recent.map((load, i): [string, string] => [i === 0 ? 'Last' : '', loadLine(load, at)]),
  ];
  return [
    `${schedule.scheduleId}: ${input.operation ?? 'unknown operation'} ${input.object ?? ''}`.trimEnd(),
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
    loadId: result?.loadId ?? loadIdFrom(workflowId),
    scheduledAt: scheduledAt.toISOString(),
    state: status === 'RUNNING' ? 'Running' : (result?.state ?? status),
    ...defined({ records: result?.records }),
  };
}
