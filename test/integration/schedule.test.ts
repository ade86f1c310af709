/** `nightload schedule`: loads that start by themselves, with a real server, worker and simulated org. */
import { randomUUID } from 'node:crypto';
import { appendFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { stringify } from 'csv-stringify/sync';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it, onTestFinished } from 'vitest';
import { Command } from 'commander';
import { findLoad } from '../../src/client/load-handle.js';
import type { LoadHandle } from '../../src/client/load-handle.js';
import type { BulkLoadResult } from '../../src/contract/load-result.js';
import * as commands from '../../src/cli/commands/schedule/schedule.js';
import {
  createSchedule,
  describeSchedule,
  listSchedules,
  triggerSchedule,
} from '../../src/cli/commands/schedule/schedule.js';
import { describeLines } from '../../src/cli/commands/schedule/view.js';
import { addScheduleCommands } from '../../src/cli/commands/schedule/register.js';
import type { ScheduleOptions } from '../../src/cli/commands/schedule/options.js';
import type { NightloadError } from '../../src/errors.js';
import { clockTime } from '../../src/domain/input/source-template.js';
import { accounts, expectSound, openWorld } from '../helpers/load-harness.js';
import type { World } from '../helpers/load-harness.js';

let world: World;
beforeAll(async () => {
  world = await openWorld();
  process.env['TEMPORAL_ADDRESS'] = inject('temporalAddress');
});
afterAll(() => world.end());

let id: string;
beforeEach(() => {
  id = `nightly-${randomUUID().slice(0, 8)}`;
});

/** The options from a command line. */
async function parsed(words: string[]): Promise<ScheduleOptions> {
  const program = new Command('nightload').exitOverride().configureOutput({ writeErr: () => undefined });
  const seen: unknown[][] = [];
  addScheduleCommands(program, () => (...args) => {
    seen.push(args);
    return Promise.resolve();
  });
  await program.parseAsync(['schedule', 'create', id, ...words], { from: 'user' });
  return seen[0]?.[1] as ScheduleOptions;
}

/** Fast polling, and a schedule that does not fire by itself: its 29 February is far away. */
const FAST = '--poll-initial 100ms --poll-max 300ms --poll-settle 300ms --retry-wait 200ms'.split(' ');
const UPSERT = ['--object', 'Account', '--operation', 'upsert', '--external-id', 'External_Id__c', ...FAST];

async function create(source: string, ...words: string[]): Promise<void> {
  const cron = words.includes('--cron') ? [] : ['--cron', '0 1 29 2 *'];
  const options = await parsed(['--source', join(world.folder, source), ...cron, ...UPSERT, ...words]);
  await createSchedule(world.client, id, options, world.taskQueue);
  onTestFinished(() =>
    world.client.schedule
      .getHandle(id)
      .delete()
      .catch(() => undefined),
  );
}

async function file(name: string, count: number): Promise<void> {
  await writeFile(join(world.folder, name), stringify(accounts(count), { header: true }));
}

async function begun(): Promise<LoadHandle> {
  const { workflowId } = await triggerSchedule(world.client, id);
  return (await findLoad(world.client, workflowId)).handle;
}

async function until<T>(what: () => Promise<T | undefined>): Promise<T> {
  for (let i = 0; i < 150; i++) {
    const found = await what();
    if (found !== undefined) return found;
    await sleep(100);
  }
  throw new Error('It did not happen within 15 s.');
}

async function refusal(work: Promise<unknown>): Promise<NightloadError> {
  return work.then(
    () => {
      throw new Error('This should have been refused.');
    },
    (error: unknown) => error as NightloadError,
  );
}

/** Runs `nightload`; returns its output on stderr. */
async function quietly(work: () => Promise<number>): Promise<string> {
  const write = process.stderr.write.bind(process.stderr);
  let said = '';
  process.stderr.write = ((text: string) => ((said += text), true)) as typeof process.stderr.write;
  try {
    expect(await work()).toBe(0);
  } finally {
    process.stderr.write = write;
  }
  return said;
}

