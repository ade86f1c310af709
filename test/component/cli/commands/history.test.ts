/** `nightload history` as a process, over an index that others may have written to. */
import { mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { HistoryEntry } from '../../../../src/contract/load-history.js';
import { newestEntries, saveEntry } from '../../../../src/storage/history-index.js';
import { nightload } from '../../../helpers/run-cli.js';

let folder: string;
let output: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'nightload-history-'));
  output = join(folder, 'nightload-results');
  await mkdir(output);
});
afterEach(() => rm(folder, { recursive: true, force: true }));

function night(day: number, more: Partial<HistoryEntry> = {}): HistoryEntry {
  const start = Date.UTC(2026, 9, day, 1);
  return {
    ...{ version: 1, loadId: `night-${day}`, workflowId: `bulk-load/night-${day}`, runId: 'r', run: 'run-1' },
    ...{ connection: 'default', object: 'Account', operation: 'upsert', state: 'Completed', schedule: 'nightly' },
    ...{ sent: 1_000, locked: 0, jobs: 1, batches: 1, apiRequests: 9, retry: { rounds: 0, recovered: 0 } },
    startedAt: new Date(start).toISOString(),
    endedAt: new Date(start + 600_000).toISOString(),
    records: { total: 1_000, succeeded: 1_000, rejected: 0, unprocessed: 0, unaccounted: 0 },
    ...more,
  };
}

async function history(...args: string[]): Promise<{ code: unknown; err: string; out: string }> {
  const command = nightload(['history', ...args], {}, folder);
  const code = await command.ended;
  return { code, err: command.stderr(), out: command.stdout() };
}

it('shows the newest loads over months, and marks what is unusual', async () => {
  for (let day = 25; day < 40; day++) await saveEntry(output, night(day));
  const records = { total: 1_000, succeeded: 600, rejected: 400, unprocessed: 0, unaccounted: 0 };
  await saveEntry(output, night(40, { records, state: 'CompletedWithRejects' }));
  await saveEntry(output, night(41, { object: 'Contact' }));
  const { code, err } = await history('--object', 'account', '--last', '3');
  expect(code).toBe(0);
  const lines = err.split('\n').filter((line) => line.includes('night-'));
  expect(lines.map((line) => line.trim().split(' ').at(-1))).toEqual(['night-40', 'night-39', 'night-38']);
  expect(lines[0]).toContain('400 ↑');
  expect(err).toContain('upsert Account, schedule nightly');
  expect((await history('--schedule', 'other')).err).toContain('No load matches');
});

it('writes one JSON document, and a page that only its owner reads', async () => {
  await saveEntry(output, night(1));
  const { out, err } = await history('--json', '--html');
  expect(JSON.parse(out)).toMatchObject([
    { object: 'Account', loads: [{ loadId: 'night-1', minutes: 10, deviates: {} }] },
  ]);
  const page = join(output, 'nights.html');
  expect(err).toContain(`Page: ${page}`);
  expect((await stat(page)).mode & 0o777).toBe(0o600);
  expect(await readFile(page, 'utf8')).toContain('night-1');
});

it('leaves out what is no entry, and shows texts of others as text', async () => {
  const month = join(output, 'index', '2026-10');
  await saveEntry(output, night(1, { object: '\u001b[31m<b>', schedule: '\u202e<script>' }));
  const name = (n: number): string => join(month, `20261002T01000000${n}Z-x.json`);
  await writeFile(name(1), 'x'.repeat(20_000));
  await writeFile(name(2), JSON.stringify({ ...night(2), records: 7 }));
  await writeFile(name(3), JSON.stringify({ ...night(2), loadId: '../../x' }));
  await symlink('/etc/hostname', name(4));
  await mkdir(name(5));
  await writeFile(join(month, 'notes.txt'), 'mine');
  const { code, err, out } = await history('--json');
  expect(code).toBe(0);
  expect(err).toContain('3 files in the index are not readable');
  for (const hidden of ['\u001b', '\u202e']) expect(err + out).not.toContain(hidden);
  expect(JSON.parse(out)).toHaveLength(1);
});

it.each([
  ['--object', 'x y'],
  ['--last', '0'],
])('refuses %s %s', async (option, value) => {
  expect((await history(option, value)).code).toBe(1);
});

it('says where it looked when there is nothing', async () => {
  const { code, err } = await history('--output', join(folder, 'elsewhere'));
  expect(code).toBe(0);
  expect(err).toContain(`No load has ended in ${join(folder, 'elsewhere', 'index')}`);
});

it('of a load that was reset, the last end counts; no more files are read than allowed', async () => {
  for (let day = 1; day <= 9; day++)
    await saveEntry(output, night(day, { loadId: 'same', workflowId: 'bulk-load/same' }));
  const all = { matches: () => true, most: 100, mostRead: 100 };
  expect((await newestEntries(output, all)).entries.map(({ endedAt }) => endedAt.slice(8, 10))).toEqual(['09']);
  for (let day = 10; day < 28; day++) await saveEntry(output, night(day));
  const some = await newestEntries(output, { ...all, mostRead: 16 });
  expect(some).toMatchObject({ cut: true });
  expect(some.entries).toHaveLength(16);
});
