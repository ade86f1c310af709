/** Records that an org has from the start, and what it keeps over a restart. */
import { cpSync, mkdtempSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SimulatorOptions } from '../../../src/simulator/index.js';
import { Org } from '../../../src/simulator/org/org.js';
import { OrgStore } from '../../../src/simulator/store/org-store.js';
import { describeOf, field, key, lookup, orgFolder, picklist } from '../../helpers/org-folder.js';
import { BASE, Clock, INGEST, openOrg } from '../../helpers/simulator.js';
import type { Json, TestOrg } from '../../helpers/simulator.js';

let folder = '';

beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'nightload-data-'))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const upsert = { operation: 'upsert', externalIdFieldName: 'External_Id__c' };
const rowsOf = (from: number, to: number): string =>
  Array.from({ length: to - from }, (_, i) => `k${from + i},Name ${from + i},${i % 5 === 0 ? 'Bad' : ''}\n`).join('');
const info = async (org: TestOrg, id: string): Promise<Json> => (await org.ask('GET', `${INGEST}/${id}`)).json;
const file = async (org: TestOrg, id: string, name: string): Promise<string[]> =>
  (await org.ask('GET', `${INGEST}/${id}/${name}`)).text.trim().split('\n').slice(1).sort();

describe('seeded records', () => {
  const PLANT = describeOf('Plant__c', 'a0P', [
    field('Name', 'string', { nillable: false }),
    key(),
    picklist('State__c', ['On', 'Off']),
    field('Number__c', 'string', { autoNumber: true, createable: false, updateable: false }),
    lookup('Parent__c', 'Plant__c', 'Parent__r'),
  ]);

  const open = (csv: string, more: SimulatorOptions = {}): Promise<TestOrg> => {
    const path = join(folder, 'plants.csv');
    writeFileSync(path, csv);
    return openOrg({ org: orgFolder({ Plant__c: PLANT }), seedRecords: { Plant__c: path }, ...more });
  };

  it('[seed-records] fills an object from a CSV file, with the ids and read-only values of another org', async () => {
    const id = 'a0P5g000001AbCdEAK';
    const org = await open(`Id,Name,Key__c,Number__c\r\n${id},A,a,P-1\r\n,B,b,\r\n`);
    expect(org.records('Plant__c').map((one) => [one.id, one.values.get('Number__c')])).toEqual([
      [id, 'P-1'],
      [expect.stringMatching(/^a0Psm/), '00000002'],
    ]);
    const update = await org.load(`Id,Name\n${id.slice(0, 15)},C\n`, { object: 'Plant__c', operation: 'update' });
    expect(update.succeeded).toMatchObject([{ sf__Id: id, sf__Created: 'false' }]);
    const child = await org.load(`Name,Parent__c\nD,${id}\nE,a0P5g000001AbCeEAK\n`, { object: 'Plant__c' });
    expect([child.succeeded.length, child.errors]).toEqual([
      1,
      ['INVALID_CROSS_REFERENCE_KEY:invalid cross reference id:--'],
    ]);
    const query = `SELECT Id FROM Plant__c WHERE Id = '${id}'`;
    expect((await org.ask('GET', `${BASE}/query?q=${encodeURIComponent(query)}`)).json['records']).toMatchObject([
      { Id: id },
    ]);
  });

  it.each([
    [
      'an invalid value',
      'Name,State__c\nA,Half\n',
      '1 of 1 rows are not valid records of Plant__c: row 1: INVALID_OR_NULL',
    ],
    ['a missing value', 'Key__c\na\n', 'row 1: REQUIRED_FIELD_MISSING'],
    [
      'a key twice',
      `Name,Key__c\n${'A,a\n'.repeat(3)}`,
      '2 of 3 rows are not valid records of Plant__c: row 2: DUPLICATE_VALUE',
    ],
    ['an id of another object', 'Id,Name\n0015g000001AbCdEAK,A\n', 'row 1: MALFORMED_ID'],
    ['an unknown column', 'Name,What\nA,b\n', 'InvalidBatch : Field name not found : What'],
    ['a stray quote', 'Name\nA"b\n', 'it has a stray quote'],
  ])('[seed-records] refuses %s', async (_what, csv, message) => {
    await expect(open(csv)).rejects.toThrow(message);
  });

  it('[seed-records] leaves an object alone that has records from the last start', async () => {
    const data = join(folder, 'data');
    const org = await open('Name,Key__c\nA,a\n', { data });
    await org.load('Name,Key__c\nB,b\n', { object: 'Plant__c' });
    await org.close();
    const again = await open('Name,Key__c\nC,c\n', { data });
    expect(again.records('Plant__c').map(({ values }) => values.get('Key__c'))).toEqual(['a', 'b']);
  });
});

