/** Whole loads whose source or results lie in an object store. */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, expect, inject, it } from 'vitest';
import { parse } from 'csv-parse/sync';
import { stringify } from 'csv-stringify/sync';
import { NativeConnection } from '@temporalio/worker';
import { accounts, newLoadId, openWorld, readCsv, startTestWorker } from '../helpers/load-harness.js';
import type { Row, World } from '../helpers/load-harness.js';
import { startBulkLoad } from '../../src/client/start-load.js';
import { nightload } from '../helpers/run-cli.js';
import { newestEntries } from '../../src/storage/history-index.js';
import { startS3Server } from '../helpers/s3-server.js';
import type { S3Server } from '../helpers/s3-server.js';

const RESULTS = 's3://bucket/results/';

let s3: S3Server;
let world: World;
beforeAll(async () => {
  s3 = await startS3Server();
  Object.assign(process.env, s3.settings);
  world = await openWorld({
    rowOutcome: ({ Name: name = '' }) =>
      name === 'bad' ? 'FIELD_CUSTOM_VALIDATION_EXCEPTION:not good:Name --' : undefined,
  });
});
afterEach(() => {
  s3.fault = () => undefined;
});
afterAll(async () => {
  await world.end();
  await s3.close();
});

function put(key: string, rows: readonly Row[]): string {
  s3.put(key, stringify([...rows], { header: true }));
  return `s3://bucket/${encodeURI(key)}`;
}

function rowsOf(uri: string | undefined): Row[] {
  if (uri === undefined) return [];
  const text = s3.text(decodeURIComponent(uri.slice('s3://bucket/'.length)));
  return parse(text, { columns: true });
}

const withBad = (row: Row, n: number): Row => (n % 100 === 0 ? { ...row, Name: 'bad' } : row);

it('loads from S3 to S3: results and notes lie in the bucket, nothing on the disk', async () => {
  const before = await readdir(world.folder);
  const source = put('night/accounts ä 1.csv', accounts(500, withBad));
  const result = await world.load({ source, output: RESULTS, part: { maxBytes: 20_000 } });
  expect(result).toMatchObject({
    state: 'CompletedWithRejects',
    records: { total: 500, succeeded: 495, rejected: 5, unaccounted: 0 },
  });
  expect(result.files.succeeded.flatMap(rowsOf)).toHaveLength(495);
  expect(rowsOf(result.files.rejected)).toHaveLength(5);
  expect(JSON.parse(s3.text(`results/${result.loadId}/report.json`))).toMatchObject({ records: result.records });
  expect(result.files.reportHtml).toBe(`${RESULTS}${result.loadId}/report.html`);
  expect(s3.text(`results/${result.loadId}/report.html`)).toContain('FIELD_CUSTOM_VALIDATION_EXCEPTION');
  const history = { matches: ({ loadId }: { loadId: string }) => loadId === result.loadId, most: 10, mostRead: 100 };
  expect((await newestEntries('s3://bucket/results', history)).entries).toMatchObject([{ records: result.records }]);
  expect(await readdir(world.folder)).toEqual(before);
  expect(s3.uploads.size).toBe(0);
});

it('the command counts the reasons of rejected rows in S3, and writes copies for people there', async () => {
  const source = put('night/rejects.csv', accounts(200, withBad));
  const { loadId, files } = await world.load({ source, output: RESULTS });
  const env = {
    ...{ TEMPORAL_ADDRESS: inject('temporalAddress'), NIGHTLOAD_TASK_QUEUE: world.taskQueue },
    ...s3.settings,
  };
  const shown = nightload(['results', loadId, '--defuse', '--json'], env);
  expect(await shown.ended, shown.stderr()).toBe(2);
  expect(shown.stderr()).toMatch(/FIELD_CUSTOM_VALIDATION_EXCEPTION +2\n/);
  const forPeople = `${RESULTS}${loadId}/rejected-for-people.csv`;
  expect(JSON.parse(shown.stdout())).toMatchObject({ files: { ...files, forPeople: { rejected: forPeople } } });
  expect(rowsOf(forPeople)).toHaveLength(2);

  const without = nightload(['results', loadId, '--defuse'], { ...env, NIGHTLOAD_S3_ROOTS: '' });
  expect(await without.ended).toBe(1);
  expect(without.stderr()).toMatch(/RESULT_NOT_READABLE: s3:.*with the S3 settings of a worker/);
});

