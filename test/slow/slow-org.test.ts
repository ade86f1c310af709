/** One worker, two orgs: an org that takes its rows slowly occupies only its own slots. */
import type { Client } from '@temporalio/client';
import { temporal } from '@temporalio/proto';
import { NativeConnection } from '@temporalio/worker';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { queueStates } from '../../src/cli/shared/stuck-loads/task-queues.js';
import { uploadsQueueOf } from '../../src/domain/file-groups.js';
import { DEFAULT_ALLOCATION } from '../../src/domain/platform/allocation-settings.js';
import { connectionsFromEnvironment } from '../../src/salesforce/config/connections-from-env.js';
import { openConnection } from '../../src/salesforce/config/open-connection.js';
import type { SalesforceConnection } from '../../src/salesforce/bulk-client.js';
import { startSimulator } from '../../src/simulator/index.js';
import type { Simulator } from '../../src/simulator/index.js';
import { checkedSlots } from '../../src/workers/slots.js';
import type { RunningWorker } from '../../src/workers/create-worker.js';
import { accounts, expectSound, openWorld, startTestWorker } from '../helpers/load-harness.js';
import type { World } from '../helpers/load-harness.js';

const UPLOADS = 3;
const PARTS = 8;

let world: World;
let slow: Simulator;
let connection: NativeConnection;
let worker: RunningWorker;

function orgOf({ url, token }: Simulator): SalesforceConnection {
  const settings = connectionsFromEnvironment({ SF_INSTANCE_URL: url, SF_ACCESS_TOKEN: token });
  return openConnection([...settings.values()][0]!);
}

beforeAll(async () => {
  world = await openWorld();
  await world.worker.stop();
  slow = await startSimulator({ faults: [{ kind: 'upload', times: 1_000, action: 'hang' }] });
  connection = await NativeConnection.connect({ address: inject('temporalAddress') });
  worker = await startTestWorker(connection, world.org, world.folder, world.taskQueue, {
    connections: new Map([
      ['default', orgOf(world.org)],
      ['slow', orgOf(slow)],
    ]),
    allocations: new Map([['slow', { ...DEFAULT_ALLOCATION, maxJobs: PARTS }]]),
    slots: checkedSlots({ uploads: UPLOADS, fileSteps: 2 }),
  });
});
afterAll(async () => {
  await worker.stop();
  await slow.close();
  await world.end();
  await connection.close();
});

const STARTED = temporal.api.enums.v1.PendingActivityState.PENDING_ACTIVITY_STATE_STARTED;

/** Uploads of a load that run, and that wait for a slot. */
async function uploads(client: Client, workflowId: string): Promise<{ running: number; waiting: number }> {
  const parts = await Promise.all(
    Array.from({ length: PARTS }, async (_, i) => {
      const { raw } = await client.workflow.getHandle(`${workflowId}/part-${i + 1}`).describe();
      return (raw.pendingActivities ?? []).filter(({ activityType }) => activityType?.name === 'uploadPart');
    }),
  );
  const running = parts.flat().filter(({ state }) => state === STARTED).length;
  return { running, waiting: parts.flat().length - running };
}

it('a load completes while an org that takes no rows has all of its upload slots taken', async () => {
  const { client } = world;
  const stuck = await world.start({
    source: await world.csv(accounts(100 * PARTS)),
    connection: 'slow',
    priority: 4,
    part: { maxBytes: 5_000, maxConcurrent: PARTS },
  });
  const taken = { running: UPLOADS, waiting: PARTS - UPLOADS };
  await expect.poll(() => uploads(client, stuck.workflowId).catch(() => undefined)).toEqual(taken);

  const result = await world.load({ source: await world.csv(accounts(100)), part: { maxBytes: 2_000 } });
  expect(result).toMatchObject({ state: 'Completed', records: { succeeded: 100 } });
  await expectSound(world, result);
  expect(await uploads(client, stuck.workflowId)).toEqual(taken);

  const filesQueue = worker.filesQueue;
  const queue = uploadsQueueOf(filesQueue, 'slow');
  await expect
    .poll(() => queueStates(client, { taskQueue: world.taskQueue, filesQueue, connection: 'slow' }))
    .toContainEqual(expect.objectContaining({ queue, service: 'busy', waiting: PARTS - UPLOADS }));

  await stuck.cancel();
  await expect(stuck.result()).resolves.toMatchObject({ state: 'Canceled', records: { succeeded: 0 } });
  const { events } = await client.workflow.getHandle(`${stuck.workflowId}/part-1`).fetchHistory();
  const scheduled = (events ?? []).flatMap(({ activityTaskScheduledEventAttributes: asked }) => asked ?? []);
  expect(scheduled.map(({ activityType }) => activityType?.name)).toContain('uploadPart');
  for (const { priority } of scheduled) expect(priority).toMatchObject({ priorityKey: 4, fairnessKey: 'slow' });
}, 120_000);
