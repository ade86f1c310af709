/**
 * `nightload schedule …`: loads that start by themselves. The schedules are Temporal's own, so its UI shows them too.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { ScheduleAlreadyRunning, ScheduleNotFoundError, WorkflowNotFoundError } from '@temporalio/client';
import type { Client, ScheduleDescription, ScheduleExecutionResult, ScheduleHandle } from '@temporalio/client';
import { resultIn } from '../../../client/load-handle.js';
import { tolerantClient, unreadable } from '../../../codec/read-payloads.js';
import { DEFAULT_TASK_QUEUE } from '../../../contract/names.js';
import { listed } from '../../../client/pages.js';
import { notReadable } from '../../../client/answers/shapes.js';
import { asTemporalError, hasStatus, placeOf } from '../../../client/temporal-errors.js';
import { withCauses } from '../../../domain/text/plain-text.js';
import { dueSuffix, reachableId } from '../../../domain/load-ids.js';
import { NightloadError } from '../../../errors.js';
import { isUnreadable } from '../../temporal/query-load.js';
import { printJson, say } from '../../shared/output.js';
import type { NoteOptions, ScheduleOptions } from './options.js';
import { schedulePlan } from './schedule-spec.js';
import { describeLines, described, listed as listedSchedule, listLine, scheduledLoad } from './view.js';
import type { DescribedSchedule, ListedSchedule, ScheduledLoad, ScheduleEntry } from './view.js';
import { ONE_ANSWER, taskQueueFrom, withClient } from '../../temporal/connect.js';
import { schedulesChangedSignal, watcherIdOf } from '../../../protocol/messages/schedule-messages.js';
import { withFiles } from '../../shared/input/load-input.js';

interface JsonOption {
  json?: boolean;
}

/** Schedules that `list` shows. */
const MAX_LISTED = 1_000;
/** Pages of a list are requested for this long; then what arrived is shown. */
const LIST_LIMIT_MS = 20_000;
/** Loads that `describe` lists. */
const MAX_RECENT = 5;
const TRIGGER_LIMIT_MS = 15_000;
const CHANGE_LIMIT_MS = 5_000;
const WATCHER_LIMIT_MS = 2_000;

/** @throws NightloadError `SCHEDULE_EXISTS`, `INVALID_SCHEDULE`, `INVALID_INPUT` */
export async function createSchedule(
  client: Client,
  id: string,
  options: ScheduleOptions,
  taskQueue: string,
): Promise<DescribedSchedule> {
  const plan = schedulePlan(id, await withFiles(options), taskQueue);
  try {
    const handle = await client.schedule.create(plan);
    return described(await handle.describe(), []);
  } catch (error) {
    if (error instanceof ScheduleAlreadyRunning) {
      throw new NightloadError(
        'SCHEDULE_EXISTS',
        `A schedule "${id}" already exists. Use another id, or delete it first: nightload schedule delete ${id}`,
        { cause: error },
      );
    }
    throw refused(error, options.cron);
  }
}

/** When the server refuses the times, the SDK throws a TypeError. */
function refused(error: unknown, cron: readonly string[]): unknown {
  if (!(error instanceof TypeError)) return error;
  return new NightloadError(
    'INVALID_SCHEDULE',
    `Temporal refuses --cron ${cron.map((text) => `"${text}"`).join(' or ')}: ${error.message}. ` +
      'Use minute, hour, day of month, month, day of week: "0 1 * * *" is one o\'clock every night.',
    { cause: error },
  );
}

/**
 * A schedule of loads; schedules of other workflows are not ours.
 * @throws NightloadError `SCHEDULE_NOT_FOUND`
 */
async function find(client: Client, id: string): Promise<{ handle: ScheduleHandle; found: ScheduleDescription }> {
  const handle = client.schedule.getHandle(id);
  const found = await descriptionOf(client, id);
  if (found?.action.workflowType === 'bulkLoad') return { handle, found };
  throw new NightloadError(
    'SCHEDULE_NOT_FOUND',
    `The namespace ${client.options.namespace} has no load schedule "${id}". See: nightload schedule list`,
  );
}

async function descriptionOf(client: Client, id: string): Promise<ScheduleDescription | undefined> {
  try {
    return await tolerantClient(client).schedule.getHandle(id).describe();
  } catch (error) {
    if (error instanceof ScheduleNotFoundError) return undefined;
    const found = asTemporalError(error, placeOf(client));
    if (found instanceof NightloadError || hasStatus(error)) throw found;
    throw notReadable(`Temporal's record of the schedule ${id}`, withCauses(error, 300), error);
  }
}

