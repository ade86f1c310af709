/**
 * The host with a load's files goes away, and a worker with other folders keeps the load's workflows running: the
 * Temporal UI shows, on the pages of the load and of its part, which task queue is missing and what to do.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { NativeConnection } from '@temporalio/worker';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { accounts, openWorld, startTestWorker } from '../helpers/load-harness.js';
import type { World } from '../helpers/load-harness.js';
import type { RunningWorker } from '../../src/workers/create-worker.js';

let world: World;
let otherFolder: string;
let stopOther: () => Promise<void>;
beforeAll(async () => {
  world = await openWorld();
  otherFolder = await mkdtemp(join(tmpdir(), 'nightload-other-'));
  ({ stop: stopOther } = await startHost(otherFolder));
});
afterAll(async () => {
  await stopOther();
  await world.end();
  await rm(otherFolder, { recursive: true });
});

/** A worker with a connection of its own: the SDK permits one worker of a queue on each. */
async function startHost(folder: string): Promise<{ worker: RunningWorker; stop: () => Promise<void> }> {
  const connection = await NativeConnection.connect({ address: inject('temporalAddress') });
  const worker = await startTestWorker(connection, world.org, folder, world.taskQueue);
  const stop = async (): Promise<void> => {
    await worker.stop();
    await connection.close();
  };
  return { worker, stop };
}

/** What the UI shows. */
async function detailsOf(workflowId: string): Promise<string> {
  const handle = world.client.workflow.getHandle(workflowId);
  const { currentDetails } = await handle.query<{ currentDetails: string }, []>('__temporal_workflow_metadata');
  return currentDetails;
}

it('the UI names the missing queue and the host, and the load continues once the host is back', async () => {
  const { worker, org, folder } = world;
  const handle = await world.start({ source: await world.csv(accounts(30)) });
  await handle.pause();
  await expect.poll(async () => (await handle.progress()).phase).toBe('loading');
  await worker.stop();
  await handle.resume();

  const part = `${handle.workflowId}/part-1`;
  const missing = (queue: string): string => `a worker of the task queue "${queue}": none polls it, so start`;
  const uploads = `${worker.filesQueue}-uploads-default`;
  await expect.poll(() => detailsOf(part), { timeout: 240_000, interval: 2_000 }).toContain(missing(uploads));
  expect(await detailsOf(part)).toContain('NIGHTLOAD_FILE_ROOTS as before and the connection "default"');
  await expect.poll(() => detailsOf(handle.workflowId)).toContain(missing(uploads));
  expect((await handle.progress()).waitingFor).toContain(uploads);

  const again = await startHost(folder);
  try {
    expect(again.worker.filesQueue).toBe(worker.filesQueue);
    expect(await handle.result()).toMatchObject({ state: 'Completed', records: { succeeded: 30 } });
  } finally {
    await again.stop();
  }
  expect(await detailsOf(part)).not.toContain('Waits for');
  expect(org.jobs().map(({ uploads: count }) => count)).toEqual([1]);
  const { events } = await world.client.workflow.getHandle(part).fetchHistory();
  const scheduled = (events ?? []).flatMap(({ activityTaskScheduledEventAttributes: asked }) => asked ?? []);
  const named = (name: string): number => scheduled.filter(({ activityType }) => activityType?.name === name).length;
  expect([named('uploadPart'), named('listFileGroups')]).toEqual([2, 1]);
}, 400_000);

it('a host is lost in the middle of a step: the page of the load names it', async () => {
  const { org, folder } = world;
  const host = await startHost(folder);
  org.fault({ kind: 'describe', action: 'hang' });
  const handle = await world.start({ source: await world.csv(accounts(5)) });
  await expect.poll(async () => (await handle.progress()).phase).toBe('planning');
  await expect.poll(() => org.ledger.requests.some(({ kind }) => kind === 'describe')).toBe(true);
  // The step's second attempt waits for another worker.
  await host.stop();
  const text =
    `**Waits for** a worker of the task queue "${host.worker.filesQueue}": none polls it, so start \`nightload worker\` ` +
    `on the host ${hostname()} with the same NIGHTLOAD_FILE_ROOTS as before`;
  await expect.poll(() => detailsOf(handle.workflowId), { timeout: 240_000, interval: 2_000 }).toContain(text);

  const again = await startHost(folder);
  try {
    expect(await handle.result()).toMatchObject({ state: 'Completed', records: { succeeded: 5 } });
  } finally {
    await again.stop();
  }
}, 400_000);
