/** Whole nights in seconds: Temporal's time-skipping server, and an org with the same clock. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Simulator } from '../../src/simulator/index.js';
import { accounts } from '../helpers/load-harness.js';
import { openNight } from '../helpers/night.js';
import type { Night } from '../helpers/night.js';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

let night: Night;
beforeEach(async () => {
  night = await openNight();
});
afterEach(() => night.close());

/** Times from the close through all polls of the n-th job, in milliseconds. */
function gaps(job: number): number[] {
  const { polls, settings } = night.org.jobs()[job] as ReturnType<Simulator['jobs']>[number];
  const close = night.org.ledger.requests.find(({ kind, jobId }) => kind === 'close' && jobId === settings.id)?.at ?? 0;
  return polls.map((at, i) => at - (polls[i - 1] ?? close));
}

it('polls a job of eight hours a few dozen times, never faster than configured, and notices its end soon', async () => {
  await night.openOrg({ recordsPerSecond: 0.1, queueDelayMs: 2 * MINUTE });
  const result = await night.load(accounts(2_880));
  expect(result).toMatchObject({ state: 'Completed', records: { succeeded: 2_880 }, balanced: true, jobsTotal: 1 });
  const job = night.org.jobs()[0];
  const polls = gaps(0);
  expect(result.jobs?.[0]?.polls).toBe(polls.length);
  expect(polls.length).toBeLessThan(120);
  expect(Math.min(...polls)).toBeGreaterThanOrEqual(5 * SECOND);
  // Five minutes plus up to 20 % of jitter.
  expect(Math.max(...polls)).toBeLessThanOrEqual(6 * MINUTE + SECOND);
  const took = (job?.polls.at(-1) ?? 0) - (job?.createdAt ?? 0);
  expect(took).toBeGreaterThan(8 * HOUR);
  expect(took).toBeLessThan(8 * HOUR + 10 * MINUTE);
});

it.each([
  ['progresses evenly', { recordsPerSecond: 10, queueDelayMs: 0 }],
  ['waits long and is then fast', { recordsPerSecond: 100, queueDelayMs: 27 * MINUTE }],
])(
  'needs at most 15 polls for a job of 30 minutes that %s, and notices its end within a tenth',
  async (_what, options) => {
    await night.openOrg(options);
    const began = performance.now();
    const result = await night.load(accounts(18_000));
    // The real time of the steps also passes on the org's clock.
    const machine = performance.now() - began;
    expect(result.state).toBe('Completed');
    expect(gaps(0).length).toBeLessThanOrEqual(15);
    const took = gaps(0).reduce((sum, gap) => sum + gap, 0);
    expect(took).toBeLessThan(33 * MINUTE + machine);
  },
);

it('aborts a job that is stuck past jobTimeout, and reports it', async () => {
  await night.openOrg({ recordsPerSecond: 0 });
  const result = await night.load(accounts(20), { jobTimeout: '6h' });
  expect(result).toMatchObject({
    state: 'Failed',
    error: { code: 'JOB_TIMED_OUT' },
    records: { total: 20, succeeded: 0, unprocessed: 20, unaccounted: 0 },
  });
  expect(night.org.jobs()[0]?.state).toBe('Aborted');
  expect((night.org.jobs()[0]?.polls.at(-1) ?? 0) - (night.org.jobs()[0]?.createdAt ?? 0)).toBeGreaterThan(6 * HOUR);
});

it('waits longer before each retry round', async () => {
  await night.openOrg({});
  const rows = accounts(10).map((row, i) => (i === 0 ? { ...row, Description: '[always locked]' } : row));
  const result = await night.load(rows);
  expect(result).toMatchObject({ state: 'CompletedWithRejects', retry: { rounds: 3 }, jobsTotal: 4 });
  const created = night.org.jobs().map(({ createdAt }) => createdAt);
  const waits = created.slice(1).map((at, i) => at - (created[i] ?? 0));
  expect(waits[0]).toBeGreaterThanOrEqual(MINUTE);
  expect(waits[1]).toBeGreaterThanOrEqual(4 * MINUTE);
  expect(waits[2]).toBeGreaterThanOrEqual(16 * MINUTE);
});

it('finds upsert rows that are in no result file by key, and loads them', async () => {
  await night.openOrg({});
  night.org.failNextJobAfter(70, { losesRest: true });
  const result = await night.load(accounts(100));
  expect(result).toMatchObject({
    state: 'Completed',
    records: { total: 100, succeeded: 100 },
    retry: { recovered: 30 },
  });
  expect(night.org.records('Account').every(({ applied }) => applied === 1)).toBe(true);
});

