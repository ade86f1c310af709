/** Long disturbances: an outage in the middle of an upload, a job that takes long to settle. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { stringify } from 'csv-stringify/sync';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { startBulkLoad } from '../../src/client/start-load.js';
import type { LoadHandle } from '../../src/client/load-handle.js';
import type { BulkLoadInput } from '../../src/contract/load-input.js';
import type { BulkLoadResult } from '../../src/contract/load-result.js';
import type { Simulator } from '../../src/simulator/index.js';
import { accounts, closed } from '../helpers/load-harness.js';
import { openNight } from '../helpers/night.js';
import type { Night } from '../helpers/night.js';
import { cancelIdle, skipUntil } from '../helpers/skip-time.js';

const MINUTE = 60_000;

let night: Night;
beforeEach(async () => {
  night = await openNight();
});
afterEach(() => night.close());

const load = (count: number, more: Partial<BulkLoadInput> = {}): Promise<BulkLoadResult> =>
  night.load(accounts(count), more);

/** An insert whose retry does not become an upsert. */
async function startInsert(count: number, loadId: string): Promise<LoadHandle> {
  const source = join(night.folder, `${loadId}.csv`);
  await writeFile(source, stringify(accounts(count), { header: true }));
  return startBulkLoad(
    night.env.client,
    { source: pathToFileURL(source).href, object: 'Account', operation: 'insert', loadId },
    { taskQueue: night.taskQueue },
  );
}

const used = { status: 403, errorCode: 'REQUEST_LIMIT_EXCEEDED', message: 'TotalRequests Limit exceeded.' };

it.each([
  ['an outage', { resetUpload: 0.5 }, { status: 503, html: '<html>down</html>' }, 25],
  ['a used-up allocation of API requests', used, used, 40],
] as const)(
  'waits through %s that begins with an upload and exceeds any clean-up time',
  async (_what, first, then, times) => {
    await night.openOrg();
    night.org.fault({ kind: 'upload', action: first });
    night.org.fault({ kind: 'abort', times, action: then });
    const result = await load(20);
    expect(result).toMatchObject({ state: 'Completed', records: { succeeded: 20 }, jobsTotal: 2 });
    expect(night.org.jobs().map(({ state }) => state)).toEqual(['Aborted', 'JobComplete']);
    expect(await night.durationOf(result)).toBeGreaterThan(20 * MINUTE);
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
] as const)('continues with a job for which the org returns %s', async (_what, fault) => {
  await night.openOrg();
  night.org.fault(fault);
  const result = await load(20);
  expect(result).toMatchObject({ state: 'Completed', records: { succeeded: 20 }, jobsTotal: 1 });
  expect(night.org.ledger.count('abort')).toBe(0);
});

it('treats a job as gone after ten minutes of repeated replies, and aborts nothing', async () => {
  await night.openOrg();
  night.org.fault({ kind: 'info', times: 1e6, action: gone });
  const result = await load(20);
  expect(result).toMatchObject({ state: 'Failed', error: { code: 'JOB_NOT_FOUND' }, records: { unaccounted: 20 } });
  const took = await night.durationOf(result);
  expect(took).toBeGreaterThan(10 * MINUTE);
  expect(took).toBeLessThan(25 * MINUTE);
  expect(night.org.ledger.count('abort')).toBe(0);
});

it('sends the part with another job when its job is gone', async () => {
  await night.openOrg();
  night.org.fault({ kind: 'upload', action: gone });
  night.org.fault({ kind: 'abort', times: 1e6, action: gone });
  const result = await load(20);
  expect(result).toMatchObject({ state: 'Completed', records: { succeeded: 20 }, jobsTotal: 2 });
  expect(await night.durationOf(result)).toBeGreaterThan(10 * MINUTE);
});

it.each([
  ['create', 'API_DISABLED_FOR_ORG', 'API_DISABLED', 0, 3],
  ['create', 'TXN_SECURITY_METERING_ERROR', 'TXN_SECURITY_METERING', 10, 20],
  ['upload', 'INSUFFICIENT_ACCESS', 'SALESFORCE_INSUFFICIENT_ACCESS', 0, 3],
] as const)(
  'ends when each %s is refused with %s: after repetitions, but not after hours',
  async (kind, errorCode, code, least, most) => {
    await night.openOrg();
    night.org.fault({ kind, times: 1e6, action: { status: 403, errorCode, message: 'no' } });
    const result = await load(20);
    expect(result).toMatchObject({ state: 'Failed', error: { code }, records: { unprocessed: 20 } });
    const took = await night.durationOf(result);
    expect(night.org.ledger.count(kind)).toBeGreaterThan(1);
    expect(took).toBeGreaterThanOrEqual(least * MINUTE);
    expect(took).toBeLessThan(most * MINUTE);
  },
);

it.each([
  ['ConcurrentRequests (Concurrent API Requests) Limit exceeded.', 403, 'REQUEST_LIMIT_EXCEEDED', 0, 3],
  ['Limit exceeded.', 400, 'LIMIT_EXCEEDED', 5, 75],
] as const)('%s at a create: waits as long as it takes', async (message, status, errorCode, least, most) => {
  await night.openOrg();
  night.org.fault({ kind: 'create', action: { status, errorCode, message } });
  const result = await load(20);
  expect(result).toMatchObject({ state: 'Completed', records: { succeeded: 20 }, jobsTotal: 1 });
  const took = await night.durationOf(result);
  expect(took).toBeGreaterThanOrEqual(least * MINUTE);
  expect(took).toBeLessThan(most * MINUTE);
});

