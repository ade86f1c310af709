/** Loads that should end by an hour: people are told once, hours before, and only if they will not. */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Notifier } from '../../src/activities/notify/notifier.js';
import type { HistoryEntry } from '../../src/contract/load-history.js';
import type { BulkLoadInput } from '../../src/contract/load-input.js';
import type { NotifyMessage } from '../../src/contract/notification.js';
import { accounts } from '../helpers/load-harness.js';
import { openNight } from '../helpers/night.js';
import type { Night } from '../helpers/night.js';
import { skipUntil } from '../helpers/skip-time.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

let night: Night;
let told: NotifyMessage[];
let tells: boolean;
beforeEach(async () => {
  night = await openNight();
  told = [];
  tells = true;
});
afterEach(() => night.close());

/** Takes every message. */
const notifier: Notifier = {
  // This server skips no more time once a load has ended whose message is still being sent.
  waits: () => (tells ? [] : undefined),
  // This server has no visibility, which recoveries need.
  recipients: ({ event }) => (event === 'recovered' ? [] : [{ target: 'ops', hasKey: true }]),
  heartbeats: () => ({ names: [], accepts: () => false }),
  ping: () => Promise.resolve(),
  send: (_target, message) => Promise.resolve(void told.push(message)),
};

/** Six parts of some 500 rows. */
const SIX_PARTS: Partial<BulkLoadInput> = { part: { maxBytes: 30_000, maxConcurrent: 2 } };

async function inHours(hours: number): Promise<string> {
  return new Date((await night.env.currentTimeMs()) + hours * HOUR).toISOString();
}

it('a load that will be late is told hours before, once, and the rest of it runs more parts at a time', async () => {
  await night.startOrg({ recordsPerSecond: 0.1, queueDelayMs: MINUTE });
  await night.work({ notifier });
  const finishBy = await inHours(4);
  // Some nine hours at this speed.
  const load = await night.start(accounts(3_000), { ...SIX_PARTS, finishBy, whenLate: 'moreParallel' });
  await skipUntil(night.env, '5m', () => told.length > 0);
  const [warning] = told as [NotifyMessage];
  expect(warning).toMatchObject({ event: 'late', loadId: 'tonight', forecast: { finishBy } });
  const left = Date.parse(finishBy) - Date.parse(warning.at);
  expect(left).toBeGreaterThan(2 * HOUR);
  const { endsAt = '', earliest = '', latest = '' } = warning.forecast ?? {};
  expect([earliest, endsAt, latest]).toEqual([earliest, endsAt, latest].sort());
  expect(endsAt > finishBy).toBe(true);
  expect((await load.progress()).forecast).toMatchObject({ finishBy, late: true });

  const result = await load.result();
  expect(result).toMatchObject({ state: 'Completed', records: { succeeded: 3_000 }, balanced: true });
  expect(result.warnings?.filter((text) => text.includes('the load was expected to end'))).toHaveLength(1);
  await expect.poll(() => told.map(({ event }) => event).sort()).toEqual(['finished', 'late']);
  const jobs = night.org.jobs();
  expect(jobs).toHaveLength(5);
  // The first four hours would not have been enough for the third pair otherwise.
  const atOnce = jobs.filter(({ createdAt }) => createdAt < Date.parse(finishBy) + HOUR);
  expect(atOnce).toHaveLength(5);
});

it('a load that ends in time is not told to be late, and its times are kept for the next one', async () => {
  await night.startOrg({ recordsPerSecond: 0.3, queueDelayMs: MINUTE });
  await night.work({ notifier });
  const finishBy = await inHours(5);
  const load = await night.start(accounts(3_000), { ...SIX_PARTS, finishBy });
  await night.env.sleep('1h');
  const { forecast } = await load.progress();
  expect(forecast).toMatchObject({ finishBy, late: false });
  const result = await load.result();
  expect(result.state).toBe('Completed');
  expect(result.warnings ?? []).toEqual([]);
  await expect.poll(() => told.map(({ event }) => event)).toEqual(['finished']);

  // What it had foreseen after an hour was not far off.
  const index = join(night.folder, 'nightload-results/index');
  const [month = ''] = await readdir(index);
  const [name = ''] = await readdir(join(index, month));
  const entry = JSON.parse(await readFile(join(index, month, name), 'utf8')) as HistoryEntry;
  expect(entry).toMatchObject({ finishBy, records: { total: 3_000 } });
  expect(entry.seconds?.loading).toBeGreaterThan(3_000);
  const [foreseen, ended] = [Date.parse(forecast?.endsAt ?? ''), Date.parse(entry.endedAt)];
  expect(Math.abs(foreseen - ended)).toBeLessThan(0.4 * (ended - Date.parse(entry.startedAt)));
});

it('knows from past nights that a file came too late', async () => {
  await night.startOrg({ recordsPerSecond: 0.3, queueDelayMs: MINUTE });
  await night.work({ notifier });
  tells = false;
  for (const loadId of ['n-1', 'n-2', 'n-3']) await night.load(accounts(3_000), { ...SIX_PARTS, loadId });
  tells = true;
  const finishBy = await inHours(6);
  // Three nights took an hour and a half; this file has not come an hour before the end.
  const source = join(night.folder, 'late.csv');
  const load = await night.start(accounts(3_000), {
    ...SIX_PARTS,
    ...{ finishBy, loadId: 'n-4', source: `file://${source}`, waitForSource: '20h', poll: { maximumInterval: '5m' } },
  });
  await skipUntil(night.env, '5m', () => told.some(({ event }) => event === 'late'));
  const late = told.find(({ event }) => event === 'late') as NotifyMessage;
  expect(Date.parse(finishBy) - Date.parse(late.at)).toBeGreaterThan(HOUR);
  expect(late.waitingFor).toContain('late.csv');
  await writeFile(source, await readFile(join(night.folder, 'accounts.csv')));
  expect((await load.result()).state).toBe('Completed');
  expect(told.filter(({ event }) => event === 'late')).toHaveLength(1);
});

it.each<[string, () => Partial<BulkLoadInput>, string]>([
  ['whose header is refused', () => ({ columns: { Name: 'No_Such_Field__c' } }), 'HEADER_UNKNOWN_COLUMN'],
  [
    'whose file does not come',
    () => ({ source: `file://${night.folder}/x.csv`, waitForSource: '10m' }),
    'SOURCE_NOT_FOUND',
  ],
])('a load %s ends', { timeout: 30_000 }, async (_what, more, code) => {
  await night.startOrg({ recordsPerSecond: 100 });
  tells = false;
  await night.work({ notifier });
  const finishBy = await inHours(4);
  expect(await night.load(accounts(3), { finishBy, ...more() })).toMatchObject({ state: 'Failed', error: { code } });
});

it('a load that stands still is late when the rest cannot be done any more', async () => {
  await night.startOrg({ recordsPerSecond: 0.3, queueDelayMs: MINUTE });
  await night.work({ notifier });
  const began = await night.env.currentTimeMs();
  night.planSpeeds([{ at: began + 40 * MINUTE, perSecond: 0 }]);
  const finishBy = await inHours(6);
  const load = await night.start(accounts(3_000), { ...SIX_PARTS, finishBy });
  await skipUntil(night.env, '5m', () => told.length > 0);
  const at = Date.parse(told[0]?.at ?? '');
  // Half of the load is left, about 45 minutes of work.
  expect(Date.parse(finishBy) - at).toBeGreaterThan(25 * MINUTE);
  expect(at - began).toBeGreaterThan(3 * HOUR);
  await night.org.setRecordsPerSecond(50);
  expect((await load.result()).state).toBe('Completed');
});
