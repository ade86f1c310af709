/** The command as people and scripts use it. */
import { randomUUID } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stringify } from 'csv-stringify/sync';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { nightload } from '../helpers/run-cli.js';
import type { Command } from '../helpers/run-cli.js';
import { accounts, newLoadId, openWorld } from '../helpers/load-harness.js';
import type { Row, World } from '../helpers/load-harness.js';

let world: World;
beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world.end());

const FAST = ['--poll-initial', '100ms', '--poll-max', '500ms', '--poll-settle', '200ms', '--retry-wait', '100ms'];

async function file(rows: Row[]): Promise<string> {
  const name = `${randomUUID().slice(0, 8)}.csv`;
  await writeFile(join(world.folder, name), stringify(rows, { header: true }));
  return name;
}

function run(args: string[], taskQueue = world.taskQueue): Command {
  return nightload(
    args,
    { TEMPORAL_ADDRESS: inject('temporalAddress'), NIGHTLOAD_TASK_QUEUE: taskQueue },
    world.folder,
  );
}

function load(source: string, ...more: string[]): string[] {
  return [
    'load',
    source,
    '--object',
    'Account',
    '--operation',
    'upsert',
    '--external-id',
    'External_Id__c',
    ...FAST,
    ...more,
  ];
}

const keyed = (prefix: string, count: number): Row[] =>
  accounts(count, (row, n) => ({ ...row, External_Id__c: `${prefix}-${n}` }));

/** The last line of stdout. */
function json(command: Command): Record<string, unknown> {
  return JSON.parse(command.stdout().trim().split('\n').at(-1) ?? '') as Record<string, unknown>;
}

it('loads a file by its relative path: only JSON on stdout, the rest on stderr, exit code 0', async () => {
  const command = run(load(await file(keyed('C1', 200)), '--json'));
  expect(await command.ended).toBe(0);
  expect(command.stdout().trim().split('\n')).toHaveLength(1);
  expect(json(command)).toMatchObject({ state: 'Completed', records: { total: 200, succeeded: 200 }, balanced: true });
  expect(command.stderr()).toMatch(/Started load Account-upsert-[0-9a-f]{16}/);
  expect(command.stderr()).toMatch(/Succeeded +200/);
});

it('exits 2 when rows need a person, and refuses to load the same content again', async () => {
  const source = await file(keyed('C2', 50).map((row, i) => (i === 0 ? { ...row, Name: '' } : row)));
  const first = run(load(source, '--json'));
  expect(await first.ended).toBe(2);
  expect(json(first)).toMatchObject({ state: 'CompletedWithRejects', records: { rejected: 1 } });
  const second = run(load(source, '--json'));
  expect(await second.ended).toBe(1);
  expect(json(second)).toMatchObject({ state: 'Failed', error: { code: 'ALREADY_LOADED' } });
  expect(second.stderr()).toMatch(/Succeeded +49/);
  expect(second.stderr()).toContain('Load its rejected file instead, or use');
  // As `nightload prune` does.
  await rm(fileURLToPath((json(first) as { files: { rejected: string } }).files.rejected));
  const third = run(load(source));
  expect(await third.ended).toBe(1);
  expect(third.stderr()).toContain('The files with its other rows were removed (`nightload prune`).');
  const again = run(load(source, '--json', '--again'));
  expect(await again.ended).toBe(2);
});

it('exits 1 when the load failed, and lets it start again because no row landed', async () => {
  const source = await file(keyed('C3', 5).map(({ Name, ...row }) => ({ ...row, 'Account Name': Name ?? '' })));
  const failed = run(load(source, '--json'));
  expect(await failed.ended).toBe(1);
  expect(json(failed)).toMatchObject({ state: 'Failed', error: { code: 'HEADER_LABEL_COLUMN' }, jobsTotal: 0 });
  const mended = run(load(source, '--json', '--map', 'Account Name=Name'));
  expect(await mended.ended).toBe(0);
});

it('checks a file without loading it: reports all errors with exit code 1, or 0 if the load could begin', async () => {
  const jobs = world.org.jobs().length;
  const check = async (name: string, ...more: string[]): Promise<[number, Record<string, unknown>, string]> => {
    const words = ['check', name, '--object', 'Account', '--operation', 'upsert', '--external-id', 'External_Id__c'];
    const command = run([...words, '--json', ...more]);
    return [Number(await command.ended), json(command), command.stderr()];
  };
  const labels = keyed('K1', 3).map(({ Name, ...row }) => ({ ...row, 'Account Name': Name ?? '', Ratng: 'Hot' }));
  const [wrong, report, text] = await check(await file(labels));
  expect(wrong).toBe(1);
  expect(report).toMatchObject({
    ok: false,
    records: 3,
    errors: [{ code: 'HEADER_LABEL_COLUMN' }, { code: 'HEADER_UNKNOWN_COLUMN' }],
  });
  expect(text).toContain('did you mean `Rating`?');
  const long = await file(
    keyed('K3', 3).map((row, i) => ({ ...row, Name: i === 1 ? 'x'.repeat(140_000) : (row.Name ?? '') })),
  );
  const [tooLong, one] = await check(long);
  expect([tooLong, one]).toMatchObject([1, { errors: [{ code: 'CSV_CELL_TOO_LONG' }] }]);
  const [refused, two] = await check(long, '--check-rows');
  expect([refused, two]).toMatchObject([1, { errors: [{ code: 'ROWS_WOULD_FAIL' }] }]);
  const [loads, three] = await check(long, '--skip-bad-rows');
  expect([loads, three]).toMatchObject([0, { errors: [], rows: { bad: 1 } }]);
  const rows = keyed('K2', 3).map((row, i) => ({ ...row, Rating: i === 1 ? 'Lukewarm' : 'Hot' }));
  const source = await file(rows);
  expect((await check(source))[0]).toBe(0);
  const [bad, found] = await check(source, '--check-rows');
  expect(bad).toBe(1);
  expect(found).toMatchObject({ rows: { bad: 1, byCode: { INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST: 1 } } });
  expect(world.org.jobs()).toHaveLength(jobs);
  const skipped = run(load(source, '--skip-bad-rows', '--json'));
  expect(await skipped.ended).toBe(2);
  expect(json(skipped)).toMatchObject({ records: { total: 3, succeeded: 2, rejected: 1 }, jobs: [{ records: 2 }] });
});

