/** Files of a load while an attacker plants links, pipes and forged notes where its steps read and write. */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { ActivityFunction } from '@temporalio/common';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { WriteReportInput } from '../../../src/protocol/activities/report-types.js';
import type { BulkLoadResult } from '../../../src/contract/load-result.js';
import { loaded, notStarted, openBench, quietEnvironment, run } from '../../helpers/activity-harness.js';
import type { Bench } from '../../helpers/activity-harness.js';

let bench: Bench;
let folder: string;
let outside: string;
beforeEach(async () => {
  bench = await openBench();
  folder = dirname(fileURLToPath((await bench.plan(SOURCE)).uri)).replace(/\/work$/, '');
  outside = `${folder}-outside`;
  await mkdir(outside);
  await writeFile(join(outside, 'canary'), 'as it was');
});
afterEach(async () => {
  await bench.close();
  await rm(outside, { recursive: true, force: true });
});

const REF = { connection: 'default', apiVersion: 'v66.0' };
const SOURCE = 'External_Id__c,Name\nA,first\nB,\nC,third\n';
const uri = (name: string): string => pathToFileURL(join(folder, name)).href;

async function canary(): Promise<void> {
  expect(await readdir(outside)).toEqual(['canary']);
  expect(await readFile(join(outside, 'canary'), 'utf8')).toBe('as it was');
}

/** A load from its plan to its report. `plant` is called before each step. */
async function wholeLoad(plant: (step: string) => Promise<void> = () => Promise.resolve()): Promise<void> {
  const { activities } = bench;
  await plant('plan');
  // Rows are rewritten.
  const stage = await bench.planAgain({ constants: { Description: 'x' } });
  const jobId = await bench.createJob();
  await plant('upload');
  await bench.upload(stage, jobId);
  await run(activities.closeJob, { ...REF, jobId });
  await expect
    .poll(async () => (await run(activities.readJob, { ...REF, jobId })).value.state, { timeout: 10_000 })
    .toBe('JobComplete');
  await plant('download');
  const part = { stageUri: stage.uri, part: 1 };
  const counts = (await run(activities.downloadResults, { ...REF, ...part, jobId, operation: 'upsert' })).value;
  expect(counts).toMatchObject({ succeeded: 2, failed: 1 });
  const outcome = loaded(counts);
  await plant('sort');
  await bench.sort(stage, [notStarted]);
  const rejected = [(await bench.sort(stage, [outcome])).files.rejected as string];
  const jobs = [{ id: jobId, operation: 'upsert' as const, state: 'JobComplete', records: 3, failed: 1, polls: 1 }];
  await plant('note');
  await run(activities.recordParts, { stageUri: stage.uri, file: 1, outcomes: [outcome], jobs });
  const ended = [{ uri: stage.uri, noted: 1, outcomes: [], jobs: [] }];
  const outputUri = uri('results/');
  await plant('results');
  await run(activities.collectRejected, { outputUri, runId: 'run-1', rejected });
  const { file } = await run(activities.keepColumns, { stageUri: stage.uri, ended, outputUri, runId: 'run-1' });
  await run(activities.writeReport, {
    ...{ outputUri, workUri: uri('work/'), rejected, unprocessed: [], changes: [], ended },
    report: report({ succeeded: [], ...(file !== undefined && { kept: file }) }),
  } satisfies WriteReportInput);
}

function report(files: BulkLoadResult['files']): BulkLoadResult {
  return {
    ...{ loadId: 'results', workflowId: 'test', runId: 'run-1', state: 'CompletedWithRejects' as const },
    ...{ object: 'Account', operation: 'upsert' as const, balanced: true, jobsTotal: 1, apiRequests: 9, jobs: [] },
    records: { total: 3, succeeded: 2, rejected: 1, unprocessed: 0, unaccounted: 0 },
    retry: { rounds: 0, recovered: 0, rerendered: 0 },
    files,
  };
}

