/** Rolling 24-hour allocations, on the org's clock. */
import { expect, it } from 'vitest';
import { BASE, Clock, INGEST, openOrg, refusal } from '../../helpers/simulator.js';
import type { TestOrg } from '../../helpers/simulator.js';

interface Limit {
  Max: number;
  Remaining: number;
}

const limits = async (org: TestOrg): Promise<Record<string, Limit>> =>
  (await org.ask('GET', `${BASE}/limits/`)).json as unknown as Record<string, Limit>;

it('[limits-reply] shows what is used and what is left', async () => {
  const org = await openOrg();
  await org.load('Name\nA\n');
  const shown = await limits(org);
  expect(shown['DailyApiRequests']).toEqual({ Max: 100_000, Remaining: 100_000 - org.ledger.count() });
  expect(shown['DailyBulkApiBatches']).toEqual({ Max: 15_000, Remaining: 14_999 });
  expect(Object.keys(shown)).toEqual(
    expect.arrayContaining(['DailyBulkV2QueryJobs', 'DailyBulkV2QueryFileStorageMB', 'DataStorageMB', 'FileStorageMB']),
  );
  // No key counts ingest jobs or records.
  expect(Object.keys(shown).filter((name) => name.includes('Ingest'))).toEqual([]);
});

it('[limits-api-requests] refuses requests beyond the allocation until the window has advanced', async () => {
  const clock = new Clock();
  const org = await openOrg({ now: clock.now, limits: { apiRequests: 3 } });
  await limits(org);
  clock.pass(12);
  await limits(org);
  const last = await org.ask('GET', INGEST);
  expect(last.headers.get('sforce-limit-info')).toBe('api-usage=3/3');
  expect(refusal(await org.ask('GET', INGEST))).toEqual([
    403,
    'REQUEST_LIMIT_EXCEEDED',
    'TotalRequests Limit exceeded.',
  ]);
  clock.pass(12);
  expect((await org.ask('GET', INGEST)).status).toBe(200);
  expect((await org.ask('GET', INGEST)).status).toBe(403);
});

it('[limits-batches] fails a job when batches are used up; its other rows are in no file', async () => {
  const clock = new Clock();
  const org = await openOrg({ now: clock.now, limits: { batches: 2 }, recordsPerSecond: 100_000 });
  const csv = `Name\n${'A\n'.repeat(25_000)}`;
  const run = async (): Promise<{ id: string; info: Record<string, unknown> }> => {
    const id = await org.create();
    await org.send(id, csv);
    clock.pass(1);
    return { id, info: await org.ended(id) };
  };
  const { id, info } = await run();
  expect(info).toMatchObject({
    state: 'Failed',
    numberRecordsProcessed: 20_000,
    errorMessage: 'ExceededQuota : ApiBatchItems Limit exceeded.',
  });
  expect((await org.ask('GET', `${INGEST}/${id}/unprocessedrecords`)).text).toBe('Name\n');
  expect((await limits(org))['DailyBulkApiBatches']).toEqual({ Max: 2, Remaining: 0 });
  expect((await run()).info).toMatchObject({ state: 'Failed', numberRecordsProcessed: 0 });
  clock.pass(24);
  expect((await run()).info).toMatchObject({ state: 'Failed', numberRecordsProcessed: 20_000 });
});

it('[limits-batches-create] refuses a create if configured', async () => {
  const org = await openOrg({ limits: { batches: 1 }, quirks: { batchesUsedUp: 'refuseCreate' } });
  await org.load('Name\nA\n');
  const answer = await org.ask('POST', INGEST, { object: 'Account', operation: 'insert' });
  expect(refusal(answer)).toEqual([400, 'EXCEEDEDQUOTA', 'ExceededQuota : ApiBatchItems Limit exceeded.']);
});

it('[limits-records] fails a job when records are used up, and counts them at the time of their batch', async () => {
  const clock = new Clock();
  const org = await openOrg({ now: clock.now, limits: { records: 1_000 }, recordsPerSecond: 0.01 });
  const first = await org.create();
  await org.send(first, `Name\n${'A\n'.repeat(1_500)}`);
  // Twenty-four hours are 864 rows: the first ones leave the window before the thousandth is loaded.
  clock.pass(48);
  expect(await org.ended(first)).toMatchObject({ state: 'JobComplete', numberRecordsProcessed: 1_500 });
  await org.setRecordsPerSecond(1e6);
  const second = await org.create();
  await org.send(second, `Name\n${'A\n'.repeat(1_500)}`);
  clock.pass(0.01);
  const info = await org.ended(second);
  expect(info).toMatchObject({ state: 'Failed', errorMessage: expect.stringMatching(/^ExceededQuota : /) });
  expect(Number(info['numberRecordsProcessed'])).toBeGreaterThan(0);
  expect(Number(info['numberRecordsProcessed'])).toBeLessThan(1_000);
});
