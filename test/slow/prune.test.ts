/**
 * Removal of old result files: real loads, a real Temporal server, real folders and an object store. A load cannot be
 * made to have ended weeks ago, so some tests call the step with a moment in the future; the others age the files of a
 * load that Temporal does not know.
 */
import { cp, mkdir, mkdtemp, readdir, readFile, realpath, rename, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { DefaultLogger } from '@temporalio/worker';
import { MockActivityEnvironment } from '@temporalio/testing';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { createActivities } from '../../src/activities/index.js';
import { LoadHandle } from '../../src/client/load-handle.js';
import type { PruneResultsResult } from '../../src/contract/prune-results.js';
import type { PrunedOutput, PruneOutputInput } from '../../src/protocol/activities/retention-types.js';
import { FileRoots } from '../../src/storage/files/file-roots.js';
import { folderUri } from '../../src/storage/locations.js';
import { accounts, auditLines, FAST, openWorld } from '../helpers/load-harness.js';
import type { World } from '../helpers/load-harness.js';
import { nightload, startWorkerProcess } from '../helpers/run-cli.js';
import { startS3Server } from '../helpers/s3-server.js';
import type { S3Server } from '../helpers/s3-server.js';

const DAY_MS = 86_400_000;

let s3: S3Server;
let world: World;
let output: string;
beforeAll(async () => {
  s3 = await startS3Server();
  Object.assign(process.env, s3.settings);
  world = await openWorld();
  output = join(world.folder, 'nightload-results');
});
afterAll(async () => {
  await world.end();
  await s3.close();
});

/** The step as a worker runs it, on another day or with another output. */
async function step(
  input: Partial<PruneOutputInput> = {},
  { client = world.client, defaultOutput = folderUri(output) } = {},
): Promise<PrunedOutput> {
  const { pruneOutput } = createActivities({
    connections: new Map(),
    roots: await FileRoots.open([world.folder], process.env),
    filesQueue: 'files',
    defaultOutput,
    searchAttributes: () => Promise.resolve([]),
    ownerOf: () => Promise.resolve('unknown'),
    workflowsOf: () => Promise.resolve([]),
  });
  const whole = { before: Date.now() + 60_000, dryRun: false, list: { loads: 500, unclear: 100 }, ...input };
  const logger = new DefaultLogger('ERROR');
  const run: (input: PruneOutputInput) => Promise<PrunedOutput> = pruneOutput;
  return new MockActivityEnvironment({}, { client, logger }).run(run, whole);
}

async function tree(folder: string): Promise<string[]> {
  const found = await readdir(folder, { recursive: true, withFileTypes: true });
  return found
    .filter((one) => !one.isDirectory())
    .map((one) =>
      join(one.parentPath, one.name)
        .slice(folder.length + 1)
        .replace(/(run|report)-[0-9a-f]{8}/g, '$1-*'),
    )
    .sort();
}

/** Rows 7 and 14 have no name: they are rejected. */
const rows = accounts(20, (row, n) => (n % 7 === 0 ? { ...row, Name: '' } : row));

/** Copies a load's folder for another workflow, with files of that age. */
async function agedCopy(
  from: string,
  loadId: string,
  { workflowId = `bulk-load/${loadId}`, days = 40 } = {},
): Promise<string> {
  const folder = join(output, loadId);
  await cp(join(output, from), folder, { recursive: true });
  for (const name of ['.nightload-owner', 'report.json']) {
    const text = await readFile(join(folder, name), 'utf8');
    await writeFile(join(folder, name), text.replaceAll(`bulk-load/${from}`, workflowId));
  }
  await age(folder, days);
  return folder;
}

async function age(folder: string, days: number): Promise<void> {
  const at = new Date(Date.now() - days * DAY_MS);
  for (const one of await readdir(folder, { recursive: true })) await utimes(join(folder, one), at, at);
}

async function prune(olderThan = '30d', dryRun = false): Promise<PruneResultsResult> {
  const workflowId = `prune-${Math.random()}`;
  return world.client.workflow.execute('pruneResults', {
    ...{ workflowId, taskQueue: world.taskQueue },
    args: [{ olderThan, dryRun }],
  }) as Promise<PruneResultsResult>;
}

it('removes the rows of an ended load and keeps what refuses them a second time, also after a reset', async () => {
  const input = {
    source: await world.csv([...rows, ...accounts(40).slice(20)]),
    loadId: 'ended',
    part: { maxBytes: 1_000 },
  };
  expect(await world.load(input)).toMatchObject({ state: 'CompletedWithRejects', records: { rejected: 2 } });
  const folder = join(output, 'ended');
  const before = await tree(folder);
  expect(before).toEqual(expect.arrayContaining(['rejected.csv', 'run-*/first/part-00001/succeeded.csv']));

  expect(await step({ before: Date.now() - DAY_MS })).toMatchObject({ loads: 0, recent: 1 });
  const dry = await step({ dryRun: true });
  expect(dry).toMatchObject({ loads: 1, running: 0, unclear: 0, listed: [{ loadId: 'ended', forgotten: false }] });
  expect(await tree(folder)).toEqual(before);

  const done = await step();
  expect(done).toEqual(dry);
  expect(done.files).toBe(before.length - (await tree(folder)).length);
  expect(done.bytes).toBeGreaterThan(1_000);
  const parts = before.filter((name) => name.endsWith('/job.json'));
  expect(parts.length).toBeGreaterThan(1);
  const plans = before.filter((name) => name.endsWith('/plan.json'));
  expect(await tree(folder)).toEqual(
    ['.nightload-owner', 'report.json', 'run-*/report-*.json', ...parts, ...plans].sort(),
  );
  expect(await step()).toMatchObject({ loads: 0, files: 0, bytes: 0 });

  const jobs = world.org.jobs().length;
  const workflowId = 'bulk-load/ended';
  await world.client.workflowService.resetWorkflowExecution({
    ...{ namespace: 'default', requestId: 'again', reason: 'test' },
    ...{ workflowExecution: { workflowId }, workflowTaskFinishEventId: 4 as never },
  });
  expect(await step()).toMatchObject({ loads: 0, running: 1 });
  // The results are downloaded again, for the jobs that the notes name.
  expect(await new LoadHandle(world.client, workflowId).result()).toMatchObject({
    state: 'CompletedWithRejects',
    records: { total: 40, succeeded: 38, rejected: 2, unaccounted: 0 },
  });
  const sent = world.org.jobs().slice(jobs);
  expect(sent.filter(({ uploads }) => uploads > 0)).toEqual([]);

  expect(await step()).toMatchObject({ loads: 1, running: 0 });
  await world.client.workflow.start('bulkLoad', {
    ...{ workflowId, taskQueue: world.taskQueue },
    args: [{ object: 'Account', operation: 'upsert', externalIdFieldName: 'External_Id__c', ...FAST, ...input }],
  });
  expect(await new LoadHandle(world.client, workflowId).result()).toMatchObject({
    error: { code: 'ALREADY_LOADED', message: expect.stringContaining('were removed (`nightload prune`)') as string },
  });
});

it('touches nothing of a load that runs, and nothing when Temporal cannot be asked', async () => {
  const source = await world.csv(rows);
  const handle = await world.start({ source, loadId: 'held', again: true, retry: { ...FAST.retry, holdFor: '1h' } });
  await expect.poll(async () => (await handle.progress()).phase, { timeout: 20_000 }).toBe('holding');
  const folder = join(output, 'held');
  // As if an earlier run with this id had left a report.
  await cp(join(output, 'ended', 'report.json'), join(folder, 'report.json'));
  const report = await readFile(join(folder, 'report.json'), 'utf8');
  await writeFile(join(folder, 'report.json'), report.replaceAll('bulk-load/ended', 'bulk-load/held'));
  await age(folder, 400);
  const before = await tree(folder);
  expect(await step()).toMatchObject({ running: 1 });
  expect(await prune('1d')).toMatchObject({ running: 1 });
  expect(await tree(folder)).toEqual(before);
  await handle.cancel();
  await handle.result();

  const connection = await Connection.connect({ address: inject('temporalAddress') });
  await connection.close();
  const deaf = await step({}, { client: new Client({ connection }) });
  expect(deaf).toMatchObject({ loads: 0, unclear: 2, listedUnclear: [{ code: 'LOAD_STATE_UNKNOWN' }, {}] });
  expect((await tree(join(output, 'held'))).length).toBeGreaterThan(before.length - 1);
});

it('of a load that Temporal no longer knows, only counts are left; the command says what it does', async () => {
  expect(await world.load({ source: await world.csv(rows), loadId: 'model' })).toMatchObject({
    state: 'CompletedWithRejects',
  });
  const folder = await agedCopy('model', 'gone');
  const young = await agedCopy('model', 'gone-lately', { days: 20 });
  const before = await tree(folder);
  const env = { TEMPORAL_ADDRESS: inject('temporalAddress'), NIGHTLOAD_TASK_QUEUE: world.taskQueue };
  const dry = nightload(['prune', '--older-than', '30d', '--dry-run'], env, world.folder);
  expect([await dry.ended, dry.stdout()]).toEqual([0, '']);
  expect(dry.stderr()).toMatch(/^gone {2}no longer in Temporal, newest file \S+ \S+ UTC {2}\d+ files, [\d.]+ kB/m);
  expect(dry.stderr()).toMatch(/^Would remove \d+ files, [\d.]+ kB of 1 load\.$/m);
  expect(await tree(folder)).toEqual(before);

  const command = nightload(['prune', '--older-than', '30d', '--json'], env, world.folder);
  expect(await command.ended).toBe(0);
  expect(JSON.parse(command.stdout())).toMatchObject({ loads: 1, complete: true, listed: [{ loadId: 'gone' }] });
  expect(await tree(folder)).toEqual(['.nightload-owner', 'report.json', 'run-*/report-*.json']);
  expect(await tree(young)).toEqual(before);
  expect(auditLines.find(({ message, loadId }) => message === 'audit: prune' && loadId === 'gone')).toMatchObject({
    caller: 'pruneResults',
    files: before.length - 3,
  });
  const short = nightload(['prune', '--older-than', '2h'], env, world.folder);
  expect(await short.ended).toBe(1);
  expect(short.stderr()).toContain('INVALID_INPUT: "olderThan" is "2h"; the minimum is 1d.');
});

it('stays inside of the output: links, notes of others and thousands of folders', async () => {
  const outside = await realpath(await mkdtemp(join(tmpdir(), 'nightload-outside-')));
  const safe = join(world.folder, 'not-the-output');
  await cp(join(output, 'model'), join(outside, 'victim'), { recursive: true });
  await cp(join(output, 'model'), safe, { recursive: true });
  for (const folder of [outside, safe]) await age(folder, 40);
  const before = [await tree(outside), await tree(safe)];

  await symlink(join(outside, 'victim'), join(output, 'linked'));
  const runOf = async (folder: string): Promise<string> =>
    join(folder, (await readdir(folder)).find((name) => name.startsWith('run-')) ?? '');
  // A run's folder, a stage in it, and a file are replaced by links.
  const swapped = await runOf(await agedCopy('model', 'swapped-run'));
  await rename(swapped, `${swapped}.old`);
  await symlink(await runOf(join(outside, 'victim')), swapped);
  const stage = join(await runOf(await agedCopy('model', 'swapped-stage')), 'first');
  await rename(stage, join(output, 'swapped-stage', 'first'));
  await symlink(join(await runOf(join(outside, 'victim')), 'first'), stage);
  const file = join(await agedCopy('model', 'swapped-file'), 'rejected.csv');
  await rename(file, join(output, 'swapped-file', 'old.csv'));
  await symlink(join(outside, 'victim', 'rejected.csv'), file);
  // A note alone names somebody else's workflow; another one is no note.
  await agedCopy('model', 'stolen');
  const note = JSON.stringify({ workflowId: 'bulk-load/model', firstRunId: 'x' });
  await writeFile(join(output, 'stolen', '.nightload-owner'), note);
  await agedCopy('model', 'garbled');
  await writeFile(join(output, 'garbled', '.nightload-owner'), '{');
  // The workflow is not a load.
  await world.client.workflow.start('orgLimits', { workflowId: 'no-load', taskQueue: world.taskQueue, args: [] });
  await agedCopy('model', 'no-load', { workflowId: 'no-load' });
  const kept = await Promise.all(['stolen', 'garbled', 'no-load'].map((name) => tree(join(output, name))));
  await Promise.all(Array.from({ length: 2_000 }, (_, n) => mkdir(join(output, `empty-${n}`))));
  await agedCopy('model', 'zz-last');

  const found = await prune();
  expect(found).toMatchObject({ failedHosts: [], complete: true });
  expect(found.listed.map(({ loadId }) => loadId)).toContain('zz-last');
  expect(found.listed.map(({ loadId }) => loadId)).not.toContain('linked');
  expect(found.listedUnclear.map(({ loadId, code }) => `${loadId} ${code}`).sort()).toEqual([
    'garbled RESULTS_OWNER_UNCLEAR',
    'no-load RESULTS_OWNER_UNCLEAR',
    'stolen RESULTS_OWNER_UNCLEAR',
  ]);
  expect([await tree(outside), await tree(safe)]).toEqual(before);
  expect(await Promise.all(['stolen', 'garbled', 'no-load'].map((name) => tree(join(output, name))))).toEqual(kept);
  expect((await readdir(output)).filter((name) => name.startsWith('empty-'))).toHaveLength(2_000);
});

it('asks each group of hosts, and reports one that does not do it', async () => {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'nightload-other-host-')));
  await cp(await agedCopy('model', 'elsewhere'), join(folder, 'nightload-results', 'elsewhere'), { recursive: true });
  await rename(join(output, 'elsewhere'), join(output, 'here'));
  await age(join(folder, 'nightload-results', 'elsewhere'), 40);
  const other = await startWorkerProcess(
    {
      ...{ TEMPORAL_ADDRESS: inject('temporalAddress'), NIGHTLOAD_TASK_QUEUE: world.taskQueue },
      ...{ NIGHTLOAD_FILE_ROOTS: folder, SF_INSTANCE_URL: world.org.url, SF_ACCESS_TOKEN: world.org.token },
    },
    folder,
  );
  try {
    const both = async (): Promise<string[]> => (await prune('30d', true)).listed.map(({ loadId }) => loadId).sort();
    await expect.poll(both, { timeout: 10_000 }).toEqual(['elsewhere', 'here']);
    expect(await prune()).toMatchObject({ loads: 2, failedHosts: [], complete: true });
    // Its output is replaced by a link.
    await rename(join(folder, 'nightload-results'), join(folder, 'moved'));
    await symlink(output, join(folder, 'nightload-results'));
    expect(await prune()).toMatchObject({ failedHosts: [{ code: 'FILE_OUTSIDE_ROOTS' }], complete: false });
  } finally {
    other.child.kill('SIGTERM');
    await other.ended;
  }
});

it('removes objects in the same way', async () => {
  const source = await world.csv(rows);
  await world.load({ source, loadId: 'in-store', output: 's3://bucket/results/' });
  s3.put('results/in-store/notes.txt', 'of people');
  s3.put('other/run-1a2b3c4d/rows.csv', 'x');
  const done = await step({}, { defaultOutput: 's3://bucket/results/' });
  expect(done).toMatchObject({ loads: 1, unclear: 0, listed: [{ loadId: 'in-store' }] });
  const left = [...s3.objects.keys()]
    .map((key) => key.replace(/(run|report)-[0-9a-f]{8}/g, '$1-*').replace(/index\/.*Z-/, 'index/*-'))
    .sort();
  expect(left).toEqual([
    'other/run-*/rows.csv',
    'results/in-store/.nightload-owner',
    'results/in-store/notes.txt',
    'results/in-store/report.json',
    'results/in-store/run-*/first/part-00001/job.json',
    'results/in-store/run-*/first/plan.json',
    'results/in-store/run-*/report-*.json',
    // The history of nights outlives the files.
    'results/index/*-in-store.json',
  ]);
});
