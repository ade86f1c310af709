/** Workers and servers that die: real processes, killed with real signals. */
import { randomUUID } from 'node:crypto';
import { mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import { stringify } from 'csv-stringify/sync';
import { afterEach, beforeEach, expect, inject, it } from 'vitest';
import { startBulkLoad } from '../../src/client/start-load.js';
import type { LoadHandle } from '../../src/client/load-handle.js';
import { startSimulator } from '../../src/simulator/index.js';
import type { Simulator } from '../../src/simulator/index.js';
import { startDevServer } from '../../src/dev/dev-server.js';
import { findTemporalServer } from '../../src/dev/find-temporal.js';
import { startWorkerProcess } from '../helpers/run-cli.js';
import type { Command } from '../helpers/run-cli.js';
import { accounts, newLoadId } from '../helpers/load-harness.js';

let org: Simulator;
let folder: string;
let taskQueue: string;
let workers: Command[];
beforeEach(async () => {
  org = await startSimulator({ recordsPerSecond: 400 });
  folder = await realpath(await mkdtemp(join(tmpdir(), 'nightload-processes-')));
  taskQueue = `processes-${randomUUID().slice(0, 8)}`;
  workers = [];
});
afterEach(async () => {
  for (const { child } of workers) child.kill('SIGKILL');
  await Promise.all(workers.map(({ ended }) => ended));
  await org.close();
  await rm(folder, { recursive: true, force: true });
});

async function work(address: string): Promise<Command> {
  const env = {
    TEMPORAL_ADDRESS: address,
    SF_INSTANCE_URL: org.url,
    SF_ACCESS_TOKEN: org.token,
    NIGHTLOAD_FILE_ROOTS: folder,
    NIGHTLOAD_TASK_QUEUE: taskQueue,
  };
  const worker = await startWorkerProcess(env, folder);
  workers.push(worker);
  return worker;
}

async function load(client: Client, count: number): Promise<LoadHandle> {
  const source = join(folder, 'accounts.csv');
  await writeFile(source, stringify(accounts(count), { header: true }));
  return startBulkLoad(
    client,
    {
      source: pathToFileURL(source).href,
      object: 'Account',
      operation: 'upsert',
      externalIdFieldName: 'External_Id__c',
      loadId: newLoadId('p'),
      poll: { initialInterval: '500ms', maximumInterval: '1s', settleInterval: '200ms' },
    },
    { taskQueue },
  );
}

function expectEachRowOnce(count: number): void {
  const records = org.records('Account');
  expect(records).toHaveLength(count);
  expect(records.every(({ applied }) => applied === 1)).toBe(true);
}

it('resumes where it was when its worker is killed while a job is polled', async () => {
  const connection = await Connection.connect({ address: inject('temporalAddress') });
  const first = await work(inject('temporalAddress'));
  const handle = await load(new Client({ connection }), 4_000);
  await expect.poll(() => org.jobs()[0]?.polls.length ?? 0).toBeGreaterThan(1);
  first.child.kill('SIGKILL');
  await first.ended;
  await work(inject('temporalAddress'));
  expect(await handle.result()).toMatchObject({ state: 'Completed', records: { succeeded: 4_000 }, jobsTotal: 1 });
  expect(org.ledger.count('upload')).toBe(1);
  expectEachRowOnce(4_000);
  await connection.close();
});

it.each([
  ['the results are downloaded', 'results'],
  ['the job is polled', 'info'],
] as const)('counts every row when the load is canceled and its worker killed while %s', async (_when, kind) => {
  const connection = await Connection.connect({ address: inject('temporalAddress') });
  org.fault({ kind, action: 'hang' });
  const first = await work(inject('temporalAddress'));
  const client = new Client({ connection });
  const handle = await load(client, 300);
  await expect.poll(() => org.ledger.count(kind)).toBeGreaterThan(0);
  await handle.cancel();
  // The worker learns of it with its next heartbeat only.
  const part = client.workflow.getHandle(`${handle.workflowId}/part-1`);
  await expect
    .poll(
      async () => (await part.fetchHistory()).events?.some((event) => event.activityTaskCancelRequestedEventAttributes),
      {
        interval: 20,
      },
    )
    .toBe(true);
  first.child.kill('SIGKILL');
  await first.ended;
  await work(inject('temporalAddress'));
  const result = await handle.result();
  expect(result).toMatchObject({ state: 'Canceled', balanced: true, records: { unaccounted: 0 } });
  const { succeeded, unprocessed } = result.records;
  expect(succeeded + unprocessed).toBe(300);
  expect(org.records('Account')).toHaveLength(succeeded);
  expect(org.jobs().every(({ state }) => state === 'JobComplete' || state === 'Aborted')).toBe(true);
  await connection.close();
});

it('never repeats an upload whose worker was killed: aborts the job and uses another one', async () => {
  const connection = await Connection.connect({ address: inject('temporalAddress') });
  org.fault({ kind: 'upload', action: 'hang' });
  const first = await work(inject('temporalAddress'));
  const client = new Client({ connection });
  const handle = await load(client, 300);
  await expect.poll(() => org.ledger.count('upload')).toBe(1);
  first.child.kill('SIGKILL');
  await first.ended;
  await work(inject('temporalAddress'));
  const result = await handle.result();
  expect(result).toMatchObject({ state: 'Completed', records: { succeeded: 300 }, jobsTotal: 2 });
  expect(org.jobs().map(({ state, uploads }) => [state, uploads])).toEqual([
    ['Aborted', 0],
    ['JobComplete', 1],
  ]);
  expectEachRowOnce(300);
  const { events } = await client.workflow.getHandle(`${handle.workflowId}/part-1`).fetchHistory();
  const steps = events?.map((event) => event.activityTaskScheduledEventAttributes?.activityType?.name);
  // The second job needs no lease of its own.
  expect(steps?.filter((name) => name === 'requestLease')).toHaveLength(1);
  expect(steps?.filter((name) => name === 'createJob')).toHaveLength(2);
  await connection.close();
});

it('shuts down gracefully on SIGTERM and leaves the load to the next worker', async () => {
  const connection = await Connection.connect({ address: inject('temporalAddress') });
  const first = await work(inject('temporalAddress'));
  const handle = await load(new Client({ connection }), 2_000);
  await expect.poll(() => org.jobs()[0]?.state).toBe('InProgress');
  first.child.kill('SIGTERM');
  expect(await first.ended).toBe(0);
  expect(first.stderr()).toContain('SIGTERM: the worker takes no more work');
  await work(inject('temporalAddress'));
  expect(await handle.result()).toMatchObject({ state: 'Completed', records: { succeeded: 2_000 }, jobsTotal: 1 });
  await connection.close();
});

it('survives a restart of the Temporal server', async () => {
  const { path } = await findTemporalServer();
  const dbFile = join(folder, 'temporal.db');
  const server = await startDevServer({ binary: path, dbFile, uiPort: 'off' });
  const connection = await Connection.connect({ address: server.address });
  await work(server.address);
  const handle = await load(new Client({ connection }), 4_000);
  await expect.poll(() => org.jobs()[0]?.polls.length ?? 0).toBeGreaterThan(0);
  await server.stop();
  await connection.close();
  const again = await startDevServer({
    binary: path,
    dbFile,
    uiPort: 'off',
    port: Number(server.address.split(':')[1]),
  });
  const connectionAgain = await Connection.connect({ address: again.address });
  try {
    const found = new Client({ connection: connectionAgain }).workflow.getHandle(handle.workflowId);
    expect(await found.result()).toMatchObject({ state: 'Completed', records: { succeeded: 4_000 }, jobsTotal: 1 });
    expectEachRowOnce(4_000);
  } finally {
    await connectionAgain.close();
    await again.stop();
  }
});
