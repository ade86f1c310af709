/** Worker Deployment Versioning: a load ends on the version of the workers that began it. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, DefaultLogger, NativeConnection } from '@temporalio/worker';
import { afterAll, beforeAll, expect, inject, it, vi } from 'vitest';
import { queueStates } from '../../src/cli/shared/stuck-loads/task-queues.js';
import { versionOfLoad } from '../../src/cli/shared/stuck-loads/worker-versions.js';
import { startSimulator } from '../../src/simulator/index.js';
import type { Simulator } from '../../src/simulator/index.js';
import { workflowInterceptorModules } from '../../src/workers/bundle.js';
import type { RunningWorker } from '../../src/workers/create-worker.js';
import { untilDrained } from '../../src/workers/versions/drain.js';
import { accounts, openWorld, startTestWorker } from '../helpers/load-harness.js';
import type { World } from '../helpers/load-harness.js';

const name = `nightload-${randomUUID().slice(0, 8)}`;
const AUTO_UPGRADE = 2;

let world: World;
let laterOrg: Simulator;
let connection: NativeConnection;
const workers: RunningWorker[] = [];
beforeAll(async () => {
  world = await openWorld();
  await world.worker.stop();
  laterOrg = await startSimulator();
  connection = await NativeConnection.connect({ address: inject('temporalAddress') });
});
afterAll(async () => {
  await Promise.all(workers.map((worker) => worker.stop()));
  await laterOrg.close();
  await world.end();
  await connection.close();
});

async function makeCurrent(buildId: string): Promise<void> {
  // Refused until the version's workers poll all queues of the version before.
  await vi.waitFor(
    () =>
      world.client.workflowService.setWorkerDeploymentCurrentVersion({
        namespace: 'default',
        deploymentName: name,
        buildId,
        identity: 'test',
      }),
    { timeout: 20_000, interval: 250 },
  );
}

/** Build ids of the workers that ran a load's workflow tasks, and whether it began with the later version's timer. */
async function ranOn(workflowId: string): Promise<{ builds: string[]; isLater: boolean }> {
  const { events } = await world.client.workflow.getHandle(workflowId).fetchHistory();
  const builds = (events ?? []).flatMap(
    ({ workflowTaskCompletedEventAttributes: done }) => done?.deploymentVersion?.buildId ?? [],
  );
  const first = (events ?? []).find(({ timerStartedEventAttributes: timer }) => timer != null);
  return { builds: [...new Set(builds)], isLater: Number(first?.eventId) === 5 };
}

function drained(buildId: string): { done: Promise<void>; hasEnded: () => boolean; stop: () => void } {
  const stop = new AbortController();
  let ended = false;
  const drain = { connection: () => connection, namespace: 'default', deployment: { name, buildId } };
  const done = untilDrained({ ...drain, signal: stop.signal, checkEveryMs: 250 }).then(() => {
    ended = true;
  });
  return { done, hasEnded: () => ended, stop: () => stop.abort() };
}

it('a load ends on its version although another one is current, new loads begin there, and it can be rolled back', async () => {
  const { org, folder, taskQueue, client } = world;
  const start = async (buildId: string, on: Simulator, code?: string): Promise<void> => {
    const bundle = code === undefined ? {} : { workflowBundle: { code } };
    workers.push(
      await startTestWorker(connection, on, folder, taskQueue, { deployment: { name, buildId }, ...bundle }),
    );
  };
  await start('a', org);
  const begun = await world.start({ source: await world.csv(accounts(40)), part: { maxBytes: 1_000 } });
  const version = { deploymentName: name, buildId: 'a' };
  await expect
    // The worker that has ended is listed for a while.
    .poll(() => queueStates(client, { taskQueue }), { timeout: 120_000 })
    .toContainEqual(expect.objectContaining({ queue: taskQueue, service: 'none', notCurrent: version }));
  await makeCurrent('a');
  await begun.pause();
  await vi.waitFor(async () => expect((await begun.progress()).phase).toBe('loading'), 20_000);

  const { code } = await bundleWorkflowCode({
    workflowsPath: fileURLToPath(new URL('../helpers/later-workflows.ts', import.meta.url)),
    workflowInterceptorModules,
    logger: new DefaultLogger('WARN'),
  });
  // Another org: the rows show which version's activities sent them.
  await start('b', laterOrg, code);
  await makeCurrent('b');
  const onB = await world.load({ source: await world.csv(accounts(5)) });
  expect(onB).toMatchObject({ state: 'Completed', records: { succeeded: 5 } });
  expect(await ranOn(onB.workflowId)).toEqual({ builds: ['b'], isLater: true });
  expect(laterOrg.jobs()).toHaveLength(1);

  const oldOne = drained('a');
  await sleep(1_500);
  expect(oldOne.hasEnded()).toBe(false);
  await begun.resume();
  const onA = await begun.result();
  expect(onA).toMatchObject({ state: 'Completed', records: { succeeded: 40 } });
  expect(await ranOn(onA.workflowId)).toEqual({ builds: ['a'], isLater: false });
  expect(await ranOn(`${onA.workflowId}/part-2`)).toEqual({ builds: ['a'], isLater: false });
  expect(laterOrg.jobs()).toHaveLength(1);
  await oldOne.done;

  const ledger = await client.workflow.getHandle(`nightload-allocation/${new URL(org.url).host}`).describe();
  expect(ledger.raw.workflowExecutionInfo?.versioningInfo?.behavior).toBe(AUTO_UPGRADE);

  const current = drained('b');
  await makeCurrent('a');
  const back = await world.load({ source: await world.csv(accounts(6)) });
  expect(back).toMatchObject({ state: 'Completed', records: { succeeded: 6 } });
  expect(await ranOn(back.workflowId)).toEqual({ builds: ['a'], isLater: false });
  expect(laterOrg.jobs()).toHaveLength(1);
  await current.done;
}, 120_000);

it('a load whose version has no worker left says so, although workers of another version poll', async () => {
  const { client, taskQueue } = world;
  const load = await world.start({ source: await world.csv(accounts(40)), part: { maxBytes: 1_000 } });
  await load.pause();
  const version = { deploymentName: name, buildId: 'a' };
  await expect.poll(async () => versionOfLoad(await load.describe())).toEqual(version);
  await workers[0]?.stop();
  await expect
    // The worker that has ended is listed for a while.
    .poll(() => queueStates(client, { taskQueue, version }), { timeout: 120_000 })
    .toContainEqual(expect.objectContaining({ queue: taskQueue, service: 'none', missingVersion: version }));
  await client.workflow.getHandle(load.workflowId).terminate();
}, 200_000);