async function written(): Promise<string[]> {
  const names: string[] = [];
  for (const top of ['work', 'results']) {
    for (const name of await readdir(join(folder, top), { recursive: true })) names.push(join(top, name));
  }
  return names.sort();
}

it.each([
  [0, undefined, '600', '700'],
  [0o077, '640', '640', '750'],
])('all files of a load have their modes (umask %i, NIGHTLOAD_FILE_MODE %s)', async (umask, said, file, of) => {
  await bench.remove('work');
  const before = process.umask(umask);
  if (said !== undefined) process.env['NIGHTLOAD_FILE_MODE'] = said;
  try {
    await wholeLoad();
  } finally {
    process.umask(before);
    delete process.env['NIGHTLOAD_FILE_MODE'];
  }
  const names = await written();
  for (const name of [
    'results/report.json',
    'results/rejected.csv',
    'results/succeeded-with-source.csv',
    'work/first/plan.json',
  ]) {
    expect(names).toContain(name);
  }
  for (const name of ['work', 'results', ...names]) {
    const found = await stat(join(folder, name));
    expect(`${name} ${(found.mode & 0o7777).toString(8)}`).toBe(`${name} ${found.isDirectory() ? of : file}`);
  }
  expect(names.filter((name) => name.endsWith('.tmp'))).toEqual([]);
});

it('links at every name that is written are replaced or refused, and their targets stay unchanged', async () => {
  await bench.remove('work');
  await wholeLoad();
  const names: string[] = [];
  for (const name of await written()) {
    // Unpredictable names cannot be planted in advance.
    if ((await stat(join(folder, name))).isFile() && !/-[0-9a-f]{8}\.csv$/.test(name)) names.push(name);
  }
  expect(names.length).toBeGreaterThan(10);
  const plantAll = async (besides: readonly string[]): Promise<void> => {
    for (const name of names.filter((one) => !besides.includes(one))) {
      await mkdir(dirname(join(folder, name)), { recursive: true, mode: 0o700 });
      await rm(join(folder, name), { recursive: true, force: true });
      await symlink(join(outside, 'canary'), join(folder, name));
    }
  };
  const again = async (besides: readonly string[], at: string): Promise<unknown> => {
    for (const top of ['work', 'results']) await rm(join(folder, top), { recursive: true, force: true });
    return wholeLoad((step) => (step === at ? plantAll(besides) : Promise.resolve())).catch((error: unknown) => error);
  };
  const notes = ['work/first/plan.json', 'work/first/part-00001/job.json', 'results/.nightload-owner'];
  const refused = { type: 'FILE_OUTSIDE_ROOTS' };
  expect(await again([], 'plan')).toMatchObject(refused);
  await canary();
  expect(await again(notes.slice(0, 1), 'plan')).toMatchObject(refused);
  await canary();
  expect(await again(notes.slice(0, 2), 'plan')).toMatchObject({ type: 'LOAD_ID_IN_USE' });
  await canary();
  // With its own notes it completes, over all the others.
  expect(await again(notes, 'plan')).toBeUndefined();
  await canary();
  for (const name of names) expect(`${name} ${(await stat(join(folder, name))).isFile()}`).toBe(`${name} true`);
});

