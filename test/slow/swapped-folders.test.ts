/**
 * Whole loads in a real worker process while another program swaps their folders, and single files, for links, other
 * folders and pipes, as fast as it can. If run by root, that program runs as another user.
 */
import { randomUUID } from 'node:crypto';
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import {
  chmod,
  chown,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  realpath,
  rename,
  rm,
  symlink,
  unlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import { stringify } from 'csv-stringify/sync';
import { afterEach, beforeEach, expect, inject, it } from 'vitest';
import { startBulkLoad } from '../../src/client/start-load.js';
import type { BulkLoadResult } from '../../src/contract/load-result.js';
import { partFolder, runFolder } from '../../src/domain/result-layout.js';
import type { LoadHandle } from '../../src/client/load-handle.js';
import { startSimulator } from '../../src/simulator/index.js';
import type { Simulator } from '../../src/simulator/index.js';
import { startWorkerProcess } from '../helpers/run-cli.js';
import type { Command } from '../helpers/run-cli.js';
import { accounts, FAST } from '../helpers/load-harness.js';

const SECRET = 'PRIVATE-KEY-OF-THE-WORKER';
const ROWS = 400;
/** Short enough that no wait after a failed upload grows beyond half a minute. */
const ATTACK_MS = 12_000;
/** `nobody`, if another user can be used. */
const OTHER = process.getuid?.() === 0 ? 65_534 : undefined;

/** Allowed errors of loads that run during the attack. */
const CLEAR = [
  'FILE_OUTSIDE_ROOTS',
  // A link in the place of the load's results: whether they are those of an earlier run is unknown.
  'ALREADY_LOADED',
  'LOAD_ID_IN_USE',
  'SOURCE_CHANGED',
  'SOURCE_NOT_A_FILE',
  'SOURCE_NOT_READABLE',
  'SOURCE_NOT_FOUND',
  'WORK_FILES_MISSING',
  'WORK_FOLDER_NOT_PRIVATE',
];

/** Errors of steps that are retried. */
const WAITING = ['FILE_OUTSIDE_ROOTS', 'WORK_FILES_MISSING'];

let top: string;
let drop: string;
let outside: string;
let org: Simulator;
let connection: Connection;
let worker: Command;
let taskQueue: string;
let attacker: Attacker | undefined;

beforeEach(async () => {
  top = await realpath(await mkdtemp(join(tmpdir(), 'nightload-swapped-')));
  await chmod(top, 0o711);
  drop = join(top, 'root', 'drop');
  outside = join(top, 'outside');
  for (const path of ['root', 'root/drop', 'root/drop/in', 'root/drop/out', 'outside', 'outside/folder']) {
    await mkdir(join(top, path));
  }
  for (const name of ['data.csv', 'folder/data.csv']) {
    await writeFile(join(outside, name), `External_Id__c,Name,Description\n${SECRET},${SECRET},\n`, { mode: 0o600 });
  }
  await chmod(outside, 0o755);
  if (OTHER !== undefined) for (const path of ['', 'in', 'out']) await chown(join(drop, path), OTHER, OTHER);
  org = await startSimulator({ recordsPerSecond: 400 });
  connection = await Connection.connect({ address: inject('temporalAddress') });
  taskQueue = `swapped-${randomUUID().slice(0, 8)}`;
  worker = await startWorkerProcess(
    {
      TEMPORAL_ADDRESS: inject('temporalAddress'),
      SF_INSTANCE_URL: org.url,
      SF_ACCESS_TOKEN: org.token,
      NIGHTLOAD_FILE_ROOTS: join(top, 'root'),
      NIGHTLOAD_TASK_QUEUE: taskQueue,
    },
    join(top, 'root'),
  );
});
afterEach(async () => {
  attacker?.child.kill('SIGKILL');
  worker.child.kill('SIGKILL');
  await worker.ended;
  await connection.close();
  await org.close();
  await rm(top, { recursive: true, force: true });
});

interface Attacker {
  child: ChildProcess;
  /** Restores everything, and returns the number of swaps. */
  stop(): Promise<number>;
}

/** In each step something is moved aside, is replaced for a moment, and comes back. */
const SWAPPING = `
  const fs = require('node:fs');
  const { execFileSync } = require('node:child_process');
  const { targets, links, isOther, source } = JSON.parse(process.argv[1]);
  let swaps = 0;
  let made = 0;
  const attempt = (step) => { try { step(); return true; } catch { return false; } };
  // The worker may have made a folder there in the meantime: it must not lie in the way.
  const put = (place, step) => {
    if (!attempt(step)) { attempt(() => fs.renameSync(place, place + '-made-' + made++)); attempt(step); }
  };
  const wait = (ms) => { const end = performance.now() + ms; while (performance.now() < end); };
  const pick = (list) => list[Math.floor(Math.random() * list.length)];
  const forge = (place, target) => {
    fs.mkdirSync(place, { mode: 0o777 });
    fs.chmodSync(place, 0o777);
    for (const name of ['data.csv', 'report.json', '.nightload-owner', 'rejected.csv']) fs.symlinkSync(links[0], place + '/' + name);
    if (target.run === undefined) return;
    fs.mkdirSync(place + '/' + target.run + '/first/part-00001', { recursive: true, mode: 0o777 });
    const plan = { rows: links[0], fingerprint: { size: 1, modifiedMs: 1 }, delimiter: ',', lineEnding: 'LF', names: ['Name'],
      parts: [{ start: 0, end: 1, records: 1, crc: 0 }], groups: [{ operation: 'upsert', firstPart: 1, lastPart: 1 }] };
    fs.writeFileSync(place + '/' + target.run + '/first/plan.json', JSON.stringify(plan));
    fs.symlinkSync(links[0], place + '/' + target.run + '/first/part-00001/failed.csv');
  };
  const step = () => {
    const target = pick(targets);
    const { path } = target;
    const aside = path + '-aside';
    if (!attempt(() => fs.renameSync(path, aside))) return;
    swaps++;
    const kind = Math.random();
    if (kind < 0.6 || !isOther) put(path, () => fs.symlinkSync(pick(links), path));
    else if (kind < 0.8) put(path, () => forge(path, target));
    else if (kind < 0.9) put(path, () => fs.linkSync(links[0], path));
    else if (kind < 0.97) put(path, () => fs.writeFileSync(path, source));
    else put(path, () => execFileSync('mkfifo', [path]));
    // Sometimes the worker finds it, mostly it meets the change itself.
    wait(Math.random() < 0.1 ? 30 : Math.random());
    attempt(() => (fs.lstatSync(path).isDirectory() ? fs.renameSync(path, path + '-forged-' + made++) : fs.unlinkSync(path)));
    put(path, () => fs.renameSync(aside, path));
  };
  process.on('disconnect', () => process.exit());
  process.on('message', () => { process.send(swaps, () => process.exit()); });
  const loop = () => {
    for (let n = 0; n < 20; n++) { step(); wait(Math.random() * 2); }
    setTimeout(loop, 5);
  };
  process.send('begins');
  loop();
`;

interface Target {
  path: string;
  /** Name of the folder with working files that may be forged there. */
  run?: string;
}

async function attack(targets: Target[], user: number | undefined): Promise<Attacker> {
  const links = [join(outside, 'data.csv'), outside, join(outside, 'folder'), join(top, 'nowhere'), '/dev/zero'];
  const plan = { targets, links, isOther: user !== undefined, source: 'External_Id__c,Name,Description\nF-1,F,\n' };
  const child = spawn(process.execPath, ['-e', SWAPPING, JSON.stringify(plan)], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    ...(user !== undefined && { uid: user, gid: user }),
  });
  const ended = new Promise((done) => child.once('exit', done));
  await new Promise((begun) => child.once('message', begun));
  return {
    child,
    async stop() {
      const swaps = new Promise<number>((told) => child.once('message', (count) => told(count as number)));
      child.send('stop');
      await ended;
      return swaps;
    },
  };
}

