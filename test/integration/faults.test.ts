import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';
import { stringify } from 'csv-stringify/sync';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import type { BulkLoadResult } from '../../src/contract/load-result.js';
import type { Fault } from '../../src/simulator/index.js';
import { accounts, expectSound, openWorld } from '../helpers/load-harness.js';
import type { World } from '../helpers/load-harness.js';

let world: World;
let n = 0;
beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world.end());
beforeEach(() => {
  world.org.clearFaults();
  n++;
});

async function loadWith(...faults: Fault[]): Promise<{ result: BulkLoadResult; requests: number; applied: number[] }> {
  const rows = accounts(300, (row, i) => ({ ...row, External_Id__c: `F${n}-${i}` }));
  const source = await world.csv(rows);
  for (const fault of faults) world.org.fault(fault);
  const before = world.org.ledger.count();
  const result = await world.load({ source });
  const ours = world.org.records('Account').filter(({ values }) => values.get('External_Id__c')?.startsWith(`F${n}-`));
  await expectSound(world, result);
  return { result, requests: world.org.ledger.count() - before, applied: ours.map(({ applied }) => applied) };
}

const everyRowOnce = Array<number>(300).fill(1);

it('retries when the org is down for a moment while a job is created', async () => {
  const { result, requests, applied } = await loadWith({
    kind: 'create',
    times: 2,
    action: { status: 503, errorCode: 'SERVER_UNAVAILABLE', message: 'try later' },
  });
  expect(result).toMatchObject({ state: 'Completed', records: { succeeded: 300 }, jobsTotal: 1 });
  // Failed attempts are requests too.
  expect(result.apiRequests).toBe(requests);
  expect(applied).toEqual(everyRowOnce);
});

it.each([
  ['is refused', { status: 500 }],
  ['breaks before anything is stored', 'reset'],
  ['is stored and its reply lost', 'resetAfterApply'],
] as const)('never repeats an upload that %s: aborts the job and creates another one', async (_what, action) => {
  const { result, applied } = await loadWith({ kind: 'upload', action });
  expect(result).toMatchObject({ state: 'Completed', records: { succeeded: 300 }, jobsTotal: 2 });
  expect(result.jobs?.map(({ state }) => state)).toEqual(['Aborted', 'JobComplete']);
  expect(applied).toEqual(everyRowOnce);
});

it.each([
  ['refused', { status: 502, html: '<html><title>Bad Gateway</title></html>' }],
  ['lost', 'resetAfterApply'],
] as const)('closes once when the reply to the close is %s', async (_what, action) => {
  const { result, applied } = await loadWith({ kind: 'close', action });
  expect(result).toMatchObject({ state: 'Completed', jobsTotal: 1 });
  expect(applied).toEqual(everyRowOnce);
});

it('leaves no copies of a packed file that could not be planned at first', async () => {
  const path = join(world.folder, 'packed.csv.gz');
  await writeFile(path, gzipSync(stringify(accounts(50), { header: true })));
  world.org.fault({ kind: 'versions', times: 4, action: 'reset' });
  const { loadId, state } = await world.load({ source: pathToFileURL(path).href });
  expect(state).toBe('Completed');
  const names = await readdir(join(world.folder, 'nightload-results', loadId), { recursive: true });
  expect(names.filter((name) => /text-\w+\.csv$/.test(name))).toHaveLength(1);
});

it('keeps polling after errors', async () => {
  const { result, requests, applied } = await loadWith(
    { kind: 'info', times: 1, action: { status: 500 } },
    { kind: 'info', times: 1, action: 'reset' },
    { kind: 'info', times: 1, action: { status: 503, html: '<html>busy</html>' } },
  );
  expect(result).toMatchObject({ state: 'Completed', jobsTotal: 1 });
  expect(result.apiRequests).toBe(requests);
  expect(applied).toEqual(everyRowOnce);
});

it('downloads results again after a broken download', async () => {
  const { result, applied } = await loadWith({ kind: 'results', times: 2, action: 'reset' });
  expect(result).toMatchObject({ state: 'Completed', jobsTotal: 1, balanced: true });
  expect(applied).toEqual(everyRowOnce);
});

it('downloads again only the result file that failed', async () => {
  const before = world.org.ledger.requests.length;
  const { result } = await loadWith(
    { kind: 'results', path: 'failedResults', times: 2, action: 'reset' },
    { kind: 'results', path: 'unprocessedrecords', times: 1, action: 'reset' },
  );
  expect(result).toMatchObject({ state: 'Completed', jobsTotal: 1, balanced: true });
  const fetched = world.org.ledger.requests.slice(before).filter(({ kind }) => kind === 'results');
  const of = (name: string): number => fetched.filter(({ path }) => path.endsWith(name)).length;
  expect([of('successfulResults'), of('failedResults'), of('unprocessedrecords')]).toEqual([1, 3, 2]);
});