it('fails without resending when insert rows are in no result file, and delivers all files', async () => {
  await night.openOrg({});
  night.org.failNextJobAfter(70, { losesRest: true });
  const rows = accounts(100).map(({ Name }) => ({ Name: Name as string }));
  const result = await night.load(rows, { operation: 'insert', externalIdFieldName: undefined as never });
  expect(result).toMatchObject({
    state: 'Failed',
    error: { code: 'UNBALANCED' },
    records: { total: 100, succeeded: 70, rejected: 0, unprocessed: 0, unaccounted: 30 },
    balanced: false,
    jobsTotal: 1,
  });
  expect(result.files.succeeded).toHaveLength(1);
});

/** Another program of the same user creates a job, and never sends its data. */
async function foreignJob(): Promise<void> {
  const reply = await fetch(`${night.org.url}/services/data/v66.0/jobs/ingest`, {
    method: 'POST',
    headers: { authorization: `Bearer ${night.org.token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ object: 'Account', operation: 'upsert', externalIdFieldName: 'External_Id__c' }),
  });
  expect(reply.ok).toBe(true);
}

it('aborts the Open job that a create with a lost reply has left', async () => {
  await night.openOrg({});
  night.org.fault({ kind: 'create', action: 'resetAfterApply' });
  const result = await night.load(accounts(20));
  expect(result).toMatchObject({ state: 'Completed', records: { succeeded: 20 }, jobsTotal: 2 });
  expect(night.org.jobs().map(({ state }) => state)).toEqual(['Aborted', 'JobComplete']);
  expect(result.jobs?.find(({ state }) => state === 'Aborted')?.polls).toBe(night.org.jobs()[0]?.polls.length);
  expect(result.openJobs).toBeUndefined();
  expect(result.apiRequests).toBe(night.org.ledger.count());
});

it('aborts such a job of a retry that upserts rows of an insert', async () => {
  await night.openOrg({});
  night.org.fault({ kind: 'create', after: 1, times: 1, action: 'resetAfterApply' });
  const rows = accounts(20).map((row, i) => (i === 0 ? { ...row, Description: '[locked once]' } : row));
  const result = await night.load(rows, { operation: 'insert' });
  expect(result).toMatchObject({ state: 'Completed', records: { succeeded: 20 }, retry: { recovered: 1 } });
  const jobs = night.org.jobs().map(({ state, settings }) => `${settings.operation} ${state}`);
  expect(jobs).toEqual(['insert JobComplete', 'upsert Aborted', 'upsert JobComplete']);
});

it('touches none of several jobs that it may have left Open, and lists them', async () => {
  await night.openOrg({});
  await foreignJob();
  night.org.fault({ kind: 'create', action: 'resetAfterApply' });
  const result = await night.load(accounts(20));
  expect(result).toMatchObject({ state: 'Completed', jobsTotal: 1 });
  expect(night.org.jobs().map(({ state }) => state)).toEqual(['Open', 'Open', 'JobComplete']);
  expect(result.openJobs).toHaveLength(2);
});

it('waits through an outage of hours, and ends cleanly when it exceeds outageLimit', async () => {
  await night.openOrg({});
  night.org.fault({ kind: 'info', after: 1, times: 40, action: { status: 503, html: '<html>down</html>' } });
  expect(await night.load(accounts(20), { poll: { initialInterval: '10m', maximumInterval: '10m' } })).toMatchObject({
    state: 'Completed',
    records: { succeeded: 20 },
  });
});

it('ends when the org is unreachable for longer than outageLimit, and reports the cause', async () => {
  await night.openOrg({});
  night.org.fault({
    kind: 'info',
    times: 1e6,
    action: { status: 503, errorCode: 'SERVER_UNAVAILABLE', message: 'busy' },
  });
  const result = await night.load(accounts(20), { outageLimit: '6h' });
  expect(result).toMatchObject({ state: 'Failed', error: { code: 'SERVER_UNAVAILABLE' }, records: { total: 20 } });
  expect(result.error?.message).toContain('outageLimit');
  // Its rows are landing: an unreachable org is no reason to end the job.
  expect(result.error?.message).toContain(
    `${night.org.jobs()[0]?.settings.id} may still be running and was not aborted`,
  );
  expect(night.org.ledger.count('abort')).toBe(0);
  expect(result.records.unaccounted).toBe(20);
});

it('waits for a used-up allocation of API requests with few requests', async () => {
  await night.openOrg({});
  const used = { status: 403, errorCode: 'REQUEST_LIMIT_EXCEEDED', message: 'TotalRequests Limit exceeded.' };
  night.org.fault({ kind: 'close', times: 12, action: used });
  const began = await night.env.currentTimeMs();
  expect(await night.load(accounts(20))).toMatchObject({ state: 'Completed', records: { succeeded: 20 } });
  expect((await night.env.currentTimeMs()) - began).toBeGreaterThan(HOUR);
});