/** With why there may be more. */
export async function listSchedules(client: Client): Promise<{ found: ListedSchedule[]; cut?: NightloadError }> {
  const { namespace } = client.options;
  const show = (entry: ScheduleEntry): Promise<ListedSchedule> | undefined =>
    entry.info?.workflowType?.name === 'bulkLoad' ? listedSchedule(client, entry) : undefined;
  const { entries, ...rest } = await listed(client, { limit: MAX_LISTED, show }, async (size, nextPageToken) => {
    const asked = { namespace, maximumPageSize: size, nextPageToken };
    const { schedules, nextPageToken: next } = await client.workflowService.listSchedules(asked);
    return { entries: schedules, nextPageToken: next };
  });
  return { found: entries.sort((a, b) => (a.scheduleId < b.scheduleId ? -1 : 1)), ...rest };
}

/** @throws NightloadError `SCHEDULE_NOT_FOUND` */
export async function describeSchedule(client: Client, id: string): Promise<DescribedSchedule> {
  const { found } = await find(client, id);
  const hidden = unreadable(found.action.args?.[0]);
  if (hidden !== undefined) throw hidden;
  const newest = found.info.recentActions.slice(-MAX_RECENT).reverse();
  return described(found, await Promise.all(newest.map((action) => loadOf(client, action))));
}

async function loadOf(client: Client, taken: ScheduleExecutionResult): Promise<ScheduledLoad> {
  try {
    // The newest run of the id: a load that continued as new has several.
    const load = await tolerantClient(client).workflow.getHandle(taken.action.workflow.workflowId).describe();
    return scheduledLoad(taken, resultIn(load), load.status.name);
  } catch (error) {
    // Older than the namespace's retention.
    if (error instanceof WorkflowNotFoundError) return scheduledLoad(taken, undefined, 'no longer available');
    if (isUnreadable(error)) return scheduledLoad(taken, undefined, 'unreadable');
    throw error;
  }
}

/**
 * Starts a load now and returns its ids.
 * @param due time of the run that is made up for: its load takes the file of that day
 * @throws NightloadError `SCHEDULE_NOT_FOUND`, `SCHEDULE_RUNNING`, `SCHEDULE_NOT_TRIGGERED`, `USAGE`
 */
export async function triggerSchedule(
  client: Client,
  id: string,
  due?: string,
): Promise<{ workflowId: string; runId: string }> {
  const at = due === undefined ? undefined : readDue(due);
  const { handle, found } = await find(client, id);
  const [running] = found.info.runningActions;
  if (running !== undefined) {
    throw new NightloadError(
      'SCHEDULE_RUNNING',
      `${running.workflow.workflowId} is still running, and loads of one schedule do not overlap. Wait until it ends, or cancel it.`,
    );
  }
  if (at !== undefined) await refuseLoaded(client, `${found.action.workflowId ?? ''}-${dueSuffix(at)}`);
  const before = new Set(found.info.recentActions.map(({ action }) => action.workflow.firstExecutionRunId));
  if (at === undefined) await handle.trigger('SKIP');
  else await handle.backfill({ start: new Date(at - 1), end: new Date(at), overlap: 'SKIP' });
  for (const until = Date.now() + TRIGGER_LIMIT_MS; Date.now() < until; await sleep(200)) {
    const recent = (await descriptionOf(client, id))?.info.recentActions ?? [];
    const begun = recent.find(({ action }) => !before.has(action.workflow.firstExecutionRunId));
    if (begun === undefined) continue;
    const { workflowId, firstExecutionRunId } = begun.action.workflow;
    return { workflowId, runId: firstExecutionRunId };
  }
  throw new NightloadError(
    'SCHEDULE_NOT_TRIGGERED',
    at === undefined
      ? `No load of "${id}" started within ${TRIGGER_LIMIT_MS / 1000} s of the trigger. See: nightload schedule describe ${id}`
      : `No load of "${id}" started within ${TRIGGER_LIMIT_MS / 1000} s: probably none was due at ${due}. ` +
          `Without --due, a load starts for now. See: nightload schedule describe ${id}`,
  );
}

/** Two people may act on the same message. @throws NightloadError `ALREADY_LOADED` */
async function refuseLoaded(client: Client, workflowId: string): Promise<void> {
  const status = await client.workflow
    .getHandle(workflowId)
    .describe()
    .then(
      (found) => found.status.name,
      // Temporal keeps no run of that id: the load itself refuses what has landed.
      () => undefined,
    );
  if (status !== 'COMPLETED') return;
  throw new NightloadError(
    'ALREADY_LOADED',
    `The run that was due then has loaded its file: nightload results ${reachableId(workflowId)}. Nothing was started.`,
  );
}

