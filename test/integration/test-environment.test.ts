/** `nightload/testing` next to a worker that has real loads: neither takes a step of the other. */
import { afterEach, expect, inject, it, vi } from 'vitest';
import { startBulkLoad } from '../../src/client/start-load.js';
import type { BulkLoadInput } from '../../src/exports/contract.js';
import { startTestEnvironment } from '../../src/testing/test-environment.js';
import type { NightloadTestEnvironment, TestEnvironmentOptions } from '../../src/testing/test-environment.js';
import { accounts, FAST, quietWorkers } from '../helpers/load-harness.js';
import { freshNamespace } from '../helpers/namespace.js';

const opened: NightloadTestEnvironment[] = [];
afterEach(async () => {
  vi.unstubAllEnvs();
  for (const environment of opened.splice(0)) await environment.close();
});

async function open(options: TestEnvironmentOptions): Promise<NightloadTestEnvironment> {
  quietWorkers();
  const environment = await startTestEnvironment(options);
  opened.push(environment);
  return environment;
}

async function input(world: NightloadTestEnvironment, loadId: string): Promise<BulkLoadInput> {
  const source = await world.csv(`${loadId}.csv`, accounts(20));
  return { source, object: 'Account', operation: 'upsert', externalIdFieldName: 'External_Id__c', loadId, ...FAST };
}

it('takes no step of a load of the worker on the default task queue of the same server', async () => {
  const address = inject('temporalAddress');
  const namespace = await freshNamespace(address);
  const real = await open({ address, namespace, taskQueue: 'nightload' });
  const test = await open({ address, namespace });
  expect(test.taskQueue).not.toBe('nightload');
  const loads = await Promise.all([
    ...Array.from({ length: 6 }, async (_, n) => startBulkLoad(real.client, await input(real, `real-${n}`))),
    startBulkLoad(test.client, await input(test, 'tested'), { taskQueue: test.taskQueue }),
  ]);
  const results = await Promise.all(loads.map((load) => load.result()));
  expect(results.map(({ state }) => state)).toEqual(Array(7).fill('Completed'));
  expect([real.org.jobs().length, test.org.jobs().length]).toEqual([6, 1]);
});

it("has a separate server with the default task queue, whatever the shell's environment names", async () => {
  const address = inject('temporalAddress');
  vi.stubEnv('TEMPORAL_ADDRESS', address);
  const test = await open({});
  expect(test.address).not.toBe(address);
  const load = await startBulkLoad(test.client, await input(test, 'alone'));
  expect(await load.result()).toMatchObject({ state: 'Completed', records: { succeeded: 20 } });
});

it('leaves no ledger behind on a server that keeps running', async () => {
  const address = inject('temporalAddress');
  const namespace = await freshNamespace(address);
  const watcher = await open({ address, namespace, worker: false });
  const test = await startTestEnvironment({ address, namespace });
  await (await startBulkLoad(test.client, await input(test, 'gone'), { taskQueue: test.taskQueue })).result();
  const ledger = watcher.client.workflow.getHandle(`nightload-allocation/${new URL(test.org.url).host}`);
  await test.close();
  expect((await ledger.describe()).status.name).toBe('TERMINATED');
});
