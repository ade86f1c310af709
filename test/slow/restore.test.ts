/**
 * The Temporal database and the data folder are restored to a moment when parts were running: jobs sent since then are
 * found in the org, and no row is sent twice.
 */
import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import { stringify } from 'csv-stringify/sync';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { startBulkLoad } from '../../src/client/start-load.js';
import type { BulkLoadInput } from '../../src/contract/load-input.js';
import type { LoadHandle } from '../../src/client/load-handle.js';
import { startSimulator } from '../../src/simulator/index.js';
import type { Simulator } from '../../src/simulator/index.js';
import { TemporalServer, WorkerProcess } from '../chaos/processes.js';

const PARTS = 4;
const ROWS_OF_PART = 300;
const ROWS = PARTS * ROWS_OF_PART;

let root: string;
let org: Simulator;
let temporal: TemporalServer;
let connection: Connection;
let worker: WorkerProcess;
let taskQueue: string;

const database = (): string => join(root, 'database');
const data = (): string => join(root, 'data');

beforeEach(async () => {
  root = await realpath(await mkdtemp(join(tmpdir(), 'nightload-restore-')));
  await mkdir(database());
  await mkdir(data());
  org = await startSimulator({ recordsPerSecond: 400 });
  temporal = await TemporalServer.start(join(database(), 'temporal.db'));
  taskQueue = `restore-${randomUUID().slice(0, 8)}`;
  connection = await Connection.connect({ address: temporal.address });
  startWorker();
});
afterEach(async () => {
  await worker.end('SIGKILL');
  await connection.close();
  await temporal.kill().catch(() => undefined);
  await org.close();
  await rm(root, { recursive: true, force: true });
});

function startWorker(): void {
  worker = new WorkerProcess(
    {
      SF_INSTANCE_URL: org.url,
      SF_ACCESS_TOKEN: org.token,
      TEMPORAL_ADDRESS: temporal.address,
      NIGHTLOAD_FILE_ROOTS: data(),
      NIGHTLOAD_TASK_QUEUE: taskQueue,
    },
    data(),
  );
}

/** Only their content distinguishes the rows; numbers come back in another format. */
async function start(more: Partial<BulkLoadInput> = {}): Promise<LoadHandle> {
  const rows = Array.from({ length: ROWS }, (_, n) => ({
    Name: `Restored ${String(n + 1).padStart(5, '0')}`,
    AnnualRevenue: `${1_000_000 + n}.50`,
    Description: 'line 1\nline "2"',
  }));
  const text = stringify(rows, { header: true });
  const source = join(data(), 'rows.csv');
  await writeFile(source, text);
  const input: BulkLoadInput = {
    source: pathToFileURL(source).href,
    object: 'Account',
    operation: 'insert',
    loadId: `restore-${randomUUID().slice(0, 8)}`,
    poll: { initialInterval: '300ms', maximumInterval: '500ms', settleInterval: '200ms' },
    part: { maxBytes: Math.ceil(text.length / PARTS) + 20, maxConcurrent: 2 },
    ...more,
  };
  return startBulkLoad(new Client({ connection }), input, { taskQueue });
}

async function stopAll(): Promise<void> {
  await Promise.all([temporal.kill(), worker.end('SIGKILL')]);
}

async function startAll(): Promise<void> {
  await temporal.startAgain();
  startWorker();
}

const copy = (from: string, to: string): void => void execFileSync('cp', ['-a', from, to]);

async function backUp(): Promise<void> {
  await stopAll();
  for (const folder of [database(), data()]) copy(folder, `${folder}.backup`);
  await startAll();
}

async function restore(folders: string[]): Promise<void> {
  await stopAll();
  for (const folder of folders) {
    await rm(folder, { recursive: true });
    copy(`${folder}.backup`, folder);
  }
  await startAll();
}

async function untilJobs(count: number, state: string): Promise<void> {
  const inState = (): number => org.jobs().filter((job) => job.state === state).length;
  await expect.poll(inState, { timeout: 60_000, interval: 50 }).toBeGreaterThanOrEqual(count);
}

async function expectAllOnce(handle: LoadHandle): Promise<void> {
  expect(await handle.result()).toMatchObject({
    state: 'Completed',
    records: { total: ROWS, succeeded: ROWS },
    balanced: true,
  });
  expect(org.records('Account')).toHaveLength(ROWS);
}

it('sends no row twice when database and folder are restored to a moment when parts were running', async () => {
  const handle = await start();
  await untilJobs(1, 'InProgress');
  await backUp();
  await untilJobs(3, 'JobComplete');
  await restore([database(), data()]);
  await expectAllOnce(handle);
});

it('sends no row twice when both are restored to the moment of the first create', async () => {
  org.fault({ kind: 'create', action: 'hang' });
  const handle = await start();
  await expect.poll(() => org.ledger.count('create'), { timeout: 30_000 }).toBeGreaterThan(0);
  await backUp();
  await handle.result();
  await restore([database(), data()]);
  await expectAllOnce(handle);
});

it('sends no row twice when only the database is restored and the folder survived', async () => {
  const handle = await start();
  await untilJobs(1, 'InProgress');
  await backUp();
  await untilJobs(4, 'JobComplete');
  await restore([database()]);
  await expectAllOnce(handle);
});
