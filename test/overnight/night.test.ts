/** Whole nights in seconds: Temporal's time-skipping server, and an org that goes by the same clock. */
import { randomUUID } from 'node:crypto';
import { mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { stringify } from 'csv-stringify/sync';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { afterEach, beforeEach, expect, inject, it } from 'vitest';
import { startBulkLoad } from '../../src/client.js';
import { LoadHandle } from '../../src/load-handle.js';
import type { BulkLoadInput, BulkLoadResult } from '../../src/contract.js';
import { startSimulator } from '../../src/simulator/index.js';
import type { Simulator, SimulatorOptions } from '../../src/simulator/index.js';
import type { RunningWorker } from '../../src/workers/worker.js';
import { accounts, quietWorkers, startTestWorker } from '../support/load.js';
import type { Row } from '../support/load.js';
import { startTimeSkipping } from '../support/time-skipping-server.js';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

let env: TestWorkflowEnvironment;
let org: Simulator;
let folder: string;
let worker: RunningWorker;
const taskQueue = `night-${randomUUID().slice(0, 8)}`;

beforeEach(async () => {
  quietWorkers();
  env = await startTimeSkipping(inject('timeSkippingServer'));
  folder = await realpath(await mkdtemp(join(tmpdir(), 'nightload-night-')));
});
afterEach(async () => {
  await worker.stop();
  await env.teardown();
  await org.close();
  await rm(folder, { recursive: true, force: true });
});

async function openOrg(options: SimulatorOptions): Promise<void> {
  org = await startSimulator({ ...options, now: () => env.currentTimeMs() });
  worker = await startTestWorker(env.nativeConnection, org, folder, taskQueue);
}

async function load(rows: Row[], more: Partial<BulkLoadInput> = {}): Promise<BulkLoadResult> {
  const source = join(folder, 'accounts.csv');
  await writeFile(source, stringify(rows, { header: true }));
  const { workflowId } = await startBulkLoad(
    env.client,
    {
      source: pathToFileURL(source).href,
      object: 'Account',
      operation: 'upsert',
      externalIdFieldName: 'External_Id__c',
      loadId: 'tonight',
      ...more,
    },
    { taskQueue },
  );
  return new LoadHandle(env.client, workflowId).result();
}

/** Times between the close and the looks at the n-th job, in milliseconds. */
function gaps(job: number): number[] {
  const { polls, settings } = org.jobs()[job] as ReturnType<Simulator['jobs']>[number];
  const close = org.ledger.requests.find(({ kind, jobId }) => kind === 'close' && jobId === settings.id)?.at ?? 0;
  return polls.map((at, i) => at - (polls[i - 1] ?? close));
}

it('polls a job of eight hours a few dozen times, never faster than asked, and sees its end soon', async () => {
  await openOrg({ recordsPerSecond: 0.1, queueDelayMs: 2 * MINUTE });
  const result = await load(accounts(2_880));
  expect(result).toMatchObject({ state: 'Completed', records: { succeeded: 2_880 }, balanced: true, jobsTotal: 1 });
  const job = org.jobs()[0];
  const looks = gaps(0);
  expect(result.jobs?.[0]?.polls).toBe(looks.length);
  expect(looks.length).toBeLessThan(120);
  expect(Math.min(...looks)).toBeGreaterThanOrEqual(5 * SECOND);
  // Five minutes, and at most 20 % of jitter.
  expect(Math.max(...looks)).toBeLessThanOrEqual(6 * MINUTE + SECOND);
  const took = (job?.polls.at(-1) ?? 0) - (job?.createdAt ?? 0);
  expect(took).toBeGreaterThan(8 * HOUR);
  expect(took).toBeLessThan(8 * HOUR + 10 * MINUTE);
});

it.each([
  ['goes on evenly', { recordsPerSecond: 10, queueDelayMs: 0 }],
  ['waits long and is then fast', { recordsPerSecond: 100, queueDelayMs: 27 * MINUTE }],
])(
  'needs at most 15 looks for a job of 30 minutes that %s, and sees its end within a tenth',
  async (_what, options) => {
    await openOrg(options);
    const began = performance.now();
    const result = await load(accounts(18_000));
    // What this machine takes for the steps goes by on the org's clock too.
    const machine = performance.now() - began;
    expect(result.state).toBe('Completed');
    expect(gaps(0).length).toBeLessThanOrEqual(15);
    const took = gaps(0).reduce((sum, gap) => sum + gap, 0);
    expect(took).toBeLessThan(33 * MINUTE + machine);
  },
);

it('aborts a job that is stuck past jobTimeout, and says so', async () => {
  await openOrg({ recordsPerSecond: 0 });
  const result = await load(accounts(20), { jobTimeout: '6h' });
  expect(result).toMatchObject({
    state: 'Failed',
    error: { code: 'JOB_TIMED_OUT' },
    records: { total: 20, succeeded: 0, unprocessed: 20, unaccounted: 0 },
  });
  expect(org.jobs()[0]?.state).toBe('Aborted');
  expect((org.jobs()[0]?.polls.at(-1) ?? 0) - (org.jobs()[0]?.createdAt ?? 0)).toBeGreaterThan(6 * HOUR);
});

it('waits longer before each round of retries', async () => {
  await openOrg({});
  const rows = accounts(10).map((row, i) => (i === 0 ? { ...row, Description: '[always locked]' } : row));
  const result = await load(rows);
  expect(result).toMatchObject({ state: 'CompletedWithRejects', retry: { rounds: 3 }, jobsTotal: 4 });
  const created = org.jobs().map(({ createdAt }) => createdAt);
  const waits = created.slice(1).map((at, i) => at - (created[i] ?? 0));
  expect(waits[0]).toBeGreaterThanOrEqual(MINUTE);
  expect(waits[1]).toBeGreaterThanOrEqual(4 * MINUTE);
  expect(waits[2]).toBeGreaterThanOrEqual(16 * MINUTE);
});

it('finds by key the rows of an upsert that are in no result file, and loads them', async () => {
  await openOrg({});
  org.failNextJobAfter(70, { losesRest: true });
  const result = await load(accounts(100));
  expect(result).toMatchObject({
    state: 'Completed',
    records: { total: 100, succeeded: 100 },
    retry: { recovered: 30 },
  });
  expect(org.records('Account').every(({ applied }) => applied === 1)).toBe(true);
});

it('never sends rows of an insert again that are in no result file: it fails, and delivers all files', async () => {
  await openOrg({});
  org.failNextJobAfter(70, { losesRest: true });
  const rows = accounts(100).map(({ Name }) => ({ Name: Name as string }));
  const result = await load(rows, { operation: 'insert', externalIdFieldName: undefined as never });
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
  const reply = await fetch(`${org.url}/services/data/v66.0/jobs/ingest`, {
    method: 'POST',
    headers: { authorization: `Bearer ${org.token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ object: 'Account', operation: 'upsert', externalIdFieldName: 'External_Id__c' }),
  });
  expect(reply.ok).toBe(true);
}

it('aborts the job that a create whose answer was lost has left Open', async () => {
  await openOrg({});
  org.fault({ kind: 'create', action: 'resetAfterApply' });
  const result = await load(accounts(20));
  expect(result).toMatchObject({ state: 'Completed', records: { succeeded: 20 }, jobsTotal: 2 });
  expect(org.jobs().map(({ state }) => state)).toEqual(['Aborted', 'JobComplete']);
  expect(result.jobs?.find(({ state }) => state === 'Aborted')?.polls).toBe(org.jobs()[0]?.polls.length);
  expect(result.openJobs).toBeUndefined();
  expect(result.apiRequests).toBe(org.ledger.count());
});

it('aborts such a job of a retry that upserts what was to be inserted', async () => {
  await openOrg({});
  org.fault({ kind: 'create', after: 1, times: 1, action: 'resetAfterApply' });
  const rows = accounts(20).map((row, i) => (i === 0 ? { ...row, Description: '[locked once]' } : row));
  const result = await load(rows, { operation: 'insert' });
  expect(result).toMatchObject({ state: 'Completed', records: { succeeded: 20 }, retry: { recovered: 1 } });
  const jobs = org.jobs().map(({ state, settings }) => `${settings.operation} ${state}`);
  expect(jobs).toEqual(['insert JobComplete', 'upsert Aborted', 'upsert JobComplete']);
});

it('touches none of several jobs that it may have left Open, and lists them', async () => {
  await openOrg({});
  await foreignJob();
  org.fault({ kind: 'create', action: 'resetAfterApply' });
  const result = await load(accounts(20));
  expect(result).toMatchObject({ state: 'Completed', jobsTotal: 1 });
  expect(org.jobs().map(({ state }) => state)).toEqual(['Open', 'Open', 'JobComplete']);
  expect(result.openJobs).toHaveLength(2);
});

it('sits out an outage of hours, and ends cleanly when it takes longer than outageLimit', async () => {
  await openOrg({});
  org.fault({ kind: 'info', after: 1, times: 40, action: { status: 503, html: '<html>down</html>' } });
  expect(await load(accounts(20), { poll: { initialInterval: '10m', maximumInterval: '10m' } })).toMatchObject({
    state: 'Completed',
    records: { succeeded: 20 },
  });
});

it('ends when the org is out of reach for longer than outageLimit, and says of what', async () => {
  await openOrg({});
  org.fault({ kind: 'info', times: 1e6, action: { status: 503, errorCode: 'SERVER_UNAVAILABLE', message: 'busy' } });
  const result = await load(accounts(20), { outageLimit: '6h' });
  expect(result).toMatchObject({ state: 'Failed', error: { code: 'SERVER_UNAVAILABLE' }, records: { total: 20 } });
  expect(result.error?.message).toContain('outageLimit');
  // Its rows are landing: that nobody can see it is no reason to end it.
  expect(result.error?.message).toContain(`${org.jobs()[0]?.settings.id} may still be running and was not aborted`);
  expect(org.ledger.count('abort')).toBe(0);
  expect(result.records.unaccounted).toBe(20);
});

it('waits out a used-up allocation of API requests, asking rarely', async () => {
  await openOrg({});
  const used = { status: 403, errorCode: 'REQUEST_LIMIT_EXCEEDED', message: 'TotalRequests Limit exceeded.' };
  org.fault({ kind: 'close', times: 12, action: used });
  const began = await env.currentTimeMs();
  expect(await load(accounts(20))).toMatchObject({ state: 'Completed', records: { succeeded: 20 } });
  expect((await env.currentTimeMs()) - began).toBeGreaterThan(HOUR);
});