/** @throws NightloadError `USAGE` */
function readDue(due: string): number {
  const at = /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d)?(?:Z|[+-]\d\d:\d\d)$/.test(due) ? Date.parse(due) : Number.NaN;
  if (Number.isFinite(at) && at <= Date.now()) return at;
  throw new NightloadError(
    'USAGE',
    '--due must be a time in the past with its zone, such as 2026-11-30T22:00:00Z or 2026-11-30T23:00:00+01:00',
  );
}

export async function create(id: string, options: ScheduleOptions): Promise<number> {
  return withClient(async (client) => {
    const taskQueue = taskQueueFrom(process.env, DEFAULT_TASK_QUEUE);
    const schedule = await createSchedule(client, id, options, taskQueue);
    await tellWatcher(client, taskQueue);
    for (const line of describeLines(schedule)) say(line);
    if (options.json === true) printJson(schedule);
    return 0;
  }, ONE_ANSWER);
}

export async function list(options: JsonOption): Promise<number> {
  return withClient(async (client) => {
    const { found, cut } = await client.withDeadline(Date.now() + LIST_LIMIT_MS, () => listSchedules(client));
    for (const schedule of found) say(listLine(schedule));
    if (cut !== undefined) say(`More schedules could not be listed. ${cut.code}: ${cut.message}`);
    else if (found.length === 0) say('This namespace has no load schedules.');
    if (options.json === true) printJson(found);
    return cut === undefined ? 0 : 1;
  }, ONE_ANSWER);
}

export async function describe(id: string, options: JsonOption): Promise<number> {
  return withClient(async (client) => {
    const schedule = await describeSchedule(client, id);
    for (const line of describeLines(schedule)) say(line);
    if (options.json === true) printJson(schedule);
    return 0;
  }, ONE_ANSWER);
}

export async function trigger(id: string, options: JsonOption & { due?: string }): Promise<number> {
  return withClient(async (client) => {
    const { workflowId, runId } = await triggerSchedule(client, id, options.due);
    say(`Started ${workflowId}. Follow it with: nightload watch ${workflowId}`);
    if (options.json === true) printJson({ scheduleId: id, workflowId, runId, state: 'Running' });
    return 0;
  }, ONE_ANSWER);
}

/** The workers that watch schedules, if any, look again. The change itself is done. */
async function tellWatcher(client: Client, taskQueue: string): Promise<void> {
  const watcher = client.workflow.getHandle(watcherIdOf(taskQueue));
  await client
    .withDeadline(Date.now() + WATCHER_LIMIT_MS, () => watcher.signal(schedulesChangedSignal))
    .catch(() => undefined);
}

/**
 * The server accepts the change at once and shows it slightly later. An empty note would change nothing.
 * @throws NightloadError `SCHEDULE_NOT_CHANGED`
 */
async function seen(client: Client, handle: ScheduleHandle, paused: boolean): Promise<void> {
  for (const until = Date.now() + CHANGE_LIMIT_MS; Date.now() < until; await sleep(100)) {
    if ((await descriptionOf(client, handle.scheduleId))?.state.paused === paused) return;
  }
  throw new NightloadError(
    'SCHEDULE_NOT_CHANGED',
    `"${handle.scheduleId}" is still ${paused ? 'not paused' : 'paused'} after ${CHANGE_LIMIT_MS / 1000} s. See: nightload schedule describe ${handle.scheduleId}`,
  );
}

export async function pause(id: string, options: NoteOptions): Promise<number> {
  return withClient(async (client) => {
    const { handle, found } = await find(client, id);
    await handle.pause(options.note || 'Paused with nightload');
    await seen(client, handle, true);
    await tellWatcher(client, found.action.taskQueue);
    say(`${id}: paused. A running load continues; no new one starts until \`nightload schedule resume ${id}\`.`);
    if (options.json === true) printJson({ scheduleId: id, paused: true });
    return 0;
  }, ONE_ANSWER);
}

export async function resume(id: string, options: NoteOptions): Promise<number> {
  return withClient(async (client) => {
    const { handle, found } = await find(client, id);
    await handle.unpause(options.note || 'Resumed with nightload');
    await seen(client, handle, false);
    await tellWatcher(client, found.action.taskQueue);
    say(`${id}: resumed.`);
    if (options.json === true) printJson({ scheduleId: id, paused: false });
    return 0;
  }, ONE_ANSWER);
}

export async function remove(id: string, options: JsonOption): Promise<number> {
  return withClient(async (client) => {
    const { handle, found } = await find(client, id);
    await handle.delete();
    await tellWatcher(client, found.action.taskQueue);
    const running = found.info.runningActions.map(({ workflow }) => workflow.workflowId);
    say(`${id}: deleted.${running.length > 0 ? ` ${running.join(', ')} continues.` : ''}`);
    if (options.json === true) printJson({ scheduleId: id, deleted: true, running });
    return 0;
  }, ONE_ANSWER);
}
