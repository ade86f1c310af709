/** `nightload schedule …`: loads that begin by themselves. The schedules are Temporal's own, so its UI shows them too. */
import { setTimeout as sleep } from 'node:timers/promises';
import { ScheduleAlreadyRunning, ScheduleNotFoundError, WorkflowNotFoundError } from '@temporalio/client';
import type { Client, ScheduleDescription, ScheduleExecutionResult, ScheduleHandle } from '@temporalio/client';
import { resultIn } from '../../load-handle.js';
import { tolerantClient, unreadable } from '../../codec/read-payloads.js';
import { DEFAULT_TASK_QUEUE } from '../../contract.js';
import { NightloadError } from '../../errors.js';
import { printJson, say } from '../failure.js';
import type { NoteOptions, ScheduleOptions } from '../schedule-options.js';
import { schedulePlan } from '../schedule-plan.js';
import { describeLines, described, listed, listLine, scheduledLoad } from '../schedule-view.js';
import type { DescribedSchedule, ListedSchedule, ScheduledLoad } from '../schedule-view.js';
import { taskQueueFrom, withClient } from '../temporal.js';

interface JsonOption {
  json?: boolean;
}

/** Loads that `describe` tells of. */
const MOST_RECENT = 5;
const TRIGGER_LIMIT_MS = 15_000;
const CHANGE_LIMIT_MS = 5_000;

/** @throws NightloadError `SCHEDULE_EXISTS`, `INVALID_SCHEDULE`, `INVALID_INPUT` */
export async function createSchedule(
  client: Client,
  id: string,
  options: ScheduleOptions,
  taskQueue: string,
): Promise<DescribedSchedule> {
  const plan = schedulePlan(id, options, taskQueue);
  try {
    const handle = await client.schedule.create(plan);
    return described(await handle.describe(), []);
  } catch (error) {
    if (error instanceof ScheduleAlreadyRunning) {
      throw new NightloadError(
        'SCHEDULE_EXISTS',
        `There is a schedule "${id}" already. Take another id, or delete it first: nightload schedule delete ${id}`,
        { cause: error },
      );
    }
    throw refused(error, options.cron);
  }
}

/** What the server does not take is a mistake in the times; the SDK makes a TypeError of it. */
function refused(error: unknown, cron: readonly string[]): unknown {
  if (!(error instanceof TypeError)) return error;
  return new NightloadError(
    'INVALID_SCHEDULE',
    `Temporal refuses --cron ${cron.map((text) => `"${text}"`).join(' or ')}: ${error.message}. ` +
      'Write minute, hour, day of month, month, day of week: "0 1 * * *" is one o\'clock every night.',
    { cause: error },
  );
}

/**
 * A schedule of loads; those of other workflows are none of ours.
 * @throws NightloadError `SCHEDULE_NOT_FOUND`
 */
async function find(client: Client, id: string): Promise<{ handle: ScheduleHandle; found: ScheduleDescription }> {
  const handle = client.schedule.getHandle(id);
  try {
    const found = await tolerantClient(client).schedule.getHandle(id).describe();
    if (found.action.workflowType === 'bulkLoad') return { handle, found };
  } catch (error) {
    if (!(error instanceof ScheduleNotFoundError)) throw error;
  }
  throw new NightloadError(
    'SCHEDULE_NOT_FOUND',
    `There is no schedule of loads "${id}" in the namespace ${client.options.namespace}. See: nightload schedule list`,
  );
}

export async function listSchedules(client: Client): Promise<ListedSchedule[]> {
  const found: ListedSchedule[] = [];
  for await (const schedule of tolerantClient(client).schedule.list()) {
    if (schedule.action?.workflowType === 'bulkLoad') found.push(listed(schedule));
  }
  return found.sort((a, b) => (a.scheduleId < b.scheduleId ? -1 : 1));
}

/** @throws NightloadError `SCHEDULE_NOT_FOUND` */
export async function describeSchedule(client: Client, id: string): Promise<DescribedSchedule> {
  const { found } = await find(client, id);
  const hidden = unreadable(found.action.args?.[0]);
  if (hidden !== undefined) throw hidden;
  const newest = found.info.recentActions.slice(-MOST_RECENT).reverse();
  return described(found, await Promise.all(newest.map((action) => loadOf(client, action))));
}

async function loadOf(client: Client, taken: ScheduleExecutionResult): Promise<ScheduledLoad> {
  try {
    // The newest run of the id: a load that continued as new has several.
    const load = await tolerantClient(client).workflow.getHandle(taken.action.workflow.workflowId).describe();
    return scheduledLoad(taken, resultIn(load), load.status.name);
  } catch (error) {
    if (!(error instanceof WorkflowNotFoundError)) throw error;
    // Older than the namespace keeps.
    return scheduledLoad(taken, undefined, 'no longer known');
  }
}

