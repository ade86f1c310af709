/** One worker, two orgs: an org that takes its rows slowly occupies only its own slots, with files and with objects. */
import type { Client } from '@temporalio/client';
import { temporal } from '@temporalio/proto';
import { NativeConnection } from '@temporalio/worker';
import { parse } from 'csv-parse/sync';
import { stringify } from 'csv-stringify/sync';
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
import { accounts, openWorld, readCsv, startTestWorker } from '../helpers/load-harness.js';
import type { Row, World } from '../helpers/load-harness.js';
import { startS3Server } from '../helpers/s3-server.js';
import type { S3Server } from '../helpers/s3-server.js';

const UPLOADS = 3;
const PARTS = 8;

let world: World;
let s3: S3Server;
let slow: Simulator;
let connection: NativeConnection;
let worker: RunningWorker;

function orgOf({ url, token }: Simulator): SalesforceConnection {
  const settings = connectionsFromEnvironment({ SF_INSTANCE_URL: url, SF_ACCESS_TOKEN: token });
  return openConnection([...settings.values()][0]!);
}

beforeAll(async () => {
  s3 = await startS3Server();
  Object.assign(process.env, s3.settings);
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
    // Were uploads to take the slots of calls, they would take all.
    slots: checkedSlots({ uploads: UPLOADS, fileSteps: 2, calls: UPLOADS }),
  });
});
afterAll(async () => {
  await worker.stop();
  await slow.close();
  await world.end();
  await connection.close();
  await s3.close();
});

/** Where a load lies. */
interface Place {
  queue: (worker: RunningWorker) => string | undefined;
  output: { output?: string };
  /** Writes rows and returns their URI. */
  put: (rows: Row[]) => Promise<string> | string;
  rows: (uri: string) => Promise<number> | number;
}

const FILES: Place = {
  queue: ({ filesQueue }) => filesQueue,
  output: {},
  put: (rows) => world.csv(rows),
  rows: async (uri) => (await readCsv(uri)).length,
};
const OBJECTS: Place = {
  queue: ({ objectsQueue }) => objectsQueue,
  output: { output: 's3://bucket/results/' },
  put(rows) {
    s3.put(`in/${rows.length}.csv`, stringify(rows, { header: true }));
    return `s3://bucket/in/${rows.length}.csv`;
  },
  rows: (uri) => (parse(s3.text(uri.slice('s3://bucket/'.length)), { columns: true }) as Row[]).length,
};

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

it.each([
  ['files', FILES],
  ['objects', OBJECTS],
])(
  '%s: a load completes while an org that takes no rows has all of its upload slots taken',
  async (_what, place) => {
    const { client } = world;
    const stuck = await world.start({
      source: await place.put(accounts(100 * PARTS)),
      connection: 'slow',
      priority: 4,
      part: { maxBytes: 5_000, maxConcurrent: PARTS },
      ...place.output,
    });
    const taken = { running: UPLOADS, waiting: PARTS - UPLOADS };
    await expect.poll(() => uploads(client, stuck.workflowId).catch(() => undefined)).toEqual(taken);

    const source = await place.put(accounts(100));
    const result = await world.load({ source, part: { maxBytes: 2_000 }, ...place.output });
    expect(result).toMatchObject({ state: 'Completed', records: { succeeded: 100 } });
    const landed = await Promise.all(result.files.succeeded.map(async (uri) => place.rows(uri)));
    expect(landed.reduce((sum, rows) => sum + rows, 0)).toBe(100);
    expect(await uploads(client, stuck.workflowId)).toEqual(taken);

    const filesQueue = place.queue(worker) as string;
    const queue = uploadsQueueOf(filesQueue, 'slow');
    await expect
      .poll(() => queueStates(client, { taskQueue: world.taskQueue, filesQueue, connection: 'slow' }))
      .toContainEqual(expect.objectContaining({ queue, service: 'busy', waiting: PARTS - UPLOADS }));

    await stuck.cancel();
    await expect(stuck.result()).resolves.toMatchObject({ state: 'Canceled', records: { succeeded: 0 } });
    const { events } = await client.workflow.getHandle(`${stuck.workflowId}/part-1`).fetchHistory();
    const scheduled = (events ?? []).flatMap(({ activityTaskScheduledEventAttributes: asked }) => asked ?? []);
    const upload = scheduled.find(({ activityType }) => activityType?.name === 'uploadPart');
    expect(upload?.taskQueue?.name).toBe(queue);
    for (const { priority } of scheduled) expect(priority).toMatchObject({ priorityKey: 4, fairnessKey: 'slow' });
  },
  120_000,
);
