/**
 * Versioning is switched on while a load runs, and off again: the load and the ledger of its org continue, on the version
 * that became current and then on workers without one. The ledger is pinned to none.
 */
import { randomUUID } from 'node:crypto';
import { NativeConnection } from '@temporalio/worker';
import { afterAll, beforeAll, expect, inject, it, vi } from 'vitest';
import type { RunningWorker } from '../../src/workers/create-worker.js';
import { accounts, openWorld, startTestWorker } from '../helpers/load-harness.js';
import type { World } from '../helpers/load-harness.js';

const name = `nightload-${randomUUID().slice(0, 8)}`;
/** Values of `temporal.api.enums.v1.VersioningBehavior`. */
const UNSPECIFIED = 0;
const PINNED = 1;
const AUTO_UPGRADE = 2;

let world: World;
let connection: NativeConnection;
const workers: RunningWorker[] = [];
beforeAll(async () => {
  world = await openWorld();
  connection = await NativeConnection.connect({ address: inject('temporalAddress') });
});
afterAll(async () => {
  await Promise.all(workers.map((worker) => worker.stop()));
  await world.end();
  await connection.close();
});

async function start(buildId?: string): Promise<RunningWorker> {
  const { org, folder, taskQueue } = world;
  const deployment = buildId === undefined ? {} : { deployment: { name, buildId } };
  const worker = await startTestWorker(connection, org, folder, taskQueue, deployment);
  workers.push(worker);
  return worker;
}

/** @param buildId '' for workers without a version */
async function makeCurrent(buildId: string): Promise<void> {
  const current = { namespace: 'default', deploymentName: name, buildId, identity: 'test' };
  await vi.waitFor(() => world.client.workflowService.setWorkerDeploymentCurrentVersion(current), {
    timeout: 20_000,
    interval: 250,
  });
}

async function behaviorOf(workflowId: string): Promise<{ behavior: number; buildId: string | undefined }> {
  const { raw } = await world.client.workflow.getHandle(workflowId).describe();
  const { behavior, deploymentVersion } = raw.workflowExecutionInfo?.versioningInfo ?? {};
  return { behavior: Number(behavior ?? UNSPECIFIED), buildId: deploymentVersion?.buildId ?? undefined };
}

it('a load that runs when versioning is switched on ends on the first version, its ledger on any', async () => {
  const ledger = `nightload-allocation/${new URL(world.org.url).host}`;
  const before = await world.start({
    source: await world.csv(accounts(60)),
    part: { maxBytes: 1_000, maxConcurrent: 1 },
  });
  await expect.poll(() => world.org.jobs().length).toBeGreaterThan(1);
  await before.pause();
  await world.worker.stop();
  const first = await start('a');
  await makeCurrent('a');
  await before.resume();
  await expect.poll(() => behaviorOf(ledger), { timeout: 60_000 }).toEqual({ behavior: AUTO_UPGRADE, buildId: 'a' });
  expect(await before.result()).toMatchObject({ state: 'Completed', records: { succeeded: 60 } });
  expect(await behaviorOf(before.workflowId)).toEqual({ behavior: PINNED, buildId: 'a' });

  await first.stop();
  await start('b');
  await makeCurrent('b');
  const onB = await world.load({ source: await world.csv(accounts(5)) });
  expect(await behaviorOf(onB.workflowId)).toEqual({ behavior: PINNED, buildId: 'b' });
  expect(await behaviorOf(ledger)).toEqual({ behavior: AUTO_UPGRADE, buildId: 'b' });

  // Switched off again.
  await workers.at(-1)?.stop();
  await start();
  await makeCurrent('');
  const off = await world.load({ source: await world.csv(accounts(6)) });
  expect(off).toMatchObject({ state: 'Completed', records: { succeeded: 6 } });
  expect(off.warnings ?? []).toEqual([]);
  expect((await behaviorOf(ledger)).behavior).toBe(UNSPECIFIED);
  for (const job of world.org.jobs()) expect(job.uploads).toBe(1);
}, 180_000);
