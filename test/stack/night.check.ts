/**
 * A night on the whole stack: every part is killed in turn, a version is deployed, the database is restored. Each row
 * must land exactly once, as counted in the org, and the result files must balance.
 */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parse } from 'csv-parse/sync';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import type { LoadHandle } from '../../src/client/load-handle.js';
import type { BulkLoadResult } from '../../src/contract/load-result.js';
import type { Part } from './parts/part.js';
import { accountRows, Stack } from './parts/stack.js';
import type { Worker } from './parts/worker.js';

const DEPLOYMENT = 'nightload';
const POLL = { initialInterval: '500ms', maximumInterval: '1s', settleInterval: '300ms' };
const PART_ROWS = 100;
/** Of the load that runs through all the kills. */
const LONG_PARTS = 80;
const END_LIMIT_MS = 300_000;
/** Of about so many rows. */
const PART_BYTES = 5_200;

let stack: Stack;
const versionA: Worker[] = [];
beforeAll(async () => {
  stack = await Stack.open({ recordsPerSecond: 50, queueDelayMs: 100 });
  for (const n of [1, 2, 3]) versionA.push(await worker('A', n));
  await makeCurrent('A');
});
afterAll(() => stack?.close());

function worker(version: string, n: number): Promise<Worker> {
  const env = { NIGHTLOAD_DEPLOYMENT: DEPLOYMENT, NIGHTLOAD_BUILD_ID: version, NIGHTLOAD_LOG_LEVEL: 'warn' };
  return stack.startWorker(`worker-${version}${n}`, env, ['--drain']);
}

async function makeCurrent(buildId: string): Promise<void> {
  // Refused until its workers poll all queues of the version before.
  await vi.waitFor(
    () =>
      stack.client.workflowService.setWorkerDeploymentCurrentVersion({
        ...{ namespace: 'default', deploymentName: DEPLOYMENT, buildId, identity: 'test' },
      }),
    { timeout: 60_000, interval: 500 },
  );
}

const load = (loadId: string, parts: number): Promise<LoadHandle> =>
  stack.startLoad(accountRows(loadId, parts * PART_ROWS), {
    loadId,
    poll: POLL,
    part: { maxBytes: PART_BYTES, maxConcurrent: 2 },
  });

/** Jobs of the org that are done. */
const done = async (): Promise<number> =>
  (await stack.org.jobs()).filter(({ state }) => state === 'JobComplete').length;

async function untilMoreAreDone(count = 1): Promise<void> {
  const before = await done();
  await expect.poll(done, { timeout: 180_000 }).toBeGreaterThanOrEqual(before + count);
}

/** A load that waits for a person would wait for long: then its progress says for what. */
async function resultOf(handle: LoadHandle): Promise<BulkLoadResult> {
  const limit = new AbortController();
  const late = pause(END_LIMIT_MS, undefined, { signal: limit.signal }).then(async () => {
    throw new Error(`${handle.workflowId} has not ended: ${JSON.stringify(await handle.progress())}`);
  });
  try {
    return await Promise.race([handle.result(), late]);
  } finally {
    limit.abort();
    late.catch(() => undefined);
  }
}

async function expectSound(handle: LoadHandle, rows: number): Promise<BulkLoadResult> {
  const result = await resultOf(handle);
  expect(result).toMatchObject({
    state: 'Completed',
    balanced: true,
    records: { total: rows, succeeded: rows, rejected: 0, unprocessed: 0, unaccounted: 0 },
  });
  const name = `${result.loadId}-`;
  const landed = (await stack.org.records('AccountNumber')).filter(({ key }) => key.startsWith(name));
  expect(landed).toHaveLength(rows);
  expect(new Set(landed.map(({ key }) => key)).size).toBe(rows);
  for (const { applied } of landed) expect(applied).toBe(1);
  const files = await Promise.all(result.files.succeeded.map((uri) => stack.store.read(uri)));
  const keys = files.flatMap((text) => parse(text, { columns: true }) as { AccountNumber: string }[]);
  expect(new Set(keys.map(({ AccountNumber }) => AccountNumber)).size).toBe(rows);
  expect(keys).toHaveLength(rows);
  return result;
}