describe('a schedule', () => {
  it('is a Temporal Schedule that skips overlaps, has a catchup window, and retries no workflow', async () => {
    const more = [
      '--cron',
      '30 1 * * 6',
      '--jitter',
      '5m',
      '--catch-up',
      '2h',
      '--wait-for-source',
      '3h',
      '--note',
      'ERP',
    ];
    await create('accounts-{date}.csv', '--cron', '0 1 * * *', '--time-zone', 'Europe/Berlin', ...more);
    const found = await world.client.schedule.getHandle(id).describe();
    expect(found.policies).toMatchObject({ overlap: 'SKIP', catchupWindow: 7_200_000, pauseOnFailure: false });
    expect(found.spec).toMatchObject({ timezone: 'Europe/Berlin', jitter: 300_000 });
    expect(found.spec.calendars).toHaveLength(2);
    expect(found.state).toMatchObject({ paused: false, note: 'ERP' });
    expect(found.action).toMatchObject({
      workflowType: 'bulkLoad',
      workflowId: `bulk-load/${id}`,
      taskQueue: world.taskQueue,
      staticSummary: 'upsert Account from accounts-{date}.csv',
    });
    expect(found.action.retry).toBeUndefined();
    const [input] = found.action.args ?? [];
    expect(input).toMatchObject({
      source: `file://${world.folder}/accounts-{date}.csv`,
      timeZone: 'Europe/Berlin',
      waitForSource: '3h',
      externalIdFieldName: 'External_Id__c',
    });
    // Each load gets a separate id.
    expect(input).not.toHaveProperty('loadId');

    const told = await quietly(() => commands.describe(id, {}));
    expect(told).toContain(`${id}: upsert Account\n`);
    expect(told).toContain('0 1 * * * | 30 1 * * 6 Europe/Berlin, up to 5 min later');
    expect(told).toMatch(/Next {8}\d{4}-\d\d-\d\d 01:\d\d, /);
    const described = await describeSchedule(world.client, id);
    expect(described).toMatchObject({ scheduleId: id, paused: false, note: 'ERP', taken: 0, recent: [], running: [] });
    for (const time of described.nextTimes) expect(clockTime(Date.parse(time), 'Europe/Berlin')).toMatch(/ 01:\d\d$/);

    const line = await until(async () =>
      (await listSchedules(world.client)).found.find(({ scheduleId }) => scheduleId === id),
    );
    expect(line).toMatchObject({
      cron: ['0 1 * * *', '30 1 * * 6'],
      object: 'Account',
      operation: 'upsert',
      paused: false,
    });
    expect(await quietly(() => commands.list({}))).toContain('Europe/Berlin  upsert Account from accounts-{date}.csv');
  });

  it('is refused with a reason', async () => {
    await create('a.csv');
    const again = async (...words: string[]): Promise<NightloadError> => {
      const options = await parsed(['--source', 'a.csv', '--cron', '0 1 * * *', ...UPSERT, ...words]);
      return refusal(createSchedule(world.client, id, options, world.taskQueue));
    };
    expect(await again()).toMatchObject({ code: 'SCHEDULE_EXISTS' });
    id = `${id}-2`;
    expect(await again('--cron', 'at night')).toMatchObject({ code: 'INVALID_SCHEDULE' });
    expect((await again('--cron', 'at night')).message).toContain('at night');
    expect(await again('--time-zone', 'Berlin')).toMatchObject({ code: 'INVALID_INPUT' });
    expect(await again('--source', 'a-{date:YYYY}.csv')).toMatchObject({ code: 'INVALID_INPUT' });
    expect(await again('--wait-for-source', '30 days')).toMatchObject({ code: 'INVALID_INPUT' });
    expect(await again('--catch-up', 'long')).toMatchObject({ code: 'INVALID_INPUT' });
    expect(await again('--operation', 'upsert', '--poll-initial', '1 ms')).toMatchObject({ code: 'INVALID_INPUT' });
    id = 'a/b';
    expect(await again()).toMatchObject({ code: 'INVALID_INPUT' });
  });

  it('starts a separate load on request: Completed, found by its load id', async () => {
    await file('now.csv', 40);
    await create('now.csv');
    const handle = await begun();
    const result = await handle.result();
    expect(result).toMatchObject({ state: 'Completed', records: { total: 40, succeeded: 40 }, balanced: true });
    await expectSound(world, result);
    expect(result.workflowId).toMatch(new RegExp(`^bulk-load/${id}-\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\dZ$`));
    // The folder of the results has no colons.
    expect(result.loadId).toBe(result.workflowId.slice('bulk-load/'.length).replaceAll(':', '-'));
    expect((await findLoad(world.client, result.loadId)).handle.workflowId).toBe(result.workflowId);
    const described = await describeSchedule(world.client, id);
    expect(described).toMatchObject({ taken: 1, skipped: 0, running: [] });
    expect(described.recent).toMatchObject([
      { workflowId: result.workflowId, state: 'Completed', records: { total: 40 } },
    ]);
    expect(await quietly(() => commands.describe(id, {}))).toContain(': Completed, 40 of 40 rows landed');
  });

  it('loads the file of the scheduled day in its time zone, however late it starts', async () => {
    // 23:00 of 8 March in New York is 03:00 of 9 March in UTC: the day on which daylight saving time began there.
    await file('day-2026-03-08.csv', 3);
    await create('day-{date}.csv', '--cron', '0 23 * * *', '--time-zone', 'America/New_York');
    const handle = world.client.schedule.getHandle(id);
    await handle.backfill({ start: new Date('2026-03-09T00:00:00Z'), end: new Date('2026-03-09T12:00:00Z') });
    const workflowId = await until(
      async () => (await handle.describe()).info.recentActions[0]?.action.workflow.workflowId,
    );
    expect(workflowId).toBe(`bulk-load/${id}-2026-03-09T03:00:00Z`);
    const result = await (await findLoad(world.client, workflowId)).handle.result();
    expect(result).toMatchObject({ state: 'Completed', records: { total: 3, succeeded: 3 } });
  });

  it('makes up for a run whose file came too late, with the file of its day', async () => {
    await create('late-{date}.csv', '--cron', '0 23 * * *', '--time-zone', 'Asia/Bangkok');
    const due = '2026-11-10T16:00:00Z';
    const run = async (): Promise<unknown> => {
      const { workflowId } = await triggerSchedule(world.client, id, due);
      expect(workflowId).toBe(`bulk-load/${id}-${due}`);
      return (await findLoad(world.client, workflowId)).handle.result();
    };
    expect(await run()).toMatchObject({ state: 'Failed', error: { code: 'SOURCE_NOT_FOUND' } });
    await file('late-2026-11-10.csv', 4);
    expect(await run()).toMatchObject({ state: 'Completed', records: { total: 4, succeeded: 4 } });
    // A second reader of the same message.
    expect(await refusal(triggerSchedule(world.client, id, due))).toMatchObject({ code: 'ALREADY_LOADED' });
    expect(await refusal(triggerSchedule(world.client, id, '2026-11-10T17:00:00Z'))).toMatchObject({
      code: 'SCHEDULE_NOT_TRIGGERED',
      message: /none was due at 2026-11-10T17:00:00Z/ as unknown,
    });
    for (const wrong of ['yesterday', '2026-11-10T16:00', '2999-01-01T00:00:00Z']) {
      expect(await refusal(triggerSchedule(world.client, id, wrong))).toMatchObject({ code: 'USAGE' });
    }
  }, 60_000);

  it('pauses with a note, resumes, and is deleted; other schedules are not touched', async () => {
    await create('a.csv', '--paused', '--note', 'not yet');
    expect(await describeSchedule(world.client, id)).toMatchObject({ paused: true, note: 'not yet', nextTimes: [] });
    expect(await quietly(() => commands.resume(id, {}))).toContain('resumed.');
    expect(await describeSchedule(world.client, id)).toMatchObject({ paused: false });
    await quietly(() => commands.pause(id, { note: 'inventory' }));
    expect(await describeSchedule(world.client, id)).toMatchObject({ paused: true, note: 'inventory' });
    expect(await quietly(() => commands.remove(id, {}))).toContain(`${id}: deleted.`);
    expect(await refusal(describeSchedule(world.client, id))).toMatchObject({ code: 'SCHEDULE_NOT_FOUND' });

    const other = await world.client.schedule.create({
      scheduleId: `${id}-other`,
      spec: { intervals: [{ every: '30 days' }] },
      action: { type: 'startWorkflow', workflowType: 'somethingElse', taskQueue: 'elsewhere' },
    });
    onTestFinished(() => other.delete());
    for (const command of [commands.remove, commands.trigger, commands.pause]) {
      expect(await refusal(command(`${id}-other`, {}))).toMatchObject({ code: 'SCHEDULE_NOT_FOUND' });
    }
    expect((await other.describe()).state.paused).toBe(false);
    expect((await listSchedules(world.client)).found.map(({ scheduleId }) => scheduleId)).not.toContain(`${id}-other`);
  });
});

