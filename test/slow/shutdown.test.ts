/** SIGTERM ends a worker within 30 s, whatever its steps wait for; the loads resume with the next worker. */
import { randomUUID } from 'node:crypto';
import { mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import { stringify } from 'csv-stringify/sync';
import { expect, inject, it, onTestFinished } from 'vitest';
import { startBulkLoad } from '../../src/client/start-load.js';
import type { LoadHandle } from '../../src/client/load-handle.js';
import { startSimulator } from '../../src/simulator/index.js';
import { nightload, startWorkerProcess } from '../helpers/run-cli.js';
import type { Command } from '../helpers/run-cli.js';
import { accounts, newLoadId } from '../helpers/load-harness.js';

/** Kubernetes waits this long before it kills. */
const LIMIT_MS = 30_000;
/** The order of a load's steps, the last first: each load passes the step in which the previous one hangs. */
const STEPS = ['describe', 'create', 'upload', 'close', 'info', 'results'] as const;

async function terminate({ child, ended }: Command): Promise<number> {
  const since = Date.now();
  child.kill('SIGTERM');
  await ended;
  return Date.now() - since;
}

it('ends a worker with a hanging call in every step', async () => {
  const org = await startSimulator();
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'nightload-shutdown-')));
  const address = inject('temporalAddress');
  const connection = await Connection.connect({ address });
  const taskQueue = `shutdown-${randomUUID().slice(0, 8)}`;
  const env = {
    TEMPORAL_ADDRESS: address,
    SF_INSTANCE_URL: org.url,
    SF_ACCESS_TOKEN: org.token,
    SF_API_VERSION: 'v66.0',
    NIGHTLOAD_FILE_ROOTS: folder,
    NIGHTLOAD_TASK_QUEUE: taskQueue,
  };
  const workers = [await startWorkerProcess(env, folder)];
  onTestFinished(async () => {
    for (const { child } of workers) child.kill('SIGKILL');
    await Promise.all(workers.map(({ ended }) => ended));
    await connection.close();
    await org.close();
    await rm(folder, { recursive: true, force: true });
  });
  const handles: LoadHandle[] = [];
  for (const kind of STEPS) {
    const asked = (): number => org.ledger.requests.filter((request) => request.kind === kind).length;
    const before = asked();
    org.fault({ kind, action: 'hang' });
    const source = join(folder, `${kind}.csv`);
    const rows = accounts(50).map((row, n) => ({ ...row, External_Id__c: `${kind}-${n}` }));
    await writeFile(source, stringify(rows, { header: true }));
    const load = {
      source: pathToFileURL(source).href,
      object: 'Account',
      operation: 'insert',
      loadId: newLoadId(`s-${kind}`),
      poll: { initialInterval: '200ms', maximumInterval: '500ms', settleInterval: '200ms' },
    } as const;
    handles.push(await startBulkLoad(new Client({ connection }), load, { taskQueue }));
    await expect.poll(asked, { timeout: 30_000 }).toBeGreaterThan(before);
  }

  const took = await terminate(workers[0] as Command);
  console.log(`The worker took ${took} ms to end.`);
  expect(took).toBeLessThan(LIMIT_MS);

  workers.push(await startWorkerProcess(env, folder));
  for (const handle of handles) {
    expect(await handle.result()).toMatchObject({ state: 'Completed', records: { succeeded: 50 }, balanced: true });
  }
  const records = org.records('Account');
  expect(records).toHaveLength(50 * STEPS.length);
  expect(org.jobs().filter(({ state }) => state === 'Open')).toEqual([]);
});

it('ends a worker that waits for Temporal', async () => {
  const silent = createServer((socket) => void socket.on('error', () => undefined).resume());
  await new Promise<void>((done) => silent.listen(0, '127.0.0.1', done));
  const worker = nightload(['worker'], { TEMPORAL_ADDRESS: `127.0.0.1:${(silent.address() as AddressInfo).port}` });
  onTestFinished(() => {
    worker.child.kill('SIGKILL');
    silent.close();
  });
  await new Promise<void>((done) => silent.once('connection', () => done()));
  expect(await terminate(worker)).toBeLessThan(5_000);
});
