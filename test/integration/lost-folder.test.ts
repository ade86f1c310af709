/**
 * A host that comes back with an empty data folder: the load waits for the old one, and the command reports which
 * folder on which host.
 */
import { rename } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { NativeConnection } from '@temporalio/worker';
import { afterAll, beforeAll, expect, inject, it, vi } from 'vitest';
import { filesPlaceOf, queueLine, queueStates } from '../../src/cli/shared/stuck-loads/task-queues.js';
import { accounts, openWorld, startTestWorker } from '../helpers/load-harness.js';
import type { World } from '../helpers/load-harness.js';

let world: World;
let connection: NativeConnection;
beforeAll(async () => {
  world = await openWorld();
  connection = await NativeConnection.connect({ address: inject('temporalAddress') });
});
afterAll(async () => {
  await world.end();
  await connection.close();
});

it('names a host that now uses another folder, and resumes the load once its folder is back', async () => {
  const { client, taskQueue, worker, org, folder } = world;
  const handle = await world.start({ source: await world.csv(accounts(3)) });
  await handle.pause();
  await vi.waitFor(async () => expect((await handle.progress()).phase).toBe('loading'), 10_000);
  await worker.stop();
  const id = join(folder, '.nightload-id');
  await rename(id, `${id}.kept`);
  const elsewhere = await startTestWorker(connection, org, folder, taskQueue);
  await handle.resume();

  const place = filesPlaceOf(await handle.describe());
  expect(place).toEqual({ filesQueue: worker.filesQueue, filesHost: hostname() });
  const line = await vi.waitFor(
    async () => {
      const states = await queueStates(client, { taskQueue, ...place });
      const gone = states.find(({ service }) => service === 'none');
      expect(gone).toMatchObject({
        queue: worker.filesQueue,
        host: { name: hostname(), otherQueues: [elsewhere.filesQueue] },
      });
      return gone && queueLine(gone);
    },
    { timeout: 20_000, interval: 250 },
  );
  expect(line).toContain(`The host ${hostname()} now serves another folder ("${elsewhere.filesQueue}")`);

  await elsewhere.stop();
  await rename(`${id}.kept`, id);
  const back = await startTestWorker(connection, org, folder, taskQueue);
  try {
    expect(await handle.result()).toMatchObject({ state: 'Completed', records: { succeeded: 3 } });
  } finally {
    await back.stop();
  }
});