describe('a plan that was changed', () => {
  const plan = (): string => join(folder, 'work/first/plan.json');
  const forged = async (change: (plan: Record<string, unknown>) => unknown): Promise<void> => {
    const text = JSON.stringify(change(JSON.parse(await readFile(plan(), 'utf8')) as Record<string, unknown>));
    await writeFile(plan(), text);
  };
  it.each<[string, string, () => unknown]>([
    ['is huge', 'WORK_FILES_MISSING', () => execFileSync('truncate', ['-s', '1G', plan()])],
    ['is cut off', 'WORK_FILES_MISSING', async () => writeFile(plan(), (await readFile(plan())).subarray(0, 100))],
    ['is deep', 'WORK_FILES_MISSING', () => writeFile(plan(), `{"rows":${'['.repeat(200_000)}`)],
    ['has other types', 'WORK_FILES_MISSING', () => forged((one) => ({ ...one, parts: [{ start: '0', end: {} }] }))],
    [
      'reads backwards',
      'WORK_FILES_MISSING',
      () => forged((one) => ({ ...one, parts: [{ start: -1, end: 1e30, records: 1, crc: 0 }] })),
    ],
    ['is a list', 'WORK_FILES_MISSING', () => writeFile(plan(), '[]')],
    ['names another file', 'FILE_OUTSIDE_ROOTS', () => forged((one) => ({ ...one, rows: join(outside, 'canary') }))],
    [
      'names it by dots',
      'FILE_OUTSIDE_ROOTS',
      () => forged((one) => ({ ...one, rows: `${folder}/../${outside.slice(outside.lastIndexOf('/') + 1)}/canary` })),
    ],
    [
      'names another source',
      'FILE_OUTSIDE_ROOTS',
      () => forged((one) => ({ ...one, kept: { ...(one['kept'] as object), path: '/etc/passwd' } })),
    ],
    [
      'is a link',
      'FILE_OUTSIDE_ROOTS',
      async () => void (await rename(plan(), `${plan()}-`), await symlink(`${plan()}-`, plan())),
    ],
    ['is a pipe', 'SOURCE_NOT_A_FILE', () => execFileSync('sh', ['-c', 'rm "$1" && mkfifo "$1"', 'sh', plan()])],
  ])('%s', async (_what, code, forge) => {
    const stage = await bench.planAgain();
    await forge();
    const begun = Date.now();
    for (const step of [
      () => run(bench.activities.readPartSizes, { stageUri: stage.uri, from: 1 }),
      () => bench.upload(stage, '750000000000001AAA'),
      () => bench.sort(stage, [notStarted], { final: true }),
    ]) {
      await expect(step()).rejects.toMatchObject({ type: code });
    }
    expect(Date.now() - begun).toBeLessThan(30_000);
    await canary();
  });

  it('does not change any prototype', async () => {
    const stage = await bench.planAgain();
    const text = await readFile(plan(), 'utf8');
    await writeFile(plan(), text.replace('{', '{"__proto__":{"polluted":1},"lengths":{"__proto__":{"polluted":1}},'));
    await run(bench.activities.readPartSizes, { stageUri: stage.uri, from: 1 }).catch(() => undefined);
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
  });
});

describe('notes of parts', () => {
  const note = (name: string): string => join(folder, 'work/first', name);
  it.each<[string, (path: string) => unknown]>([
    ['huge', (path) => execFileSync('truncate', ['-s', '1G', path])],
    ['of another form', (path) => writeFile(path, '{"outcomes":[{"part":"1"}],"jobs":{}}')],
    ['cut off', (path) => writeFile(path, '{"outcomes":[')],
  ])('that are %s make the step wait until they are back, and claim nothing', async (_what, forge) => {
    const stage = await bench.planAgain();
    await forge(note('ended-00001.json'));
    await expect(bench.sort(stage, [], { noted: 1, final: true })).rejects.toMatchObject({
      type: 'WORK_FILES_MISSING',
      nonRetryable: false,
    });
    await mkdir(note('part-00001'), { mode: 0o700 });
    await forge(note('part-00001/job.json'));
    // An incomplete note was never acted on.
    expect(await bench.upload(stage, await bench.createJob())).toMatchObject({ records: 3 });
  });
});

