import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LoadProgress } from '../../src/contract/load-progress.js';
import { accounts, expectSound, FAST, newLoadId, openWorld, readCsv } from '../helpers/load-harness.js';
import type { Row, World } from '../helpers/load-harness.js';

let world: World;
beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world.end());

function keyed(prefix: string, count: number, change: (row: Row, n: number) => Row = (row) => row): Row[] {
  return accounts(count, (row, n) => change({ ...row, External_Id__c: `${prefix}-${n}` }, n));
}

const created = (jobsBefore: number): number => world.org.jobs().length - jobsBefore;

it('cuts a file into parts at record ends and keeps one tally', async () => {
  const rows = keyed('P1', 1_000, (row, n) =>
    n % 250 === 0 ? { ...row, Description: 'x\ny [locked once]' } : n % 300 === 0 ? { ...row, Name: '' } : row,
  );
  const result = await world.load({ source: await world.csv(rows), part: { maxBytes: 10_000, maxConcurrent: 3 } });
  expect(result).toMatchObject({
    state: 'CompletedWithRejects',
    records: { total: 1_000, succeeded: 997, rejected: 3, unprocessed: 0, unaccounted: 0 },
    balanced: true,
    retry: { rounds: 1, recovered: 4 },
  });
  expect(result.jobsTotal).toBeGreaterThan(5);
  expect(result.jobs?.[0]?.failed).toBeGreaterThan(0);
  await expectSound(world, result);
  expect(await readCsv(result.files.rejected)).toHaveLength(3);
});

it('runs two parts, but never more than the maximum at a time', async () => {
  await world.org.setRecordsPerSecond(1_000);
  const handle = await world.start({
    source: await world.csv(keyed('P2', 900)),
    part: { maxBytes: 20_000, maxConcurrent: 2 },
  });
  let most = 0;
  for (;;) {
    const { phase, parts } = await handle.progress();
    most = Math.max(most, parts.filter((part) => !['waiting', 'done', 'failed'].includes(part.phase)).length);
    if (phase === 'done') break;
    await new Promise((done) => setTimeout(done, 50));
  }
  await world.org.setRecordsPerSecond(20_000);
  const result = await handle.result();
  expect(result).toMatchObject({ state: 'Completed', records: { succeeded: 900 } });
  expect(most).toBe(2);
});

describe('a part with many rows', () => {
  const ROWS = 55_000;

  /** Whether the second part was started before the first had ended. */
  async function overlaps(prefix: string, badRow: number | undefined): Promise<boolean> {
    const rows = Array.from({ length: 2 * ROWS }, (_, n) => ({
      Name: n === badRow ? '' : 'x',
      External_Id__c: `${prefix}-${String(n).padStart(6, '0')}`,
    }));
    await world.org.setRecordsPerSecond(500_000);
    const handle = await world.start({
      source: await world.csv(rows),
      part: { maxBytes: Math.ceil('x,P0-000000\n'.length * ROWS * 1.01), maxConcurrent: 1 },
    });
    const result = await handle.result();
    await world.org.setRecordsPerSecond(20_000);
    expect(result).toMatchObject({ jobsTotal: 2, balanced: true, records: { total: 2 * ROWS } });
    expect(result.records.succeeded).toBe(2 * ROWS - (badRow === undefined ? 0 : 1));
    const history = await world.client.workflow.getHandle(handle.workflowId).fetchHistory();
    const events = history.events ?? [];
    const started = events.findLastIndex((event) => event.startChildWorkflowExecutionInitiatedEventAttributes);
    const ended = events.findIndex((event) => event.childWorkflowExecutionCompletedEventAttributes);
    expect(started).toBeGreaterThan(0);
    return started < ended;
  }

  it('leaves its place to the next one when its rows have landed: only its results are still downloaded', async () => {
    expect(await overlaps('PA', undefined)).toBe(true);
  });

  it('keeps it until failed rows are counted, because they may stop the load', async () => {
    expect(await overlaps('PB', 5)).toBe(false);
  });
});

