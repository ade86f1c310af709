/** Workflows that only look like parts of a load, and messages in their names, at a real ledger next to real loads. */
import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, DefaultLogger, NativeConnection, Worker } from '@temporalio/worker';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { callerChecks } from '../../src/workers/caller-check.js';
import { openGoverned } from '../helpers/allocated-loads.js';
import type { Governed } from '../helpers/allocated-loads.js';
import { accounts, FAST } from '../helpers/load-harness.js';
import type { World } from '../helpers/load-harness.js';
import type { Attack } from '../integration/workflows/hostile-workflows.js';

let governed: Governed;
let world: World;
let connection: NativeConnection;
beforeAll(async () => {
  // The rolling window of the org and of the ledger: no usage leaves it during the test.
  governed = await openGoverned({ maxJobs: 2, windowMs: 24 * 3_600_000 }, { now: Date.now });
  ({ world } = governed);
  connection = await NativeConnection.connect({ address: inject('temporalAddress') });
});
afterAll(async () => {
  await governed.end();
  await connection.close();
});

interface Fake {
  workflowId: string;
  runId: string;
}

/** Runs forever, since its tasks have no worker. */
async function fakePart(workflowId = `fake-${randomUUID()}`): Promise<Fake> {
  const handle = await world.client.workflow.start('ingestJob', { taskQueue: 'nobody-polls-it', workflowId });
  return { workflowId, runId: handle.firstExecutionRunId };
}

const signal = (name: string, message: unknown): Promise<void> =>
  world.client.workflow.getHandle(governed.ledgerId).signal(name, message);

it('fake parts delay others for no longer than a check', { timeout: 180_000 }, async () => {
  await world.org.setRecordsPerSecond(100);
  const first = await governed.start(9_000, 'first');
  await expect.poll(() => world.org.jobs().at(-1)?.processed ?? 0).toBeGreaterThan(0);
  const rules = { recordsPerWindow: 1e9, batchesPerWindow: 1e9, windowMs: 86_400_000, reservedRecords: 0, maxJobs: 2 };
  const asked = (fake: Fake, number: number) => ({
    ...{ id: `${fake.runId}/${number}`, holder: fake.workflowId, words: 'x', priority: 1 },
    ...{ records: 75_000_000, batches: 7_500, connection: 'nobody-has-it', apiVersion: 'v66.0', rules },
  });
  const fakes = await Promise.all(Array.from({ length: 120 }, () => fakePart()));
  const [user, teacher, filler, ...others] = fakes as [Fake, Fake, Fake, ...Fake[]];
  await signal('request', asked(user, 1));
  await signal('settle', { id: `${user.runId}/1`, records: 75_000_000, batches: 7_500 });
  await signal('request', asked(teacher, 1));
  await expect.poll(governed.ledger, { timeout: 5_000, interval: 50 }).toMatchObject({ jobsTotal: 2 });
  await signal('learn', { id: `${teacher.runId}/1`, code: 'EXCEEDED_QUOTA' });
  for (let number = 1; number <= 200; number++) await signal('request', asked(filler, number));
  for (const one of others) await signal('request', asked(one, 1));
  const before = await governed.ledger();
  expect(before).toMatchObject({ jobsTotal: 2, waitingTotal: 118, refused: { code: 'EXCEEDED_QUOTA' } });
  expect(before.records.used).toBe(75_000_000);

  const began = Date.now();
  const second = await governed.start(20, 'second');
  expect(await second.result()).toMatchObject({ state: 'Completed', records: { succeeded: 20 } });
  // Two checks, seconds apart.
  expect(Date.now() - began).toBeLessThan(60_000);
  await expect
    .poll(governed.ledger, { timeout: 60_000, interval: 1_000 })
    .toMatchObject({ waitingTotal: 0, jobsTotal: 1, records: { used: 20, limit: 150_000_000 } });
  expect((await governed.ledger()).refused).toBeUndefined();
  await world.org.setRecordsPerSecond(50_000);
  const result = await first.result();
  expect(result).toMatchObject({ state: 'Completed', records: { succeeded: 9_000 } });
  expect(result.warnings).toBeUndefined();
});