interface Started {
  handle: LoadHandle;
  name: string;
  /** For its working files. */
  run: string;
}

async function start(rows = ROWS): Promise<Started> {
  const name = `swapped-${randomUUID().slice(0, 8)}`;
  const path = join(drop, 'in', `${name}.csv`);
  await writeFile(
    path,
    stringify(
      accounts(rows, (row, n) => ({ ...row, External_Id__c: `${name}-${n}` })),
      { header: true },
    ),
  );
  return begin(name, path);
}

async function begin(name: string, path: string): Promise<Started> {
  const client = new Client({ connection });
  const handle = await startBulkLoad(
    client,
    {
      source: pathToFileURL(path).href,
      output: pathToFileURL(join(drop, 'out')).href,
      object: 'Account',
      operation: 'upsert',
      externalIdFieldName: 'External_Id__c',
      loadId: name,
      ...FAST,
      part: { maxBytes: 5_000, maxConcurrent: 3 },
    },
    { taskQueue },
  );
  const { runId } = await client.workflow.getHandle(handle.workflowId).describe();
  return { handle, name, run: runFolder(runId) };
}

/** All files with times and contents. */
async function everythingIn(folder: string): Promise<string[]> {
  const found: string[] = [];
  for (const name of (await readdir(folder, { recursive: true })).sort()) {
    const { ino, mtimeMs, size, mode } = await lstat(join(folder, name));
    found.push([name, ino, mtimeMs, size, mode].join(' '));
  }
  return found;
}