it('completes after a job failed halfway: its unprocessed rows are sent again, the landed ones are not', async () => {
  world.org.failNextJobAfter(300);
  const result = await world.load({ source: await world.csv(keyed('P3', 500)) });
  expect(result).toMatchObject({
    state: 'Completed',
    records: { total: 500, succeeded: 500, rejected: 0, unprocessed: 0, unaccounted: 0 },
    balanced: true,
    retry: { rounds: 1, recovered: 200, rerendered: 0 },
    jobsTotal: 2,
  });
  expect(result.jobs?.map(({ state, records }) => [state, records])).toEqual([
    ['Failed', 500],
    ['JobComplete', 200],
  ]);
  const ours = world.org.records('Account').filter(({ values }) => values.get('External_Id__c')?.startsWith('P3-'));
  expect(ours).toHaveLength(500);
  expect(ours.every(({ applied }) => applied === 1)).toBe(true);
  await expectSound(world, result);
});

it('inserts the rest of a job that failed halfway, each row once', async () => {
  world.org.failNextJobAfter(120);
  const rows = accounts(200).map((row) => ({ Name: `P4 ${row['Name']}` }));
  const result = await world.load({ operation: 'insert', source: await world.csv(rows) });
  expect(result).toMatchObject({
    state: 'Completed',
    records: { succeeded: 200 },
    retry: { recovered: 80, rerendered: 0 },
  });
  const names = world.org.records('Account').map(({ values }) => values.get('Name') ?? '');
  expect(names.filter((name) => name.startsWith('P4 '))).toHaveLength(200);
});

describe('a job that failed as a whole with nothing applied', () => {
  const named = (prefix: string): string[] =>
    world.org
      .records('Account')
      .map(({ values }) => values.get('Name') ?? '')
      .filter((name) => name.startsWith(`${prefix} `));
  const rows = (prefix: string): Row[] => accounts(200).map((row) => ({ Name: `${prefix} ${row['Name']}` }));

  it('is sent again in the rounds if the reason may be transient, and an insert lands once', async () => {
    world.org.failNextJobAfter(0, { errorMessage: 'InternalServerError : An unexpected error occurred' });
    const result = await world.load({ operation: 'insert', source: await world.csv(rows('W1')) });
    expect(result).toMatchObject({
      state: 'Completed',
      records: { succeeded: 200, unaccounted: 0 },
      balanced: true,
      retry: { rounds: 1, recovered: 200, rerendered: 0 },
      jobsTotal: 2,
      warnings: [expect.stringContaining('InternalServerError')],
    });
    expect(named('W1')).toHaveLength(200);
    await expectSound(world, result);
  });

  it('is reported when it fails in every round', async () => {
    const errorMessage = 'TooManyLockFailure : Too many lock failure 200 Trying again later';
    world.org.failNextJobAfter(0, { errorMessage, times: 3 });
    const source = await world.csv(rows('W2'));
    const result = await world.load({ operation: 'insert', source, retry: { ...FAST.retry, maxRounds: 2 } });
    expect(result).toMatchObject({
      state: 'Failed',
      error: { code: 'JOB_FAILED', message: expect.stringContaining('TooManyLockFailure : Too many lock failure') },
      records: { succeeded: 0, unprocessed: 200, unaccounted: 0 },
      retry: { rounds: 2 },
      jobsTotal: 3,
    });
    expect(named('W2')).toEqual([]);
    await expectSound(world, result);
  });

  it('needs a person if the platform reports the reason', async () => {
    const errorMessage = 'InvalidBatch : Field name not found : Nope__c. Batch will not be retried.';
    world.org.failNextJobAfter(0, { errorMessage });
    const result = await world.load({ operation: 'insert', source: await world.csv(rows('W3')) });
    expect(result).toMatchObject({
      state: 'Failed',
      error: { code: 'JOB_FAILED', message: expect.stringContaining(`--map 'Nope__c='`) },
      records: { unprocessed: 200 },
      retry: { rounds: 0 },
      jobsTotal: 1,
    });
  });
});

it('starts no further part after too many permanent failures, and explains how to continue', async () => {
  const before = world.org.jobs().length;
  const rows = keyed('P5', 600, (row) => ({ ...row, Name: '' }));
  const result = await world.load({
    source: await world.csv(rows),
    part: { maxBytes: 10_000, maxConcurrent: 1 },
    abortWhen: { failedRatio: 0.5, afterRecords: 50 },
  });
  expect(result).toMatchObject({ state: 'Failed', error: { code: 'CIRCUIT_OPEN' }, balanced: true, jobsTotal: 1 });
  expect(result.records.unprocessed).toBeGreaterThan(300);
  expect(result.records.rejected + result.records.unprocessed).toBe(600);
  expect(created(before)).toBe(1);
  await expectSound(world, result);
});