/**
 * Begins a load now and tells which.
 * @throws NightloadError `SCHEDULE_NOT_FOUND`, `SCHEDULE_RUNNING`, `SCHEDULE_NOT_TRIGGERED`
 */
export async function triggerSchedule(client: Client, id: string): Promise<{ workflowId: string; runId: string }> {
  const { handle, found } = await find(client, id);
  const [running] = found.info.runningActions;
  if (running !== undefined) {
    throw new NightloadError(
      'SCHEDULE_RUNNING',
      `${running.workflow.workflowId} still runs, and loads of one schedule do not overlap. Wait for its end, or cancel it.`,
    );
  }
  const before = new Set(found.info.recentActions.map(({ action }) => action.workflow.firstExecutionRunId));
  await handle.trigger('SKIP');
  for (const until = Date.now() + TRIGGER_LIMIT_MS; Date.now() < until; await sleep(200)) {
    const { info } = await handle.describe();
    const begun = info.recentActions.find(({ action }) => !before.has(action.workflow.firstExecutionRunId));
    if (begun === undefined) continue;
    const { workflowId, firstExecutionRunId } = begun.action.workflow;
    return { workflowId, runId: firstExecutionRunId };
  }
  throw new NightloadError(
    'SCHEDULE_NOT_TRIGGERED',
    `No load of "${id}" has begun ${TRIGGER_LIMIT_MS / 1000} s after it was asked for. See: nightload schedule describe ${id}`,
  );
}

export async function create(id: string, options: ScheduleOptions): Promise<number> {
  return withClient(async (client) => {
    const schedule = await createSchedule(client, id, options, taskQueueFrom(process.env, DEFAULT_TASK_QUEUE));
    for (const line of describeLines(schedule)) say(line);
    if (options.json === true) printJson(schedule);
    return 0;
  });
}

export async function list(options: JsonOption): Promise<number> {
  return withClient(async (client) => {
    const found = await listSchedules(client);
    for (const schedule of found) say(listLine(schedule));
    if (found.length === 0) say('There are no schedules of loads in this namespace.');
    if (options.json === true) printJson(found);
    return 0;
  });
}

export async function describe(id: string, options: JsonOption): Promise<number> {
  return withClient(async (client) => {
    const schedule = await describeSchedule(client, id);
    for (const line of describeLines(schedule)) say(line);
    if (options.json === true) printJson(schedule);
    return 0;
  });
}

export async function trigger(id: string, options: JsonOption): Promise<number> {
  return withClient(async (client) => {
    const { workflowId, runId } = await triggerSchedule(client, id);
    say(`Started ${workflowId}. Follow it with: nightload watch ${workflowId}`);
    if (options.json === true) printJson({ scheduleId: id, workflowId, runId, state: 'Running' });
    return 0;
  });
}

/**
 * The server takes the change at once and shows it a little later. An empty note would change nothing.
 * @throws NightloadError `SCHEDULE_NOT_CHANGED`
 */
async function seen(handle: ScheduleHandle, paused: boolean): Promise<void> {
  for (const until = Date.now() + CHANGE_LIMIT_MS; Date.now() < until; await sleep(100)) {
    if ((await handle.describe()).state.paused === paused) return;
  }
  throw new NightloadError(
    'SCHEDULE_NOT_CHANGED',
    `"${handle.scheduleId}" is still ${paused ? 'not paused' : 'paused'} ${CHANGE_LIMIT_MS / 1000} s later. See: nightload schedule describe ${handle.scheduleId}`,
  );
}

export async function pause(id: string, options: NoteOptions): Promise<number> {
  return withClient(async (client) => {
    const { handle } = await find(client, id);
    await handle.pause(options.note || 'Paused with nightload');
    await seen(handle, true);
    say(`${id}: paused. A load of it that runs goes on; none begins until \`nightload schedule resume ${id}\`.`);
    if (options.json === true) printJson({ scheduleId: id, paused: true });
    return 0;
  });
}

export async function resume(id: string, options: NoteOptions): Promise<number> {
  return withClient(async (client) => {
    const { handle } = await find(client, id);
    await handle.unpause(options.note || 'Resumed with nightload');
    await seen(handle, false);
    say(`${id}: goes on.`);
    if (options.json === true) printJson({ scheduleId: id, paused: false });
    return 0;
  });
}

export async function remove(id: string, options: JsonOption): Promise<number> {
  return withClient(async (client) => {
    const { handle, found } = await find(client, id);
    await handle.delete();
    const running = found.info.runningActions.map(({ workflow }) => workflow.workflowId);
    say(`${id}: deleted.${running.length > 0 ? ` ${running.join(', ')} goes on.` : ''}`);
    if (options.json === true) printJson({ scheduleId: id, deleted: true, running });
    return 0;
  });
}
