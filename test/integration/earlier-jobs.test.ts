/**
 * A worker that was started after a load began cannot know what was sent before: first the org is asked, then a person.
 */
import { randomUUID } from 'node:crypto';
import { NativeConnection } from '@temporalio/worker';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startBulkLoad } from '../../src/client/start-load.js';
import type { LoadHandle } from '../../src/client/load-handle.js';
import { startDevServer } from '../../src/dev/dev-server.js';
import type { DevServer } from '../../src/dev/dev-server.js';
import { findTemporalServer } from '../../src/dev/find-temporal.js';
import type { RunningWorker } from '../../src/workers/create-worker.js';
import { FAST, newLoadId, openWorld, startTestWorker } from '../helpers/load-harness.js';
import type { World } from '../helpers/load-harness.js';
import { sendJob } from '../helpers/send-job.js';

let world: World;
let connection: NativeConnection;
// A separate server: simulated orgs have the same job ids, and jobs recorded by loads of other tests would count as
// theirs.
let server: DevServer;
const workers: RunningWorker[] = [];
beforeAll(async () => {
  server = await startDevServer({ binary: (await findTemporalServer()).path, uiPort: 'off' });
  world = await openWorld({}, server.address);
  connection = await NativeConnection.connect({ address: server.address });
});
afterAll(async () => {
  await Promise.all(workers.map((worker) => worker.stop()));
  await connection.close();
  await world.end();
  await server.stop();
});

interface Case {
  handle: LoadHandle;
  /** Rows of this case that landed in the org. */
  landed(): number;
  job: string;
}

/** A load of two rows that begins; another program's job with rows; then the load's worker. */
async function open(prefix: string, theirs: string): Promise<Case> {
  const taskQueue = `late-${randomUUID().slice(0, 8)}`;
  const source = await world.csv([
    { External_Id__c: `${prefix}-1`, Name: 'one' },
    { External_Id__c: `${prefix}-2`, Name: 'two' },
  ]);
  const handle = await startBulkLoad(
    world.client,
    {
      source,
      object: 'Account',
      operation: 'insert',
      loadId: newLoadId('late'),
      ...FAST,
    },
    { taskQueue },
  );
  const job = await sendJob(world.org, `External_Id__c,Name\n${theirs}`);
  workers.push(await startTestWorker(connection, world.org, world.folder, taskQueue));
  const landed = (): number =>
    world.org.records('Account').filter(({ values }) => values.get('External_Id__c')?.startsWith(`${prefix}-`)).length;
  return { handle, landed, job };
}

it('adopts the job that received the rows', async () => {
  const { handle, landed } = await open('E1', 'E1-2,two\nE1-1,one\n');
  expect(await handle.result()).toMatchObject({ state: 'Completed', records: { succeeded: 2 }, balanced: true });
  expect(landed()).toBe(2);
});

it("waits with the id of an undecided job, and sends the rows after a person's decision", async () => {
  const { handle, job } = await open('E2', 'E2-other,two\nE2-another,one\n');
  const waitingFor = async (): Promise<string> => (await handle.progress()).waitingFor ?? '';
  await expect.poll(waitingFor).toContain(`a person: job ${job} may hold the rows of part 1`);
  await handle.resume();
  expect(await handle.result()).toMatchObject({ state: 'Completed', records: { succeeded: 2 } });
});

it('sends nothing when such a waiting load is canceled, and does not report rows as unprocessed that may have landed', async () => {
  const { handle, landed } = await open('E3', 'E3-other,two\nE3-another,one\n');
  await expect.poll(async () => (await handle.progress()).waitingFor ?? '').toContain('a person');
  await handle.cancel();
  expect(await handle.result()).toMatchObject({
    state: 'Canceled',
    records: { unprocessed: 0, unaccounted: 2 },
    balanced: false,
    error: { code: 'EARLIER_JOBS_UNKNOWN' },
  });
  // Those of the other program.
  expect(landed()).toBe(2);
  expect(world.org.jobs().filter(({ state }) => state === 'Open')).toEqual([]);
});
