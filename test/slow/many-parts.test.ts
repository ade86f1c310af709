/** Loads of thousands of parts: histories stay small, and every row lands once. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { BulkLoadResult } from '../../src/contract/load-result.js';
import { accounts, expectSound, openWorld, readCsv } from '../helpers/load-harness.js';
import type { World } from '../helpers/load-harness.js';

/** As many as a machine loads in a few minutes. `NIGHTLOAD_PARTS=20000` takes an hour. */
const PARTS = Number(process.env['NIGHTLOAD_PARTS'] ?? 1_200);
/** The server accepts 2 MB. */
const MAX_PAYLOAD = 200_000;
/** One row with this many characters fills the smallest possible part. */
const FILLING = 'x'.repeat(700);
const TINY = { maxBytes: 1_000, maxConcurrent: 20 };

let world: World;
beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world.end());

interface Seen {
  runs: number;
  events: number;
  largest: number;
}

/** All runs of a workflow. */
async function seen(workflowId: string): Promise<Seen> {
  const all: Seen = { runs: 0, events: 0, largest: 0 };
  for await (const { runId } of world.client.workflow.list({ query: `WorkflowId = "${workflowId}"` })) {
    const { events } = await world.client.workflow.getHandle(workflowId, runId).fetchHistory();
    all.runs++;
    all.events += events?.length ?? 0;
    // JSON writes the bytes of a payload as base64.
    for (const event of events ?? []) all.largest = Math.max(all.largest, JSON.stringify(event).length * 0.75);
  }
  return all;
}

async function reportOf(result: BulkLoadResult): Promise<BulkLoadResult> {
  return JSON.parse(await readFile(fileURLToPath(result.files.report ?? ''), 'utf8')) as BulkLoadResult;
}

it(`loads ${PARTS} parts in one load`, { timeout: 7_200_000 }, async () => {
  const rows = accounts(PARTS, (row, n) => ({ ...row, Description: FILLING, ...(n % 400 === 0 && { Name: '' }) }));
  const handle = await world.start({ source: await world.csv(rows), part: TINY, abortWhen: { failedRatio: 1 } });
  const result = await handle.result();
  const rejected = Math.floor(PARTS / 400);
  expect(result).toMatchObject({
    state: 'CompletedWithRejects',
    records: { total: PARTS, succeeded: PARTS - rejected, rejected, unprocessed: 0, unaccounted: 0 },
    balanced: true,
    jobsTotal: PARTS,
  });
  expect(result.jobs).toHaveLength(200);
  expect(result.files.succeeded).toHaveLength(200);
  const report = await reportOf(result);
  expect(report.jobs).toHaveLength(PARTS);
  expect(report.files.succeeded).toHaveLength(PARTS - rejected);
  expect(world.org.jobs()).toHaveLength(PARTS);
  await expectSound(world, result);
  const { runs, events, largest } = await seen(handle.workflowId);
  expect(runs).toBeGreaterThan(1);
  expect(events / PARTS).toBeLessThan(15);
  expect(largest).toBeLessThan(MAX_PAYLOAD);
});

it(
  'cancels a load of 20,000 parts: the rows of those that never began are unprocessed',
  { timeout: 900_000 },
  async () => {
    const rows = accounts(20_000, (row, n) => ({ ...row, External_Id__c: `C-${n}`, Description: FILLING }));
    const handle = await world.start({ source: await world.csv(rows), part: TINY });
    await expect
      .poll(async () => (await handle.progress()).records.succeeded, { timeout: 300_000, interval: 1_000 })
      .toBeGreaterThan(100);
    const asked = Date.now();
    await handle.cancel();
    const result = await handle.result();
    expect(Date.now() - asked).toBeLessThan(300_000);
    expect(result).toMatchObject({ state: 'Canceled', records: { total: 20_000, unaccounted: 0 }, balanced: true });
    expect(await readCsv(result.files.unprocessed)).toHaveLength(result.records.unprocessed);
    expect((await reportOf(result)).jobs).toHaveLength(result.jobsTotal);
    expect((await seen(handle.workflowId)).largest).toBeLessThan(MAX_PAYLOAD);
  },
);

it('sends 250 parts again', { timeout: 1_200_000 }, async () => {
  const before = world.org.jobs().length;
  const rows = accounts(250, (row, n) => ({
    ...row,
    External_Id__c: `R-${n}`,
    Description: `${FILLING} [locked once]`,
  }));
  const handle = await world.start({ source: await world.csv(rows), part: TINY, abortWhen: { failedRatio: 1 } });
  const result = await handle.result();
  expect(result).toMatchObject({
    state: 'Completed',
    records: { total: 250, succeeded: 250 },
    retry: { rounds: 1, recovered: 250 },
  });
  // A busy machine may interrupt an upload, which requires another job.
  const created = world.org.jobs().slice(before);
  expect(result.jobsTotal).toBe(created.length);
  const reported = (await reportOf(result)).jobs ?? [];
  expect(new Set(reported.map(({ id }) => id)).size).toBe(created.length);
  expect(reported).toHaveLength(created.length);
  await expectSound(world, result);
  for (const id of [handle.workflowId, `${handle.workflowId}/retry`]) {
    expect((await seen(id)).largest).toBeLessThan(MAX_PAYLOAD);
  }
});