async function filesWith(text: string, folder: string): Promise<string[]> {
  const found: string[] = [];
  for (const name of await readdir(folder, { recursive: true })) {
    const path = join(folder, name);
    if ((await lstat(path)).isFile() && (await readFile(path, 'latin1')).includes(text)) found.push(name);
  }
  return found;
}

/** Error codes of failed and currently failing steps. */
async function codesIn(loads: readonly Started[]): Promise<Set<string>> {
  const codes = new Set<string>();
  const enter = (failure?: { applicationFailureInfo?: { type?: string | null } | null } | null): void => {
    const type = failure?.applicationFailureInfo?.type;
    if (type != null) codes.add(type);
  };
  const { workflow } = new Client({ connection });
  for (const { handle } of loads) {
    for await (const { workflowId } of workflow.list({ query: `WorkflowId STARTS_WITH "${handle.workflowId}"` })) {
      const child = workflow.getHandle(workflowId);
      const { events } = await child.fetchHistory();
      for (const event of events ?? []) {
        enter(event.activityTaskStartedEventAttributes?.lastFailure);
        enter(event.activityTaskFailedEventAttributes?.failure);
      }
      const { raw } = await child.describe();
      for (const { lastFailure } of raw.pendingActivities ?? []) enter(lastFailure);
    }
  }
  return codes;
}

/** The worker's open handles in the folder. */
async function openFiles(): Promise<string[]> {
  const folder = `/proc/${worker.child.pid}/fd`;
  const paths = await Promise.all((await readdir(folder)).map((fd) => readlink(join(folder, fd)).catch(() => '')));
  return paths.filter((path) => path.startsWith(drop));
}

/** Whatever was swapped: no outside content was loaded, nothing outside was changed, and no handle stays open. */
async function expectUntouched(before: readonly string[]): Promise<void> {
  expect(worker.child.exitCode).toBeNull();
  expect(await everythingIn(outside)).toEqual(before);
  expect((await readdir(top)).sort()).toEqual(['outside', 'root']);
  expect(await filesWith(SECRET, join(top, 'root'))).toEqual([]);
  expect(JSON.stringify(org.records('Account'))).not.toContain(SECRET);
  expect(worker.stderr()).not.toContain(SECRET);
  await expect.poll(openFiles).toEqual([]);
}