describe('a file that arrives late', () => {
  it('is awaited until it is complete, and the load reports that', async () => {
    await create('late-{date:yyyyMMdd}.csv', '--time-zone', 'Pacific/Kiritimati', '--wait-for-source', '1h');
    const handle = await begun();
    const { workflowId } = handle;
    const due = workflowId.slice(`bulk-load/${id}-`.length);
    const name = `late-${clockTime(Date.parse(due), 'Pacific/Kiritimati').slice(0, 10).replaceAll('-', '')}.csv`;
    const waitingFor = async (text: string): Promise<true | undefined> =>
      (await handle.progress()).waitingFor?.startsWith(`${text}, until `) === true ? true : undefined;
    await until(() => waitingFor(`the file ${name}`));
    expect(await handle.progress()).toMatchObject({ phase: 'preparing', records: { total: 0 } });
    expect(await refusal(triggerSchedule(world.client, id))).toMatchObject({ code: 'SCHEDULE_RUNNING' });
    expect((await describeSchedule(world.client, id)).running).toEqual([workflowId]);

    const rows = stringify(accounts(600), { header: true });
    await writeFile(join(world.folder, name), '');
    await until(() => waitingFor(`the file ${name} to be complete`));
    // A slow writer: never still for as long as the poll interval, and half a row at a time.
    const piece = Math.ceil(rows.length / 12);
    for (let at = 0; at < rows.length; at += piece) {
      await appendFile(join(world.folder, name), rows.slice(at, at + piece));
      expect((await handle.progress()).phase).toBe('preparing');
      await sleep(100);
    }
    const result = await handle.result();
    expect(result).toMatchObject({ state: 'Completed', records: { total: 600, succeeded: 600 } });
    await expectSound(world, result);
    const history = await world.client.workflow.getHandle(workflowId).fetchHistory();
    const text = JSON.stringify(
      history.events?.map(({ userMetadata }) => Buffer.from(userMetadata?.summary?.data ?? '').toString()),
    );
    expect(text).toContain(`${name} does not exist yet: next check in`);
    expect(text).toContain(`${name} may be incomplete: next check in`);
  });

  it('fails the load with a result if it never arrives', async () => {
    await create('never.csv', '--wait-for-source', '1s');
    const result: BulkLoadResult = await (await begun()).result();
    expect(result).toMatchObject({ state: 'Failed', error: { code: 'SOURCE_NOT_FOUND' }, records: { total: 0 } });
    expect(result.error?.message).toMatch(/waited 1 s for .*never\.csv, and it did not appear/);
  });

  it('fails the load if it is written for too long', async () => {
    await create('slow.csv', '--wait-for-source', '1s');
    const before = world.org.jobs().length;
    let lines = 0;
    const writer = setInterval(() => void appendFile(join(world.folder, 'slow.csv'), `row ${lines++}\n`), 20);
    onTestFinished(() => clearInterval(writer));
    expect(await (await begun()).result()).toMatchObject({ state: 'Failed', error: { code: 'SOURCE_STILL_GROWING' } });
    expect(world.org.jobs()).toHaveLength(before);
  });

  it("is not awaited outside the worker's folders, or for an unknown connection", async () => {
    await create('a.csv', '--source', '/nowhere/a.csv', '--wait-for-source', '1h');
    expect(await (await begun()).result()).toMatchObject({ error: { code: 'FILE_OUTSIDE_ROOTS' } });
    id = `${id}-2`;
    await create('a.csv', '--connection', 'emea', '--wait-for-source', '1h');
    expect(await (await begun()).result()).toMatchObject({ error: { code: 'CONNECTION_NOT_CONFIGURED' } });
  });

  it('is no longer awaited when the load is canceled', async () => {
    await create('canceled.csv', '--wait-for-source', '1h');
    const handle = await begun();
    await until(async () => (await handle.progress()).waitingFor);
    await handle.cancel();
    expect(await handle.result()).toMatchObject({ state: 'Canceled', records: { total: 0 } });
  });
});

