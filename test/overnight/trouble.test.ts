/** Nights on which something goes on for long: an outage in the middle of an upload, a job that is slow to stand still. */
import { randomUUID } from 'node:crypto';
import { mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { stringify } from 'csv-stringify/sync';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { afterEach, beforeEach, expect, inject, it } from 'vitest';
import { startBulkLoad } from '../../src/client.js';
import type { BulkLoadInput, BulkLoadResult } from '../../src/contract.js';
import { startSimulator } from '../../src/simulator/index.js';
import type { Simulator, SimulatorOptions } from '../../src/simulator/index.js';
import type { RunningWorker } from '../../src/workers/worker.js';
import { accounts, closed, quietWorkers, startTestWorker } from '../support/load.js';
import { startTimeSkipping } from '../support/time-skipping-server.js';

const MINUTE = 60_000;

let env: TestWorkflowEnvironment;
let org: Simulator;
let folder: string;
let worker: RunningWorker;
const taskQueue = `trouble-${randomUUID().slice(0, 8)}`;

beforeEach(async () => {
  quietWorkers();
  env = await startTimeSkipping(inject('timeSkippingServer'));
  folder = await realpath(await mkdtemp(join(tmpdir(), 'nightload-trouble-')));
});
afterEach(async () => {
  await worker.stop();
  await env.teardown();
  await org.close();
  await rm(folder, { recursive: true, force: true });
});

async function openOrg(options: SimulatorOptions = {}): Promise<void> {
  org = await startSimulator({ ...options, now: () => env.currentTimeMs() });
  worker = await startTestWorker(env.nativeConnection, org, folder, taskQueue);
}

async function load(count: number, more: Partial<BulkLoadInput> = {}): Promise<BulkLoadResult> {
  const source = join(folder, 'accounts.csv');
  await writeFile(source, stringify(accounts(count), { header: true }));
  const handle = await startBulkLoad(
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
  return handle.result();
}

const used = { status: 403, errorCode: 'REQUEST_LIMIT_EXCEEDED', message: 'TotalRequests Limit exceeded.' };

it.each([
  ['an outage', { resetUpload: 0.5 }, { status: 503, html: '<html>down</html>' }, 25],
  ['a used-up allocation of API requests', used, used, 40],
] as const)(
  'sits out %s that begins with an upload and is longer than any clean-up',
  async (_what, first, then, times) => {
    await openOrg();
    org.fault({ kind: 'upload', action: first });
    org.fault({ kind: 'abort', times, action: then });
    const began = await env.currentTimeMs();
    const result = await load(20);
    expect(result).toMatchObject({ state: 'Completed', records: { succeeded: 20 }, jobsTotal: 2 });
    expect(org.jobs().map(({ state }) => state)).toEqual(['Aborted', 'JobComplete']);
    expect((await env.currentTimeMs()) - began).toBeGreaterThan(20 * MINUTE);
  },
);

const gone = { status: 404, errorCode: 'NOT_FOUND', message: 'The requested resource does not exist' };
const refused = { status: 403, errorCode: 'INSUFFICIENT_ACCESS', message: 'no' };

it.each([
  ['that it is gone, for five minutes', { kind: 'info', times: 6, action: gone }],
  ['that it may not be seen, for more than an hour', { kind: 'info', times: 25, action: refused }],
  ['that its results are not there, for five minutes', { kind: 'results', times: 8, action: gone }],
  ['that it is gone at its close', { kind: 'close', times: 3, action: gone }],
  [
    'that its results are not yet available, for more than an hour',
    {
      kind: 'results',
      path: 'failedResults',
      times: 70,
      action: { status: 400, errorCode: 'INVALIDJOBSTATE', message: 'The results are not yet available' },
    },
  ],
] as const)('goes on with a job of which the org says %s', async (_what, fault) => {
  await openOrg();
  org.fault(fault);
  const result = await load(20);
  expect(result).toMatchObject({ state: 'Completed', records: { succeeded: 20 }, jobsTotal: 1 });
  expect(org.ledger.count('abort')).toBe(0);
});

it('believes that a job is gone when that has been repeated for ten minutes, and aborts nothing', async () => {
  await openOrg();
  org.fault({ kind: 'info', times: 1e6, action: gone });
  const began = await env.currentTimeMs();
  const result = await load(20);
  expect(result).toMatchObject({ state: 'Failed', error: { code: 'JOB_NOT_FOUND' }, records: { unaccounted: 20 } });
  const took = (await env.currentTimeMs()) - began;
  expect(took).toBeGreaterThan(10 * MINUTE);
  expect(took).toBeLessThan(25 * MINUTE);
  expect(org.ledger.count('abort')).toBe(0);
});

it('sends the part with another job when the one that it had is gone', async () => {
  await openOrg();
  org.fault({ kind: 'upload', action: gone });
  org.fault({ kind: 'abort', times: 1e6, action: gone });
  const began = await env.currentTimeMs();
  expect(await load(20)).toMatchObject({ state: 'Completed', records: { succeeded: 20 }, jobsTotal: 2 });
  expect((await env.currentTimeMs()) - began).toBeGreaterThan(10 * MINUTE);
});

it.each([
  ['create', 'API_DISABLED_FOR_ORG', 'API_DISABLED', 0, 3],
  ['create', 'TXN_SECURITY_METERING_ERROR', 'TXN_SECURITY_METERING', 10, 20],
  ['upload', 'INSUFFICIENT_ACCESS', 'SALESFORCE_INSUFFICIENT_ACCESS', 0, 3],
] as const)(
  'ends when each %s is refused with %s: more than once, and not for hours',
  async (kind, errorCode, code, least, most) => {
    await openOrg();
    org.fault({ kind, times: 1e6, action: { status: 403, errorCode, message: 'no' } });
    const began = await env.currentTimeMs();
    expect(await load(20)).toMatchObject({ state: 'Failed', error: { code }, records: { unprocessed: 20 } });
    const took = (await env.currentTimeMs()) - began;
    expect(org.ledger.count(kind)).toBeGreaterThan(1);
    expect(took).toBeGreaterThanOrEqual(least * MINUTE);
    expect(took).toBeLessThan(most * MINUTE);
  },
);

it.each([
  ['ConcurrentRequests (Concurrent API Requests) Limit exceeded.', 403, 'REQUEST_LIMIT_EXCEEDED', 0, 3],
  ['Limit exceeded.', 400, 'LIMIT_EXCEEDED', 5, 75],
] as const)('%s at a create: waits as long as that takes', async (message, status, errorCode, least, most) => {
  await openOrg();
  org.fault({ kind: 'create', action: { status, errorCode, message } });
  const began = await env.currentTimeMs();
  expect(await load(20)).toMatchObject({ state: 'Completed', records: { succeeded: 20 }, jobsTotal: 1 });
  const took = (await env.currentTimeMs()) - began;
  expect(took).toBeGreaterThanOrEqual(least * MINUTE);
  expect(took).toBeLessThan(most * MINUTE);
});

it.each([
  [4, 3_000],
  [1, 3_000],
  [0.5, 1_000],
])('counts an aborted insert only when it stands still: %f rows a second, %i rows', async (recordsPerSecond, count) => {
  await openOrg({ recordsPerSecond });
  const result = await load(count, { operation: 'insert', externalIdFieldName: undefined as never, jobTimeout: '5m' });
  expect(result).toMatchObject({ state: 'Failed', error: { code: 'JOB_TIMED_OUT' }, balanced: true });
  await env.sleep('5 hours');
  // The simulated org catches up when it is asked.
  const { settings } = org.jobs()[0] as ReturnType<Simulator['jobs']>[number];
  await fetch(`${org.url}/services/data/v66.0/jobs/ingest/${settings.id}`, {
    headers: { authorization: `Bearer ${org.token}` },
  });
  expect(org.records('Account')).toHaveLength(result.records.succeeded);
});

it('says so when a canceled load has no time to see its job stand still', async () => {
  await openOrg({ recordsPerSecond: 1 });
  const source = join(folder, 'slow.csv');
  await writeFile(source, stringify(accounts(9_000), { header: true }));
  const handle = await startBulkLoad(
    env.client,
    { source: pathToFileURL(source).href, object: 'Account', operation: 'insert', loadId: 'slow' },
    { taskQueue },
  );
  await closed(org);
  while ((await handle.progress()).parts[0]?.processed !== 200) await env.sleep('30s');
  await handle.cancel();
  const result = await handle.result();
  expect(result).toMatchObject({ state: 'Canceled', balanced: false });
  expect(result.warnings).toEqual([expect.stringContaining('was still working on job')]);
});

it('does not wait for an outage that meets a settling job after a cancel', async () => {
  await openOrg({ recordsPerSecond: 10 });
  org.failNextJobAfter(400);
  const source = join(folder, 'settling.csv');
  await writeFile(source, stringify(accounts(2_000), { header: true }));
  const handle = await startBulkLoad(
    env.client,
    { source: pathToFileURL(source).href, object: 'Account', operation: 'insert', loadId: 'settling' },
    { taskQueue },
  );
  await closed(org);
  while ((await handle.progress()).parts[0]?.phase !== 'settling') await env.sleep('5s');
  org.fault({ kind: 'info', times: 1e6, action: { status: 503, html: '<html>down</html>' } });
  await env.sleep('2m');
  const began = await env.currentTimeMs();
  await handle.cancel();
  expect(await handle.result()).toMatchObject({ state: 'Canceled' });
  expect((await env.currentTimeMs()) - began).toBeLessThan(60 * MINUTE);
});

it('tells the ledger only once that the allocation was used up', async () => {
  await openOrg();
  org.failNextJobAfter(0, { losesRest: true });
  const source = join(folder, 'paused.csv');
  await writeFile(source, stringify(accounts(20), { header: true }));
  const first = await startBulkLoad(
    env.client,
    { source: pathToFileURL(source).href, object: 'Account', operation: 'insert', loadId: 'paused' },
    { taskQueue },
  );
  await closed(org);
  while (!org.jobs().some(({ state }) => state === 'Failed')) await env.sleep('5s');
  await first.pause();
  await env.sleep('2 hours');
  await first.cancel();
  await first.result();
  const began = await env.currentTimeMs();
  expect(await load(20)).toMatchObject({ state: 'Completed' });
  expect((await env.currentTimeMs()) - began).toBeLessThan(10 * MINUTE);
});

it('sends a part again when the org fails its job for want of allocation before the first row', async () => {
  await openOrg();
  org.failNextJobAfter(0, { losesRest: true });
  const result = await load(20);
  expect(result).toMatchObject({ state: 'Completed', records: { succeeded: 20 }, jobsTotal: 2 });
  expect(org.jobs().map(({ state }) => state)).toEqual(['Failed', 'JobComplete']);
  expect(org.records('Account').every(({ applied }) => applied === 1)).toBe(true);
});

it('waits for lagging files of one part, not of each', async () => {
  await openOrg();
  const html = '"sf__Id","sf__Created","External_Id__c","Name","Description"\n';
  const empty = { status: 200, headers: { 'content-type': 'text/csv; charset=UTF-8' }, html };
  org.fault({ kind: 'results', path: 'successfulResults', times: 1e6, action: empty });
  const result = await load(240, { part: { maxBytes: 1_100 }, retry: { maxRounds: 0 } });
  expect(result).toMatchObject({ state: 'Failed', error: { code: 'UNBALANCED' }, balanced: false });
  const created = org.jobs().map(({ createdAt }) => createdAt);
  expect(created.length).toBeGreaterThan(8);
  expect((created.at(-1) ?? 0) - (created[0] ?? 0)).toBeLessThan(25 * MINUTE);
});

it('sends a part with another job when somebody ended the Open one, and asks the org before it sends the next part', async () => {
  await openOrg();
  const message = "Failed to upload data, since the Job is not Open. Current job state is 'Aborted'";
  org.fault({ kind: 'upload', action: { status: 400, errorCode: 'INVALIDJOBSTATE', message } });
  const result = await load(40, { part: { maxBytes: 1_500, maxConcurrent: 1 } });
  expect(result).toMatchObject({ state: 'Completed', records: { succeeded: 40 } });
  const states = org.jobs().map(({ state }) => state);
  expect(states.length).toBeGreaterThan(2);
  expect(states).toEqual(['Aborted', ...Array<string>(states.length - 1).fill('JobComplete')]);
  expect(org.records('Account').every(({ applied }) => applied === 1)).toBe(true);
  expect(org.ledger.count('list')).toBeGreaterThan(0);
});

it.each([
  ['was not closed: it is aborted', { status: 503, html: '<html>down</html>' }, 'Aborted', { unprocessed: 20 }],
  ['was closed: what landed counts', 'resetAfterApply', 'JobComplete', { succeeded: 20 }],
] as const)(
  'reads the job itself when its close failed for as long as an outage may take; it %s',
  async (_what, action, state, records) => {
    await openOrg();
    org.fault({ kind: 'close', times: 1e6, action });
    const result = await load(20, { outageLimit: '2h' });
    expect(result).toMatchObject({ records: { unaccounted: 0, ...records }, jobsTotal: 1 });
    expect(org.jobs().map((job) => job.state)).toEqual([state]);
    expect(org.records('Account')).toHaveLength(result.records.succeeded);
  },
);