it('unpacks, decodes and rewrites a source in S3', async () => {
  const rows = accounts(50, (row) => ({ ...row, Name: 'Müller', Ignored: 'x' }));
  const text = stringify(rows, { header: true, delimiter: ';' });
  s3.put('night/packed.csv.gz', gzipSync(Buffer.from(text, 'latin1')));
  const source = 's3://bucket/night/packed.csv.gz';
  const result = await world.load({ source, output: RESULTS, encoding: 'windows-1252', columns: { Ignored: '' } });
  expect(result).toMatchObject({ state: 'Completed', records: { succeeded: 50 } });
  expect(result.files.succeeded.flatMap(rowsOf).every(({ Name: name }) => name === 'Müller')).toBe(true);
});

it('takes corrections from S3, and no file that only one worker may see', async () => {
  const source = put('night/to-correct.csv', accounts(200, withBad));
  const handle = await world.start({ source, output: RESULTS, retry: { holdFor: '1h', maxRounds: 0 } });
  await expect.poll(async () => (await handle.progress()).phase, { timeout: 30_000 }).toBe('holding');
  const { rejectedFile } = await handle.progress();
  const rows = rowsOf(rejectedFile);
  expect(rows).toHaveLength(2);
  await expect(handle.submitCorrections({ source: await world.csv(rows) }, 'a file')).rejects.toThrow(/s3: URI/);
  const corrected = put(
    'night/corrected.csv',
    rows.map((row) => ({ ...row, Name: 'good' })),
  );
  await handle.submitCorrections({ source: corrected }, 'an object');
  expect(await handle.result()).toMatchObject({ state: 'Completed', records: { total: 200, succeeded: 200 } });
});

it('loads a source in S3 to a folder, and a file to S3', async () => {
  const one = await world.load({ source: put('night/to-file.csv', accounts(30)) });
  expect(one).toMatchObject({ state: 'Completed', records: { succeeded: 30 } });
  expect(await Promise.all(one.files.succeeded.map(readCsv))).toMatchObject([{ length: 30 }]);
  const other = await world.load({ source: await world.csv(accounts(30)), output: RESULTS });
  expect(other).toMatchObject({ state: 'Completed', records: { succeeded: 30 } });
  expect(other.files.succeeded.flatMap(rowsOf)).toHaveLength(30);
});

it('refuses a source outside of the roots', async () => {
  const result = await world.load({ source: 's3://other-bucket/a.csv', output: RESULTS });
  expect(result).toMatchObject({ state: 'Failed', jobsTotal: 0, error: { code: 'S3_OUTSIDE_ROOTS' } });
});

it('loads all files of a prefix, and those of a pattern in a folder, and counts the rows of each', async () => {
  put('many/b.csv', accounts(20));
  s3.put('many/a.csv.gz', gzipSync(s3.text('many/b.csv').replaceAll('A-', 'B-')));
  // Without a line break at its end.
  s3.put('many/c.csv', 'External_Id__c,Name,Description\nC-1,c,"two\nlines"');
  s3.put('many/_SUCCESS', '');
  const result = await world.load({ source: 's3://bucket/many/', output: RESULTS });
  expect(result).toMatchObject({ state: 'Completed', records: { total: 41, succeeded: 41 } });
  const report = JSON.parse(s3.text(`results/${result.loadId}/report.json`)) as { sources: unknown };
  expect(report.sources).toEqual([
    { uri: 's3://bucket/many/a.csv.gz', rows: 20 },
    { uri: 's3://bucket/many/b.csv', rows: 20 },
    { uri: 's3://bucket/many/c.csv', rows: 1 },
  ]);

  const uri = await world.csv(accounts(5), 'p-1.csv');
  await world.csv(
    accounts(7, (row, n) => ({ ...row, External_Id__c: `P-${n}` })),
    'p-2.csv',
  );
  const files = await world.load({ source: uri.replace('p-1', 'p-*') });
  expect(files).toMatchObject({ state: 'Completed', records: { total: 12 } });
});

it('refuses a file whose header differs, with its name', async () => {
  put('mixed/a.csv', accounts(5));
  put(
    'mixed/b.csv',
    accounts(5).map(({ Name: name = '', ...row }) => ({ Name: name, ...row })),
  );
  const result = await world.load({ source: 's3://bucket/mixed/*.csv', output: RESULTS });
  expect(result).toMatchObject({ state: 'Failed', jobsTotal: 0, error: { code: 'SOURCE_FILES_DIFFER' } });
  expect(result.error?.message).toContain('s3://bucket/mixed/b.csv');
});