it.each([
  ['a missing file', ['nowhere.csv', '--operation', 'upsert', '--external-id', 'X__c'], 'SOURCE_NOT_FOUND'],
  ['an upsert without external id', ['nowhere.csv', '--operation', 'upsert'], 'INVALID_INPUT'],
  ['an operation that does not exist', ['nowhere.csv', '--operation', 'replace'], 'USAGE'],
  ['an unknown option', ['nowhere.csv', '--operation', 'insert', '--turbo'], 'USAGE'],
])('reports %s before anything starts, exit code 1', async (_what, args, code) => {
  const command = run(['load', ...args, '--object', 'Account', '--json']);
  expect(await command.ended).toBe(1);
  expect(json(command)).toMatchObject({ state: 'Failed', error: { code } });
  expect(command.stderr()).not.toBe('');
});

it('reports that no Temporal server is running', async () => {
  const command = nightload(load('x.csv', '--json'), { TEMPORAL_ADDRESS: '127.0.0.1:1' }, world.folder);
  expect(await command.ended).toBe(1);
  expect(json(command)).toMatchObject({ state: 'Failed', error: { code: 'TEMPORAL_NOT_REACHABLE' } });
});

it('reports within ten seconds that the fixer has no worker, even before a row has failed', async () => {
  await world.org.setRecordsPerSecond(1);
  const queue = `nobody-${randomUUID().slice(0, 8)}`;
  world.fixers.add(`correct@${queue}`);
  const command = run(load(await file(keyed('C5', 100)), '--fixer', `correct@${queue}`));
  await expect
    .poll(() => command.stderr())
    .toContain(`No worker polls the task queue "${queue}" of the fixer correct.`);
  command.child.kill('SIGINT');
  expect(await command.ended).toBe(130);
  await world.org.setRecordsPerSecond(20_000);
});

it('reports within ten seconds that no worker is running; Ctrl-C detaches with 130', async () => {
  const id = newLoadId('alone');
  const command = run(load(await file(keyed('C4', 3)), '--id', id), `nobody-${randomUUID().slice(0, 8)}`);
  await expect.poll(() => command.stderr()).toContain('No worker polls the task queue "nobody-');
  command.child.kill('SIGINT');
  expect(await command.ended).toBe(130);
  expect(command.stderr()).toContain('Detached; the load continues.');
  const status = run(['status', id, '--json']);
  expect(await status.ended).toBe(0);
  expect(status.stderr()).toContain('No worker polls the task queue "nobody-');
  expect(status.stderr()).not.toContain('0 landed');
  expect(json(status)).toMatchObject({ waitingFor: expect.stringContaining('"nobody-') as string });
});

it('detaches, shows the status during the load, and cancels', async () => {
  await world.org.setRecordsPerSecond(200);
  const id = newLoadId('by-hand');
  const started = run(load(await file(keyed('C5', 5_000)), '--id', id, '--detach', '--json'));
  expect(await started.ended).toBe(0);
  expect(json(started)).toMatchObject({ loadId: id, workflowId: `bulk-load/${id}`, state: 'Running' });
  await expect.poll(() => world.org.jobs().at(-1)?.state).toBe('InProgress');

  const joined = run(load(await file(keyed('C6', 1)), '--id', id, '--json'));
  expect(await joined.ended).toBe(1);
  expect(json(joined)).toMatchObject({ error: { code: 'LOAD_ID_IN_USE' } });

  const status = run(['status', id, '--json']);
  expect(await status.ended).toBe(0);
  expect(json(status)).toMatchObject({
    state: 'Running',
    phase: 'loading',
    object: 'Account',
    records: { total: 5_000 },
  });

  const cancel = run(['cancel', id]);
  expect(await cancel.ended).toBe(0);
  await expect.poll(() => world.org.jobs().at(-1)?.state).toBe('Aborted');
  await world.org.setRecordsPerSecond(20_000);
  const watch = run(['watch', id, '--json']);
  expect(await watch.ended).toBe(1);
  expect(json(watch)).toMatchObject({ state: 'Canceled', records: { total: 5_000, unaccounted: 0 }, balanced: true });

  const ended = run(['status', id, '--json']);
  expect(await ended.ended).toBe(0);
  expect(json(ended)).toMatchObject({ state: 'Canceled' });
});

it('joins a running load of the same content', async () => {
  await world.org.setRecordsPerSecond(500);
  const source = await file(keyed('C7', 1_500));
  const before = world.org.jobs().length;
  const first = run(load(source, '--json'));
  await expect.poll(() => world.org.jobs().length).toBe(before + 1);
  const second = run(load(source, '--json'));
  expect(await Promise.all([first.ended, second.ended])).toEqual([0, 0]);
  await world.org.setRecordsPerSecond(20_000);
  expect(second.stderr()).toContain('Joined load');
  expect(json(second)).toEqual(json(first));
  expect(world.org.jobs()).toHaveLength(before + 1);
});

it('reports a load that was never started as unknown', async () => {
  const command = run(['status', 'never', '--json']);
  expect(await command.ended).toBe(1);
  expect(json(command)).toMatchObject({ error: { code: 'LOAD_NOT_FOUND' } });
});