it.each([
  [4, 3_000],
  [1, 3_000],
  [0.5, 1_000],
])('counts an aborted insert only when it has settled: %f rows a second, %i rows', async (recordsPerSecond, count) => {
  await night.openOrg({ recordsPerSecond });
  const result = await load(count, { operation: 'insert', externalIdFieldName: undefined as never, jobTimeout: '5m' });
  expect(result).toMatchObject({ state: 'Failed', error: { code: 'JOB_TIMED_OUT' }, balanced: true });
  await night.env.sleep('5 hours');
  // The simulated org advances when it gets a request.
  const { settings } = night.org.jobs()[0] as ReturnType<Simulator['jobs']>[number];
  await fetch(`${night.org.url}/services/data/v66.0/jobs/ingest/${settings.id}`, {
    headers: { authorization: `Bearer ${night.org.token}` },
  });
  expect(night.org.records('Account')).toHaveLength(result.records.succeeded);
});

it('reports it when a canceled load has no time to see its job settle', async () => {
  await night.openOrg({ recordsPerSecond: 1 });
  const handle = await startInsert(9_000, 'slow');
  await closed(night.org);
  await skipUntil(night.env, '30s', async () => ((await handle.progress()).parts[0]?.processed ?? 0) >= 200);
  await cancelIdle(night.env.client, handle);
  const result = await handle.result();
  expect(result).toMatchObject({ state: 'Canceled', balanced: false });
  expect(result.warnings).toEqual([expect.stringContaining('was still working on job')]);
});

it('does not wait for an outage while a job settles after a cancellation', async () => {
  await night.openOrg({ recordsPerSecond: 10 });
  night.org.failNextJobAfter(400);
  const handle = await startInsert(2_000, 'settling');
  await closed(night.org);
  await skipUntil(night.env, '5s', async () => (await handle.progress()).parts[0]?.phase === 'settling');
  night.org.fault({ kind: 'info', times: 1e6, action: { status: 503, html: '<html>down</html>' } });
  await night.env.sleep('2m');
  // Not `cancelIdle`: it is polling, and these polls do not end.
  await handle.cancel();
  const result = await handle.result();
  expect(result).toMatchObject({ state: 'Canceled' });
  expect(await night.durationOf(result)).toBeLessThan(60 * MINUTE);
});

it('reports only once to the ledger that the allocation was used up', async () => {
  await night.openOrg();
  night.org.failNextJobAfter(0, { losesRest: true });
  const first = await startInsert(20, 'paused');
  await closed(night.org);
  await skipUntil(night.env, '5s', () => night.org.jobs().some(({ state }) => state === 'Failed'));
  await first.pause();
  await night.env.sleep('2 hours');
  await cancelIdle(night.env.client, first);
  await first.result();
  const result = await load(20);
  expect(result).toMatchObject({ state: 'Completed' });
  expect(await night.durationOf(result)).toBeLessThan(10 * MINUTE);
});

it('sends a part again when the org fails its job for lack of allocation before the first row', async () => {
  await night.openOrg();
  night.org.failNextJobAfter(0, { losesRest: true });
  const result = await load(20);
  expect(result).toMatchObject({ state: 'Completed', records: { succeeded: 20 }, jobsTotal: 2 });
  expect(night.org.jobs().map(({ state }) => state)).toEqual(['Failed', 'JobComplete']);
  expect(night.org.records('Account').every(({ applied }) => applied === 1)).toBe(true);
});

it('waits for delayed result files of one part, not of each', async () => {
  await night.openOrg();
  const html = '"sf__Id","sf__Created","External_Id__c","Name","Description"\n';
  const empty = { status: 200, headers: { 'content-type': 'text/csv; charset=UTF-8' }, html };
  night.org.fault({ kind: 'results', path: 'successfulResults', times: 1e6, action: empty });
  const result = await load(240, { part: { maxBytes: 1_100 }, retry: { maxRounds: 0 } });
  expect(result).toMatchObject({ state: 'Failed', error: { code: 'UNBALANCED' }, balanced: false });
  const created = night.org.jobs().map(({ createdAt }) => createdAt);
  expect(created.length).toBeGreaterThan(8);
  expect((created.at(-1) ?? 0) - (created[0] ?? 0)).toBeLessThan(25 * MINUTE);
});

it('sends a part with another job when its Open job was ended, and asks the org before it sends the next part', async () => {
  await night.openOrg();
  const message = "Failed to upload data, since the Job is not Open. Current job state is 'Aborted'";
  night.org.fault({ kind: 'upload', action: { status: 400, errorCode: 'INVALIDJOBSTATE', message } });
  const result = await load(40, { part: { maxBytes: 1_500, maxConcurrent: 1 } });
  expect(result).toMatchObject({ state: 'Completed', records: { succeeded: 40 } });
  const states = night.org.jobs().map(({ state }) => state);
  expect(states.length).toBeGreaterThan(2);
  expect(states).toEqual(['Aborted', ...Array<string>(states.length - 1).fill('JobComplete')]);
  expect(night.org.records('Account').every(({ applied }) => applied === 1)).toBe(true);
  expect(night.org.ledger.count('list')).toBeGreaterThan(0);
});

it.each([
  ['was not closed: it is aborted', { status: 503, html: '<html>down</html>' }, 'Aborted', { unprocessed: 20 }],
  ['was closed: what landed counts', 'resetAfterApply', 'JobComplete', { succeeded: 20 }],
] as const)(
  'reads the job itself when its close failed for as long as an outage may take; it %s',
  async (_what, action, state, records) => {
    await night.openOrg();
    night.org.fault({ kind: 'close', times: 1e6, action });
    const result = await load(20, { outageLimit: '2h' });
    expect(result).toMatchObject({ records: { unaccounted: 0, ...records }, jobsTotal: 1 });
    expect(night.org.jobs().map((job) => job.state)).toEqual([state]);
    expect(night.org.records('Account')).toHaveLength(result.records.succeeded);
  },
);