it('is due on days that match both day of month and day of week, and reports that: verified with Temporal', async () => {
  await create('both.csv', '--cron', '0 1 13 * 5');
  const schedule = await describeSchedule(world.client, id);
  const days = schedule.nextTimes.map((at) => [new Date(at).getUTCDate(), new Date(at).getUTCDay()]);
  expect(days).toEqual([13, 13, 13].map((day) => [day, 5]));
  expect(describeLines(schedule).join('\n')).toContain(
    'only on days that match both: day of month 13 and day of week 5',
  );
});

it.each<[string, number[]]>([
  ['0 1 31 2 *', []],
  ['0 0 1 * * *', [1, 1]],
])('is refused if its cron is %s, which Temporal would accept', async (cron, days) => {
  await expect(create('never.csv', '--cron', cron)).rejects.toMatchObject({ code: 'INVALID_SCHEDULE' });
  await expect(describeSchedule(world.client, id)).rejects.toMatchObject({ code: 'SCHEDULE_NOT_FOUND' });
  const options = { scheduleId: id, spec: { cronExpressions: [cron] }, state: { paused: true } };
  const action = { type: 'startWorkflow', workflowType: 'none', taskQueue: world.taskQueue } as const;
  const handle = await world.client.schedule.create({ ...options, action });
  onTestFinished(() => handle.delete());
  const { nextActionTimes } = (await handle.describe()).info;
  expect(nextActionTimes.slice(0, 2).map((at) => at.getUTCDate())).toEqual(days);
});