describe('data', () => {
  it('[data-kept] keeps records, jobs and results over a restart', async () => {
    const org = await openOrg({ data: folder });
    const first = await org.load(`External_Id__c,Name,Rating\n${rowsOf(0, 1_000)}`, upsert);
    const [gone = '', changed = ''] = first.succeeded.map((row) => row['sf__Id'] ?? '');
    await org.load(`Id\n${gone}\n`, { operation: 'delete' });
    await org.load(`Id,Name\n${changed},"New, name"\n`, { operation: 'update' });
    org.seedRecords('Contact', [{ LastName: 'C' }]);
    const open = await org.create();
    const before = org.records('Account').map(({ id, deleted, values }) => ({ id, deleted, values }));
    const results = [await file(org, first.id, 'successfulResults'), await file(org, first.id, 'failedResults')];
    await org.close();

    const again = await openOrg({ data: folder });
    expect(again.records('Account').map(({ id, deleted, values }) => ({ id, deleted, values }))).toEqual(before);
    expect(again.records('Contact')).toHaveLength(1);
    expect(await info(again, first.id)).toMatchObject({
      state: 'JobComplete',
      numberRecordsProcessed: 1_000,
      numberRecordsFailed: 200,
    });
    expect([await file(again, first.id, 'successfulResults'), await file(again, first.id, 'failedResults')]).toEqual(
      results,
    );
    expect((await info(again, open))['state']).toBe('Open');
    await again.send(open, 'Name\nA\n');
    expect(await again.ended(open)).toMatchObject({ state: 'JobComplete' });
    expect(await again.create()).not.toBe(open);
    // Keys are known again.
    const twice = await again.load('External_Id__c,Name\nk1,X\nnew,Y\n', upsert);
    expect(twice.succeeded.map((row) => row['sf__Created']).sort()).toEqual(['false', 'true']);
    await again.ask('DELETE', `${INGEST}/${open}`);
    await again.close();
    expect((await (await openOrg({ data: folder })).ask('GET', `${INGEST}/${open}`)).status).toBe(404);
  });

  it.each([
    ['described', true],
    ['fixed', false],
  ])(
    '[data-crash] continues the jobs of a %s org after a crash, each row once',
    async (_what, described) => {
      const clock = new Clock();
      const describe = describeOf('Account', '001', [
        field('Name'),
        picklist('Rating', ['Hot']),
        { ...key(), name: 'External_Id__c' },
      ]);
      const speed = { any: { rowsPerSecond: 1_000 } };
      const options: SimulatorOptions = {
        now: clock.now,
        recordsPerSecond: 1_000,
        ...(described && { org: orgFolder({ Account: { describe, speed } }) }),
      };
      const org = await openOrg({ ...options, data: folder });
      const id = await org.create(upsert);
      await org.send(id, `External_Id__c,Name,Rating\n${rowsOf(0, 25_000)}`);
      const waiting = await org.create(upsert);
      clock.ms += 12_300;
      const running = await info(org, id);
      expect(running['state']).toBe('InProgress');
      expect(Number(running['numberRecordsProcessed'])).toBeGreaterThan(10_000);
      await org.send(waiting, `External_Id__c,Name,Rating\n${rowsOf(50_000, 50_100)}`);

      // The folder as a process leaves it that is killed, with half of a transaction at the end of its log.
      const crashed = `${folder}-crashed`;
      cpSync(folder, crashed, { recursive: true });
      rmSync(join(crashed, 'in-use'));
      const [log = ''] = readdirSync(crashed).filter((name) => name.endsWith('.log'));
      truncateSync(join(crashed, log), statSync(join(crashed, log)).size - 10);
      try {
        const again = await openOrg({ ...options, data: crashed });
        clock.ms += 100_000;
        expect(await info(again, id)).toMatchObject({
          state: 'JobComplete',
          numberRecordsProcessed: 25_000,
          numberRecordsFailed: 5_000,
        });
        const [succeeded, failed] = [
          await file(again, id, 'successfulResults'),
          await file(again, id, 'failedResults'),
        ];
        expect([succeeded.length, failed.length]).toEqual([20_000, 5_000]);
        expect(new Set([...succeeded, ...failed].map((line) => /"(k\d+)"/.exec(line)?.[1])).size).toBe(25_000);
        const keys = again.records('Account').map(({ values }) => values.get('External_Id__c'));
        expect(new Set(keys).size).toBe(keys.length);
        expect(keys.length).toBeGreaterThanOrEqual(20_000);
        await again.close();
      } finally {
        rmSync(crashed, { recursive: true, force: true });
      }
    },
    120_000,
  );

  it('[data-crash] ends a job that was aborted, and keeps its unprocessed rows', async () => {
    const clock = new Clock();
    const org = await openOrg({ now: clock.now, recordsPerSecond: 1_000, data: folder });
    const id = await org.create();
    await org.send(id, `Name\n${'A\n'.repeat(15_000)}`);
    clock.ms += 2_100;
    await org.ask('PATCH', `${INGEST}/${id}`, { state: 'Aborted' });
    await org.close();
    const again = await openOrg({ now: clock.now, recordsPerSecond: 1_000, data: folder });
    const { numberRecordsProcessed: done, state } = await info(again, id);
    expect(state).toBe('Aborted');
    expect(await file(again, id, 'unprocessedrecords')).toHaveLength(15_000 - Number(done));
    expect(await file(again, id, 'successfulResults')).toHaveLength(Number(done));
  });

  it('[data-snapshot] replaces its log by a snapshot, while the org goes on', async () => {
    const made = (): Org => new Org({ maxRecords: 1e6 });
    const path = join(folder, 'store');
    const org = made();
    const store = await OrgStore.open(path, org, 100_000);
    const contents = (of: Org): unknown =>
      of.records('Account').map(({ id, deleted, values }) => ({ id, deleted, values }));
    const table = org.table('Account');
    for (let i = 0; i < 3_000; i++) {
      const [id = ''] = org.seed('Account', [{ Name: `Account ${i}`, External_Id__c: `k${i % 50}-${i}` }]);
      if (i % 7 === 0) table?.remove(table.byId(id), i % 2 === 0);
      store.saveJob({ number: 1 + (i % 5), at: i, batches: [], succeeded: {}, rejected: {} });
      if (i % 5 === 4) store.removeJob(5);
      store.commit();
      // Snapshots are written meanwhile.
      if (i % 50 === 0) await new Promise((turn) => setTimeout(turn, 5));
    }
    await store.close();
    const names = readdirSync(path).filter((name) => /snapshot|log/.test(name));
    expect(names).toEqual([
      expect.stringMatching(/^changes\.\d+\.log$/),
      expect.stringMatching(/^records\.\d+\.snapshot$/),
    ]);
    const again = made();
    const reopened = await OrgStore.open(path, again, 100_000);
    expect(contents(again)).toEqual(contents(org));
    expect(reopened.jobs.map(({ number, at }) => [number, at])).toEqual([
      [1, 2_995],
      [2, 2_996],
      [3, 2_997],
      [4, 2_998],
    ]);
    expect(again.table('Account')?.find(again.table('Account')?.field('External_Id__c') as never, 'k1-1')).toEqual([2]);
    await reopened.close();
  });

  it('[data-locked] is used by one org at a time, of the same kind', async () => {
    const org = await openOrg({ data: folder });
    await expect(openOrg({ data: folder })).rejects.toThrow(`${folder} is in use by the process ${process.pid}`);
    await org.load('Name\nA\n');
    await org.close();
    const other = orgFolder({ Plant__c: describeOf('Plant__c', 'a0P', [field('Name')]) });
    await expect(openOrg({ data: folder, org: other })).rejects.toThrow('which is not an object of this org');
  });
});