async function buildsOf(workflowId: string): Promise<string[]> {
  const { events } = await stack.client.workflow.getHandle(workflowId).fetchHistory();
  const builds = (events ?? []).flatMap(
    ({ workflowTaskCompletedEventAttributes: task }) => task?.deploymentVersion?.buildId ?? [],
  );
  return [...new Set(builds)];
}

it('every part is killed in turn, and each row lands once', async () => {
  const long = await load('long', LONG_PARTS);
  const kills: { name: string; part: () => Part }[] = [
    ...versionA.map(({ part }) => ({ name: part.name, part: () => part })),
    { name: 's3', part: () => stack.store.part },
    { name: 'temporal', part: () => stack.temporal.part },
    { name: 'postgres', part: () => stack.postgres.part },
    { name: 'org', part: () => stack.org.front },
  ];
  const short: { handle: LoadHandle; rows: number }[] = [];
  const story: string[] = [];
  for (const { name, part } of kills) {
    short.push({ handle: await load(`with-${name}-killed`, 6), rows: 6 * PART_ROWS });
    await untilMoreAreDone();
    const killedAt = Date.now();
    await part().end('SIGKILL');
    await pause(3_000);
    const restartedAt = Date.now();
    await part().start();
    const readyAt = Date.now();
    await untilMoreAreDone();
    const [start, next] = [readyAt - restartedAt, Date.now() - killedAt].map((ms) => (ms / 1000).toFixed(1));
    story.push(`${name}: killed; ready ${start} s after its restart; the next job was done ${next} s after the kill`);
  }
  for (const { handle, rows } of short) await expectSound(handle, rows);
  await expectSound(long, LONG_PARTS * PART_ROWS);
  for (const job of await stack.org.jobs()) expect(job.uploads).toBeLessThanOrEqual(1);
  console.log(story.join('\n'));
});

it('a version is deployed in mid-load: the load ends on its version, the next one begins on the new one', async () => {
  const onA = await load('begun-on-a', 12);
  await untilMoreAreDone();
  for (const n of [1, 2, 3]) await worker('B', n);
  await makeCurrent('B');
  const onB = await load('begun-on-b', 6);
  await expectSound(onB, 6 * PART_ROWS);
  await expectSound(onA, 12 * PART_ROWS);
  expect(await buildsOf(onA.workflowId)).toEqual(['A']);
  expect(await buildsOf(onB.workflowId)).toEqual(['B']);
  // They were started with --drain.
  for (const { part } of versionA) expect(await part.ended).toBe(0);
});

it('the database is restored to a moment in mid-load: no part is sent twice', async () => {
  const handle = await load('restored', 20);
  await untilMoreAreDone(3);
  stack.postgres.backUp();
  const atBackup = (await stack.org.jobs()).length;
  await untilMoreAreDone(8);
  const running = stack.workers.map(({ part }) => part).filter(({ isRunning }) => isRunning);
  await Promise.all([...running, stack.temporal.part].map((part) => part.end('SIGKILL')));
  const sent = (await stack.org.jobs()).length;
  expect(sent).toBeGreaterThan(atBackup + 4);
  await stack.postgres.restore();
  await stack.temporal.part.start();
  await Promise.all(running.map((part) => part.start()));
  await expectSound(handle, 20 * PART_ROWS);
  const jobs = await stack.org.jobs();
  for (const job of jobs) expect(job.uploads).toBeLessThanOrEqual(1);
  // No worker shares a disk with another one, and none has anything of a load on its own.
  for (const { part } of stack.workers) expect(await readdir(join(stack.folder, part.name))).toEqual(['.nightload-id']);
  console.log(`jobs at the backup: ${atBackup}, at the restore: ${sent}, at the end: ${jobs.length}`);
});