it("a part is one that a load has started, on any worker's task queue", { timeout: 120_000 }, async () => {
  const ours = callerChecks({
    connection: () => connection,
    namespace: 'default',
    taskQueue: 'another',
    warn: () => undefined,
  });
  const isPart = ({ workflowId, runId }: Fake, at = 0): Promise<boolean> => ours.isPart({ workflowId, runId }, at);

  const load = await governed.start(20, 'whole');
  await load.result();
  const real = await describe(`${load.workflowId}/part-1`);
  expect(await isPart(real)).toBe(true);
  expect(await isPart(real, real.closedAt)).toBe(true);
  expect(await isPart(real, real.closedAt + 1)).toBe(false);
  expect(await isPart({ ...real, workflowId: load.workflowId })).toBe(false);
  expect(await isPart({ ...real, runId: randomUUID() })).toBe(false);
  expect(await isPart({ ...real, runId: '../x' })).toBe(false);
  expect(await isPart(await describe(load.workflowId))).toBe(false);

  expect(await isPart(await fakePart())).toBe(false);
  expect(await isPart(await fakePart('bulk-load/nobody/part-1'))).toBe(false);

  // Another worker starts one below a load of its own, whose tasks nightload's workers would do.
  const workflowsPath = fileURLToPath(new URL('../integration/workflows/hostile-workflows.ts', import.meta.url));
  const { code } = await bundleWorkflowCode({ workflowsPath, logger: new DefaultLogger('ERROR') });
  const taskQueue = `own-${randomUUID().slice(0, 8)}`;
  const own = await Worker.create({ connection, taskQueue, workflowBundle: { code } });
  await own.runUntil(async () => {
    const workflowId = `own-${randomUUID()}`;
    const attack: Attack = { taskQueue: governed.taskQueue, child: 'ingestJob', args: [] };
    const parent = await world.client.workflow.start('bulkLoad', { taskQueue, workflowId, args: [attack] });
    await parent.result().catch(() => undefined);
    expect(await isPart(await describe(`${workflowId}/part-1`))).toBe(false);
  });
});

it("parts of a load on another worker's task queue keep their requests", { timeout: 120_000 }, async () => {
  await world.org.setRecordsPerSecond(200);
  const rows = accounts(24_000, (row, n) => ({ ...row, External_Id__c: `elsewhere-${n}` }));
  // The ledger runs on the other task queue.
  await (await governed.start(10, 'opens')).result();
  const elsewhere = await world.start({ source: await world.csv(rows), ...FAST });
  const holder = `${elsewhere.workflowId}/part-1`;
  await expect.poll(async () => (await governed.ledger()).jobs.map((job) => job.holder)).toContain(holder);
  const { runId } = await describe(holder);
  const checks = async (): Promise<unknown[]> => {
    const { events } = await world.client.workflow.getHandle(governed.ledgerId).fetchHistory();
    const texts = (events ?? []).map(({ activityTaskCompletedEventAttributes: done }) =>
      Buffer.from(done?.result?.payloads?.[0]?.data ?? '').toString(),
    );
    return texts
      .filter((text) => text.includes('"known"') && text.includes(runId))
      .map((text) => JSON.parse(text) as unknown);
  };
  await expect.poll(checks, { timeout: 90_000, interval: 1_000 }).not.toEqual([]);
  expect((await checks())[0]).toMatchObject({
    connection: 'default',
    gone: [],
    known: expect.arrayContaining([`${runId}/1`]) as string[],
  });
  expect((await governed.ledger()).jobs.map((job) => job.holder)).toContain(holder);
  await world.org.setRecordsPerSecond(50_000);
  await elsewhere.result();
});

async function describe(workflowId: string): Promise<Fake & { closedAt: number }> {
  const { runId, closeTime } = await world.client.workflow.getHandle(workflowId).describe();
  return { workflowId, runId, closedAt: closeTime?.getTime() ?? 0 };
}