it('an object that changes in mid-load ends it, with all that landed', async () => {
  const source = put('night/changes.csv', accounts(600));
  s3.fault = ({ method, key, headers }) => {
    const isLater = method === 'GET' && Number(/=(\d+)/.exec(headers.range ?? '')?.[1]) > 15_000;
    const hasLanded = s3.requests.some((one) => /part-00001\/succeeded\.csv$/.test(one.key));
    if (key === 'night/changes.csv' && isLater && hasLanded) put(key, accounts(600, withBad));
    return undefined;
  };
  s3.requests.length = 0;
  const result = await world.load({ source, output: RESULTS, part: { maxBytes: 20_000, maxConcurrent: 1 } });
  expect(result).toMatchObject({ state: 'Failed', error: { code: 'SOURCE_CHANGED' } });
  expect(result.records.succeeded).toBeGreaterThan(0);
  expect(result.files.succeeded.flatMap(rowsOf)).toHaveLength(result.records.succeeded);
  // The others were certainly never sent.
  expect(result).toMatchObject({ balanced: true, records: { total: 600, unaccounted: 0 } });
  expect(result.records.unprocessed).toBe(600 - result.records.succeeded);
  expect(result.warnings?.join()).toMatch(/^[0-9]+ of the unprocessed rows are in no file: parts? /);
});

it('outlasts a store that slows down and breaks off', async () => {
  const source = put('night/slow.csv', accounts(1_500));
  let seen = 0;
  s3.fault = ({ method, key }) => {
    if (++seen % 5 === 0) return { status: 503, code: 'SlowDown' };
    if (method === 'GET' && key === 'night/slow.csv' && seen % 5 === 1) return { breakAfter: 1_000 };
    return undefined;
  };
  const result = await world.load({ source, output: RESULTS, part: { maxBytes: 60_000 } });
  expect(result).toMatchObject({ state: 'Completed', records: { total: 1_500, succeeded: 1_500 } });
  for (const job of world.org.jobs()) expect(job.uploads).toBeLessThanOrEqual(1);
});

it('a check during an outage of the store names it, and advises nothing that only a load does', async () => {
  const source = put('night/check.csv', accounts(5));
  const env = {
    ...{ TEMPORAL_ADDRESS: inject('temporalAddress'), NIGHTLOAD_TASK_QUEUE: world.taskQueue },
    ...s3.settings,
  };
  const words = ['--object', 'Account', '--operation', 'upsert', '--external-id', 'External_Id__c', '--json'];
  // Temporal still lists a worker that has just ended.
  const folder = await mkdtemp(join(tmpdir(), 'nightload-away-'));
  const connection = await NativeConnection.connect({ address: inject('temporalAddress') });
  await (await startTestWorker(connection, world.org, folder, world.taskQueue)).stop();
  await connection.close();
  await rm(folder, { recursive: true });
  s3.fault = () => ({ status: 503, code: 'SlowDown' });
  const check = nightload(['check', source, ...words, '--timeout', '20s'], env);
  expect(await check.ended).toBe(1);
  const { error } = JSON.parse(check.stdout()) as { error: { code: string; message: string } };
  expect(error.code).toBe('STORE_UNAVAILABLE');
  expect(error.message).toContain('Check the network and the store; then run the command again.');
  expect(error.message).not.toContain('Each host');
  expect(check.stderr()).not.toMatch(/resumes by itself|NO_WORKER/);
});

it('continues on another host when one is taken away in mid-load', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'nightload-other-host-'));
  const connection = await NativeConnection.connect({ address: inject('temporalAddress') });
  const taskQueue = `${world.taskQueue}-two`;
  const here = await startTestWorker(connection, world.org, world.folder, taskQueue);
  try {
    const loadId = newLoadId('two-hosts');
    const source = put('night/two-hosts.csv', accounts(900));
    const handle = await startBulkLoad(
      world.client,
      {
        ...{ source, output: RESULTS, object: 'Account', operation: 'upsert', externalIdFieldName: 'External_Id__c' },
        ...{ loadId, part: { maxBytes: 20_000, maxConcurrent: 1 } },
        poll: { initialInterval: '100ms', maximumInterval: '500ms', settleInterval: '200ms' },
      },
      { taskQueue },
    );
    await expect
      .poll(
        () => [...s3.objects.keys()].some((key) => key.includes(`${loadId}/`) && key.includes('part-00001/succeeded')),
        {
          timeout: 30_000,
        },
      )
      .toBe(true);
    await here.stop();
    const there = await startTestWorker(connection, world.org, folder, taskQueue);
    try {
      const result = await handle.result();
      expect(result).toMatchObject({ state: 'Completed', records: { total: 900, succeeded: 900 } });
      expect(result.files.succeeded.flatMap(rowsOf)).toHaveLength(900);
    } finally {
      await there.stop();
    }
  } finally {
    await connection.close();
    await rm(folder, { recursive: true, force: true });
  }
});
