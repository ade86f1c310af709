/** Signals that reach a load together, because its worker was away, reach its parts in their order. */
import { randomUUID } from 'node:crypto';
import { NativeConnection } from '@temporalio/worker';
import { expect, inject, it, onTestFinished } from 'vitest';
import { DEFAULT_ALLOCATION } from '../../src/domain/platform/allocation-settings.js';
import { startBulkLoad } from '../../src/client/start-load.js';
import { accounts, FAST, newLoadId, openWorld, startTestWorker } from '../helpers/load-harness.js';

const PARTS = 6;

it('a pause and a resume', async () => {
  const world = await openWorld({ recordsPerSecond: 20 });
  onTestFinished(() => world.end());
  const connection = await NativeConnection.connect({ address: inject('temporalAddress') });
  onTestFinished(() => connection.close());
  const taskQueue = `pause-${randomUUID().slice(0, 8)}`;
  const startWorker = (): ReturnType<typeof startTestWorker> =>
    startTestWorker(connection, world.org, world.folder, taskQueue, {
      allocations: new Map([['default', { ...DEFAULT_ALLOCATION, maxJobs: 1 }]]),
    });
  const first = await startWorker();
  const source = await world.csv(accounts(PARTS * 10, (row, n) => ({ ...row, External_Id__c: `P-${n}` })));
  const load = await startBulkLoad(
    world.client,
    {
      ...{ source, object: 'Account', operation: 'upsert', externalIdFieldName: 'External_Id__c' },
      ...FAST,
      loadId: newLoadId('paused'),
      part: { maxBytes: 1_000, maxConcurrent: PARTS },
    },
    { taskQueue },
  );
  const waiting = async (): Promise<number> =>
    (await load.progress()).parts.filter(({ phase }) => phase === 'waiting').length;
  await expect.poll(waiting).toBeGreaterThanOrEqual(3);
  await first.stop();
  await load.pause();
  await load.resume();
  await world.org.setRecordsPerSecond(20_000);
  const second = await startWorker();
  onTestFinished(() => second.stop());
  expect(await load.result()).toMatchObject({ state: 'Completed', records: { succeeded: PARTS * 10 } });
}, 90_000);