it('rows of another file that replaces the source by a swapped folder get into no result file', async () => {
  const text = 'External_Id__c,Name\nA,first\nB,second\n';
  await bench.write('drop/source.csv', text);
  await bench.remove('work');
  const stage = await bench.planAgain({ source: uri('drop/source.csv') });
  const secret = text.replace('second', 'SECRET');
  await writeFile(join(outside, 'source.csv'), secret);
  const { atime, mtime } = await stat(join(folder, 'drop/source.csv'));
  await utimes(join(outside, 'source.csv'), atime, mtime);
  await rename(join(folder, 'drop'), join(folder, 'aside'));
  await symlink(outside, join(folder, 'drop'));
  await expect(bench.sort(stage, [notStarted], { final: true })).rejects.toMatchObject({
    type: 'FILE_OUTSIDE_ROOTS',
    nonRetryable: false,
  });
  await expect(bench.upload(stage, await bench.createJob())).rejects.toMatchObject({ type: 'FILE_OUTSIDE_ROOTS' });
  expect(existsSync(join(folder, 'work/first/sorted-1/unprocessed.csv'))).toBe(false);
  // Once it is restored, the load resumes.
  await rm(join(folder, 'drop'));
  await rename(join(folder, 'aside'), join(folder, 'drop'));
  const sorted = await bench.sort(stage, [notStarted], { final: true });
  expect(await bench.read(sorted.files.unprocessed as string)).toBe(text);
  await rm(join(outside, 'source.csv'));
  await canary();
});

describe('the folder of results', () => {
  const as = (workflowId: string, input: Partial<WriteReportInput> = {}): Promise<unknown> =>
    quietEnvironment({ workflowExecution: { workflowId, runId: 'run-1' } })
      .run(bench.activities.writeReport as ActivityFunction<[WriteReportInput], unknown>, {
        ...{ outputUri: uri('results/'), workUri: uri('work/'), rejected: [], unprocessed: [], changes: [], ended: [] },
        report: report({ succeeded: [] }),
        ...input,
      })
      .catch((error: unknown) => error);

  it('belongs to the workflow that claimed it', async () => {
    expect(await as('bulk-load/mine')).toMatchObject({ report: uri('results/report.json') });
    const before = await bench.read('results/report.json');
    expect(await as('somebody')).toMatchObject({ type: 'LOAD_ID_IN_USE', nonRetryable: true });
    expect(await bench.read('results/report.json')).toBe(before);
    expect(await as('bulk-load/mine')).toMatchObject({ report: uri('results/report.json') });
  });

  it('of a version without that note belongs to the workflow of its report', async () => {
    await bench.write('results/report.json', JSON.stringify(report({ succeeded: [] })));
    expect(await as('somebody')).toMatchObject({ type: 'LOAD_ID_IN_USE' });
    expect(await as('test')).toMatchObject({ report: uri('results/report.json') });
  });

  it.each<[string, (path: string) => unknown]>([
    ['a pipe', (path) => execFileSync('mkfifo', [path])],
    ['a link', (path) => symlink(join(outside, 'canary'), path)],
    ['huge', (path) => execFileSync('truncate', ['-s', '1G', path])],
    ['no note', (path) => writeFile(path, '{"workflowId":{"toString":"test"}}')],
  ])('belongs to no load if its note is %s', async (_what, forge) => {
    await mkdir(join(folder, 'results'));
    await forge(join(folder, 'results/.nightload-owner'));
    expect(await as('test')).toMatchObject({ type: 'LOAD_ID_IN_USE' });
    expect(existsSync(join(folder, 'results/report.json'))).toBe(false);
    await canary();
  });

  it('takes pieces only from the working files', async () => {
    await bench.write('theirs/rows.csv', 'sf__Id,sf__Error\n');
    execFileSync('chmod', ['777', join(folder, 'theirs')]);
    expect(await as('test', { rejected: [uri('theirs/rows.csv')] })).toMatchObject({ type: 'WORK_FOLDER_NOT_PRIVATE' });
    expect(await as('test', { rejected: [pathToFileURL(join(outside, 'canary')).href] })).toMatchObject({
      type: 'FILE_OUTSIDE_ROOTS',
    });
    await symlink(outside, join(folder, 'work/linked'));
    expect(await as('test', { rejected: [uri('work/linked/canary')] })).toMatchObject({ type: 'FILE_OUTSIDE_ROOTS' });
  });
});
