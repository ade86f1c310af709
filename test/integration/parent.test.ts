import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, DefaultLogger, NativeConnection, Worker } from '@temporalio/worker';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { LoadHandle } from '../../src/client/load-handle.js';
import { accounts, expectSound, FAST, openWorld } from '../helpers/load-harness.js';
import type { World } from '../helpers/load-harness.js';
import type { loadAndCancel, loadAndReport } from './workflows/parent-workflows.js';

let world: World;
let connection: NativeConnection;
let parents: Worker;
let running: Promise<void>;
const taskQueue = `parents-${randomUUID().slice(0, 8)}`;

beforeAll(async () => {
  world = await openWorld();
  connection = await NativeConnection.connect({ address: inject('temporalAddress') });
  parents = await Worker.create({
    connection,
    taskQueue,
    workflowBundle: await bundleWorkflowCode({
      workflowsPath: fileURLToPath(new URL('./workflows/parent-workflows.ts', import.meta.url)),
      logger: new DefaultLogger('ERROR'),
    }),
  });
  running = parents.run();
});
afterAll(async () => {
  parents.shutdown();
  await running;
  await connection.close();
  await world.end();
});

it('is started by name from a workflow on another task queue, and returns its result', async () => {
  const load = {
    source: await world.csv(accounts(120)),
    object: 'Account',
    operation: 'upsert',
    externalIdFieldName: 'External_Id__c',
    ...FAST,
  };
  const handle = await world.client.workflow.start<typeof loadAndReport>('loadAndReport', {
    taskQueue,
    workflowId: randomUUID(),
    args: [load, world.taskQueue],
  });
  expect(await handle.result()).toBe('Completed: 120');
});

it('is canceled by its parent: no job stays Open, landed rows are counted', async () => {
  await world.org.setRecordsPerSecond(400);
  const load = {
    source: await world.csv(accounts(12_000, (row, n) => ({ ...row, External_Id__c: `PC-${n}` }))),
    object: 'Account',
    operation: 'upsert',
    externalIdFieldName: 'External_Id__c',
    ...FAST,
  };
  const workflowId = `bulk-load/cancelled-${randomUUID().slice(0, 8)}`;
  const handle = await world.client.workflow.start<typeof loadAndCancel>('loadAndCancel', {
    taskQueue,
    workflowId: randomUUID(),
    args: [load, world.taskQueue, workflowId, 2_500],
  });
  await expect.poll(() => world.org.jobs().at(-1)?.state).toBe('Aborted');
  await world.org.setRecordsPerSecond(20_000);
  expect(await handle.result()).toBe('canceled');
  const result = await new LoadHandle(world.client, workflowId).result();
  expect(result).toMatchObject({ state: 'Canceled', records: { total: 12_000, unaccounted: 0 }, balanced: true });
  expect(result.records.unprocessed).toBeGreaterThan(0);
  await expectSound(world, result);
});