it('pauses: starts no new job until it is resumed', async () => {
  const source = await world.csv(keyed('P6', 600));
  await world.org.setRecordsPerSecond(200);
  const before = world.org.jobs().length;
  const handle = await world.start({ source, part: { maxBytes: 10_000, maxConcurrent: 1 } });
  await expect.poll(() => created(before)).toBe(1);
  await handle.pause();
  await world.org.setRecordsPerSecond(20_000);
  await expect.poll(async () => (await handle.progress()).records.succeeded).toBeGreaterThan(0);
  await new Promise((done) => setTimeout(done, 1_000));
  expect(created(before)).toBe(1);
  expect(await handle.progress()).toMatchObject({
    paused: true,
    waitingFor: 'resume',
    phase: 'loading',
  } satisfies Partial<LoadProgress>);
  await handle.resume();
  expect(await handle.result()).toMatchObject({ state: 'Completed', records: { succeeded: 600 } });
});

it('polls at once on request, instead of at the next timer', async () => {
  const before = world.org.jobs().length;
  const handle = await world.start({
    source: await world.csv(keyed('P8', 50)),
    poll: { initialInterval: '10m', maximumInterval: '10m', settleInterval: '1s' },
  });
  await expect.poll(() => world.org.jobs()[before]?.state).toBe('JobComplete');
  await world.client.workflow.getHandle(handle.workflowId).signal('pollNow');
  expect(await handle.result()).toMatchObject({ state: 'Completed', jobs: [{ polls: 1 }] });
});

it('cancels while a job is polled: aborts it, counts landed rows, leaves the rest unprocessed', async () => {
  await world.org.setRecordsPerSecond(500);
  const before = world.org.jobs().length;
  const handle = await world.start({
    source: await world.csv(keyed('P7', 25_000)),
    loadId: newLoadId('c'),
  });
  await expect.poll(() => world.org.jobs()[before]?.processed ?? 0).toBeGreaterThan(200);
  await handle.cancel();
  await expect.poll(() => world.org.jobs()[before]?.state).toBe('Aborted');
  // The running batch of 10,000 is still finished.
  await world.org.setRecordsPerSecond(50_000);
  const result = await handle.result();
  expect(result).toMatchObject({
    state: 'Canceled',
    records: { total: 25_000, succeeded: 10_000, rejected: 0, unprocessed: 15_000, unaccounted: 0 },
    balanced: true,
  });
  expect((await handle.describe()).status.name).toBe('CANCELLED');
  await world.org.setRecordsPerSecond(20_000);
  await expectSound(world, result);
});

it('sends no row again from a result file that shows a column blank', async () => {
  const blind = await openWorld({ quirks: { misCasedColumns: 'blankEverywhere' } });
  try {
    // A refusal counts only when it is repeated.
    const refused = { status: 403, errorCode: 'INSUFFICIENT_ACCESS', message: 'no' };
    blind.org.fault({ kind: 'describe', times: 3, action: refused });
    const source = await blind.csv(
      accounts(50).map((row, i) => ({ Name: `${row['Name']}${i < 5 ? ' [locked once]' : ''}`, PHONE: `${i}` })),
    );
    const result = await blind.load({ operation: 'insert', source });
    expect(result).toMatchObject({
      state: 'CompletedWithRejects',
      records: { succeeded: 45, rejected: 5, unprocessed: 0, unaccounted: 0 },
      retry: { rounds: 0, rerendered: 0 },
    });
    const rejected = await readCsv(result.files.rejected);
    expect(rejected.every(({ sf__Error }) => /^INCOMPLETE_RESULT_ROW:.*PHONE/.test(sf__Error ?? ''))).toBe(true);
    expect(blind.org.records('Account').every(({ values }) => (values.get('Phone') ?? '') !== '')).toBe(true);
  } finally {
    await blind.end();
  }
});