function expectClear(loads: readonly Started[], results: readonly BulkLoadResult[]): void {
  for (const [n, { state, error }] of results.entries()) {
    if (state === 'Completed') continue;
    expect(CLEAR, `${loads[n]?.name}: ${error?.code}: ${error?.message}`).toContain(error?.code);
  }
}

it(
  'each load ends during constant swaps, and nothing outside its folders is touched',
  { timeout: 240_000 },
  async () => {
    const before = await everythingIn(outside);
    const loads = [await start(), await start()];
    // They are running when the attack begins; others are started meanwhile.
    await expect.poll(() => org.jobs().some(({ state }) => state !== 'Open'), { timeout: 30_000 }).toBe(true);
    attacker = await attack(
      [
        { path: join(drop, 'in') },
        { path: join(drop, 'out') },
        ...loads.map(({ name }) => ({ path: join(drop, 'in', `${name}.csv`) })),
        ...loads.map(({ name, run }) => ({ path: join(drop, 'out', name), run })),
      ],
      OTHER,
    );
    const until = Date.now() + ATTACK_MS;
    while (Date.now() < until) {
      loads.push(await begin(`late-${randomUUID().slice(0, 8)}`, join(drop, 'in', `${loads[0]?.name}.csv`)));
      await new Promise((done) => setTimeout(done, 2_000));
    }
    expect(await attacker.stop()).toBeGreaterThan(200);
    const results = await Promise.all(loads.map(({ handle }) => handle.result()));
    expectClear(loads, results);
    // The attack did hit them.
    const codes = await codesIn(loads);
    expect(codes).toContain('FILE_OUTSIDE_ROOTS');
    expect(codes).not.toContain('UNEXPECTED');
    await expectUntouched(before);
  },
);

it('links replace working files, even by the same user', { timeout: 240_000 }, async () => {
  const before = await everythingIn(outside);
  const load = await start(2_000);
  await expect.poll(() => org.jobs().some(({ state }) => state !== 'Open'), { timeout: 30_000 }).toBe(true);
  const run = join(drop, 'out', load.name, load.run);
  const stage = join(run, 'first');
  const parts = Array.from({ length: 40 }, (_, n) => join(stage, partFolder(n + 1)));
  const paths = [run, stage, join(stage, 'plan.json'), ...parts, ...parts.map((part) => join(part, 'failed.csv'))];
  attacker = await attack(
    paths.map((path) => ({ path })),
    undefined,
  );
  await expect.poll(() => codesIn([load])).toContain('FILE_OUTSIDE_ROOTS');
  await new Promise((done) => setTimeout(done, ATTACK_MS / 2));
  expect(await attacker.stop()).toBeGreaterThan(50);
  // Files that the worker wrote into a folder that was moved away are lost to it: then a person decides.
  await load.handle.cancel();
  await load.handle.result();
  await expectUntouched(before);
});

it.each<[string, (load: Started) => string]>([
  ['its source', () => 'in'],
  ['all results', () => 'out'],
  ['its results', ({ name }) => `out/${name}`],
])('a load waits for the folder of %s, and resumes by itself when it is back', async (_whose, placeOf) => {
  const before = await everythingIn(outside);
  const load = await start();
  await expect.poll(() => org.jobs().some(({ state }) => state !== 'Open'), { timeout: 30_000 }).toBe(true);
  const place = join(drop, placeOf(load));
  await rename(place, `${place}-aside`);
  await symlink(outside, place);
  await expect.poll(async () => [...(await codesIn([load]))].some((code) => WAITING.includes(code))).toBe(true);
  await unlink(place);
  await rename(`${place}-aside`, place);
  expect(await load.handle.result()).toMatchObject({ state: 'Completed', records: { total: ROWS, succeeded: ROWS } });
  await expectUntouched(before);
});