it('continues after one invalid reply at each step', async () => {
  const page = '<html><title>Welcome</title></html>';
  const { result, applied } = await loadWith(
    { kind: 'versions', action: { status: 406 } },
    { kind: 'describe', action: { status: 404, errorCode: 'NOT_FOUND', message: 'no' } },
    { kind: 'create', action: { status: 400, html: page } },
    { kind: 'close', action: { status: 302, headers: { location: 'https://login.example.com/' } } },
    { kind: 'info', action: { status: 404, errorCode: 'NOT_FOUND', message: 'no' } },
    { kind: 'info', action: { status: 200 } },
    { kind: 'results', path: 'successfulResults', action: { status: 400, errorCode: 'INVALIDJOBSTATE', message: 'x' } },
    { kind: 'results', path: 'failedResults', action: { status: 200, html: page } },
    {
      kind: 'results',
      path: 'unprocessedrecords',
      action: { status: 200, html: page, headers: { 'content-type': 'text/csv' } },
    },
  );
  expect(result).toMatchObject({ state: 'Completed', jobsTotal: 1, balanced: true });
  expect(applied).toEqual(everyRowOnce);
});

it.each([
  ['an empty HTTP 200', { status: 200 }],
  ['a redirect', { status: 302, headers: { location: 'https://login.example.com/' } }],
] as const)('sends the part with another job when its upload is answered with %s', async (_what, action) => {
  const { result, applied } = await loadWith({ kind: 'upload', action });
  expect(result).toMatchObject({ state: 'Completed', jobsTotal: 2 });
  expect(applied).toEqual(everyRowOnce);
});

const expired = { status: 401, errorCode: 'INVALID_SESSION_ID', message: 'Session expired or invalid' };

it('stops before it begins if the token has expired, and explains what to do', async () => {
  const before = world.org.jobs().length;
  const { result } = await loadWith({ kind: 'versions', times: 50, action: expired });
  expect(result).toMatchObject({ state: 'Failed', error: { code: 'TOKEN_EXPIRED' }, jobsTotal: 0 });
  expect(result.error?.message).toContain('SF_ACCESS_TOKEN');
  expect(world.org.jobs()).toHaveLength(before);
});

it('waits when the token expires during the load, and resumes with a new one', async () => {
  const { result } = await loadWith({ kind: 'info', times: 4, action: expired });
  expect(result).toMatchObject({ state: 'Completed', jobsTotal: 1 });
});

it('fails for an object that the org does not have', async () => {
  const source = await world.csv(accounts(3));
  const result = await world.load({ source, object: 'Acount' });
  expect(result).toMatchObject({
    state: 'Failed',
    records: { total: 0, succeeded: 0 },
    error: { code: 'OBJECT_NOT_FOUND' },
    jobsTotal: 0,
  });
});

it('does not continue with a job that was aborted in Setup', async () => {
  await world.org.setRecordsPerSecond(300);
  const rows = accounts(15_000, (row, i) => ({ ...row, External_Id__c: `F${n}-${i}` }));
  const before = world.org.jobs().length;
  const handle = await world.start({ source: await world.csv(rows) });
  await expect.poll(() => world.org.jobs()[before]?.processed ?? 0).toBeGreaterThan(100);
  const id = world.org.jobs()[before]?.settings.id ?? '';
  await fetch(`${world.org.url}/services/data/v66.0/jobs/ingest/${id}`, {
    method: 'PATCH',
    headers: { authorization: `Bearer ${world.org.token}` },
    body: JSON.stringify({ state: 'Aborted' }),
  });
  await world.org.setRecordsPerSecond(50_000);
  const result = await handle.result();
  await world.org.setRecordsPerSecond(20_000);
  expect(result).toMatchObject({
    state: 'Failed',
    records: { total: 15_000, succeeded: 10_000, unprocessed: 5_000, unaccounted: 0 },
    error: { code: 'JOB_ABORTED' },
    jobsTotal: 1,
  });
  await expectSound(world, result);
});

it('reports what a retry waits for when its id is in use, and sends it once that workflow has ended', async () => {
  const loadId = `taken-${Date.now()}`;
  const taken = `bulk-load/${loadId}/retry/round-1/part-1`;
  const blocker = await world.client.workflow.start('anything', { workflowId: taken, taskQueue: 'nobody' });
  const rows = accounts(5, (row, i) => ({
    ...row,
    External_Id__c: `T-${i}`,
    ...(i === 3 && { Name: '[locked once]' }),
  }));
  const load = await world.start({ source: await world.csv(rows), loadId });
  await expect.poll(async () => (await load.progress()).waitingFor).toContain(`the workflow ${taken} to end`);
  await blocker.terminate();
  expect(await load.result()).toMatchObject({
    state: 'Completed',
    records: { succeeded: 5 },
    retry: { recovered: 1 },
  });
});
