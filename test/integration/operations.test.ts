import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { accounts, expectSound, openWorld, readCsv } from '../helpers/load-harness.js';
import type { Row, World } from '../helpers/load-harness.js';

let world: World;
beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world.end());

/** Rows with unique keys, so that tests can share an org. */
function keyed(prefix: string, rows: Row[]): Row[] {
  return rows.map((row, i) => ({ ...row, External_Id__c: `${prefix}-${i + 1}` }));
}

describe('upsert', () => {
  it('loads rows without errors in one job', async () => {
    const before = world.org.ledger.count();
    const result = await world.load({ source: await world.csv(keyed('U1', accounts(500))) });
    expect(result).toMatchObject({
      state: 'Completed',
      object: 'Account',
      operation: 'upsert',
      records: { total: 500, succeeded: 500, rejected: 0, unprocessed: 0, unaccounted: 0 },
      balanced: true,
      retry: { rounds: 0, recovered: 0, rerendered: 0 },
      jobsTotal: 1,
    });
    expect(result.jobs).toEqual([
      {
        id: expect.stringMatching(/^750.{15}$/),
        operation: 'upsert',
        state: 'JobComplete',
        records: 500,
        failed: 0,
        polls: expect.any(Number),
        times: expect.objectContaining({ created: expect.any(Number), ended: expect.any(Number) }),
      },
    ]);
    expect(result.apiRequests).toBe(world.org.ledger.count() - before);
    // The job is known, so the org is not asked before it is used.
    const kinds = world.org.ledger.requests.slice(before).map(({ kind }) => kind);
    expect(kinds.slice(kinds.indexOf('create'), kinds.indexOf('info'))).toEqual(['create', 'upload', 'close']);
    expect(kinds).not.toContain('other');
    expect(result.files.rejected).toBeUndefined();
    expect(result.error).toBeUndefined();
    await expectSound(world, result);
  });

  it('sends only the failed rows again, and rejects those that need a person', async () => {
    const rows = keyed('U2', accounts(1_000)).map((row, i) => {
      if (i % 100 === 0) return { ...row, Description: `${row['Description']} [locked once]` };
      if (i % 200 === 1) return { ...row, Name: '' };
      return row;
    });
    const result = await world.load({ source: await world.csv(rows) });
    expect(result).toMatchObject({
      state: 'CompletedWithRejects',
      records: { total: 1_000, succeeded: 995, rejected: 5, unprocessed: 0, unaccounted: 0 },
      balanced: true,
      retry: { rounds: 1, recovered: 10, rerendered: 0 },
      jobsTotal: 2,
    });
    expect(result.jobs?.map(({ records }) => records).sort((a, b) => a - b)).toEqual([10, 1_000]);
    const rejected = await readCsv(result.files.rejected);
    expect(Object.keys(rejected[0] ?? {})).toEqual(['sf__Id', 'sf__Error', 'External_Id__c', 'Name', 'Description']);
    expect(rejected.every((row) => row['sf__Error']?.startsWith('REQUIRED_FIELD_MISSING:'))).toBe(true);
    await expectSound(world, result);
    const ours = world.org.records('Account').filter(({ values }) => values.get('External_Id__c')?.startsWith('U2-'));
    expect(ours).toHaveLength(995);
    expect(ours.every(({ applied }) => applied === 1)).toBe(true);
  });

  it('ends with rejects, not with a failure, when every row of the only part is bad', async () => {
    const rows = keyed('U3', accounts(40)).map((row) => ({ ...row, Name: '' }));
    const result = await world.load({ source: await world.csv(rows) });
    expect(result).toMatchObject({
      state: 'CompletedWithRejects',
      records: { total: 40, succeeded: 0, rejected: 40, unprocessed: 0, unaccounted: 0 },
      balanced: true,
      jobsTotal: 1,
    });
    await expectSound(world, result);
  });

  it('gives up on rows that stay locked after the last round, with their reason', async () => {
    const rows = keyed('U4', accounts(20)).map((row, i) => (i < 3 ? { ...row, Description: '[always locked]' } : row));
    const result = await world.load({
      source: await world.csv(rows),
      retry: { maxRounds: 2, initialWait: '50ms', backoffCoefficient: 1 },
    });
    expect(result).toMatchObject({
      state: 'CompletedWithRejects',
      records: { succeeded: 17, rejected: 3 },
      retry: { rounds: 2, recovered: 0 },
      jobsTotal: 3,
    });
    const rejected = await readCsv(result.files.rejected);
    expect(rejected.map((row) => row['sf__Error']?.split(':')[0])).toEqual(Array(3).fill('UNABLE_TO_LOCK_ROW'));
    expect(new Set(rejected.map((row) => row['External_Id__c']))).toEqual(new Set(['U4-1', 'U4-2', 'U4-3']));
  });

  it('does not overwrite a newer row that landed with an older row of the same key', async () => {
    const filler = keyed('U5', accounts(200));
    const source = await world.csv([
      { ...filler[0], External_Id__c: 'U5-twice', Description: 'older [locked once]' } as Row,
      ...filler.slice(1),
      { ...filler[0], External_Id__c: 'u5-TWICE', Description: 'newer' } as Row,
    ]);
    const result = await world.load({ source });
    expect(result).toMatchObject({
      state: 'CompletedWithRejects',
      records: { total: 201, succeeded: 200, rejected: 1 },
    });
    expect((await readCsv(result.files.rejected))[0]?.['sf__Error']).toMatch(/^DUPLICATE_KEY_IN_FILE:/);
    const stored = world.org
      .records('Account')
      .find(({ values }) => values.get('External_Id__c')?.toLowerCase() === 'u5-twice');
    expect(stored?.values.get('Description')).toBe('newer');
  });

  it('finds the source row again when the platform renders the key differently', async () => {
    const rows = accounts(30).map((row, i) => ({
      Legacy_Number__c: i % 2 === 0 ? `${912_260_000 + i}.0` : `+9.1327${String(i).padStart(3, '0')}e8`,
      Name: row['Name'] as string,
      AnnualRevenue: '912260031',
      Description: i % 10 === 0 ? 'x [locked once]' : 'x',
    }));
    const result = await world.load({ source: await world.csv(rows), externalIdFieldName: 'Legacy_Number__c' });
    expect(result).toMatchObject({
      state: 'Completed',
      records: { succeeded: 30 },
      retry: { recovered: 3, rerendered: 0 },
    });
  });
});

describe('insert', () => {
  const withKey = { operation: 'insert', externalIdFieldName: 'External_Id__c' } as const;

  it('retries by upsert if a unique external id allows it', async () => {
    const rows = keyed('I1', accounts(100)).map((row, i) =>
      i % 10 === 0 ? { ...row, Description: '[locked once]' } : row,
    );
    const result = await world.load({ ...withKey, source: await world.csv(rows) });
    expect(result).toMatchObject({
      state: 'Completed',
      operation: 'insert',
      records: { succeeded: 100 },
      retry: { recovered: 10, rerendered: 0 },
    });
    expect(result.jobs?.map(({ operation }) => operation).sort()).toEqual(['insert', 'upsert']);
    await expectSound(world, result);
  });

  it('stays an insert for rows without a key, with the values of the failed file', async () => {
    const rows = accounts(50).map((row, i) => ({
      ...row,
      Name: `I2 ${row['Name']}`,
      External_Id__c: i < 25 ? '' : `I2-${i}`,
      Description: i % 5 === 0 ? `${i} [locked once]` : 'fine',
    }));
    const result = await world.load({ ...withKey, source: await world.csv(rows) });
    expect(result).toMatchObject({
      state: 'Completed',
      records: { succeeded: 50 },
      retry: { recovered: 10, rerendered: 5 },
    });
    expect(result.jobs?.map(({ operation }) => operation).sort()).toEqual(['insert', 'insert', 'upsert']);
    const ours = world.org.records('Account').filter(({ values }) => values.get('Name')?.startsWith('I2 '));
    expect(ours).toHaveLength(50);
  });

  it('retries only rows that a result file names if there is no external id', async () => {
    const rows = accounts(60).map((row, i) => ({
      Name: `I3 ${row['Name']}`,
      Description: i % 20 === 0 ? `${i} [locked once]` : 'fine',
    }));
    const result = await world.load({ operation: 'insert', source: await world.csv(rows) });
    expect(result).toMatchObject({
      state: 'Completed',
      records: { succeeded: 60 },
      retry: { recovered: 3, rerendered: 3 },
    });
    expect(world.org.records('Account').filter(({ values }) => values.get('Name')?.startsWith('I3 '))).toHaveLength(60);
  });
});

describe('update and delete', () => {
  it('updates by Id, clears with --insert-nulls, and treats ids of 15 and 18 characters as equal', async () => {
    const ids = world.org.seedRecords(
      'Account',
      accounts(30).map((row, i) => ({ ...row, External_Id__c: `UP-${i}`, Phone: '1' })),
    );
    const rows = ids.map((id, i) => ({
      Id: i % 2 === 0 ? id.slice(0, 15) : id,
      Phone: '',
      Description: i % 10 === 0 ? '[locked once]' : 'updated',
    }));
    const result = await world.load({ operation: 'update', source: await world.csv(rows), blankAsNull: true });
    expect(result).toMatchObject({
      state: 'Completed',
      records: { succeeded: 30 },
      retry: { recovered: 3, rerendered: 0 },
    });
    const ours = world.org.records('Account').filter(({ values }) => values.get('External_Id__c')?.startsWith('UP-'));
    expect(ours.every(({ values }) => !values.has('Phone'))).toBe(true);
  });

  it('deletes with the Id column alone, counts rows that were already deleted, and keeps all columns of rejected rows', async () => {
    const ids = world.org.seedRecords(
      'Account',
      accounts(20).map((row, i) => ({ ...row, External_Id__c: `D-${i}` })),
    );
    const rows = ids.map((Id, i) => ({ Name: `row ${i}`, Id, Why: 'old' }));
    const first = await world.load({ operation: 'delete', source: await world.csv(rows.slice(0, 5)) });
    expect(first).toMatchObject({ state: 'Completed', records: { succeeded: 5 } });
    const again = await world.load({
      operation: 'delete',
      source: await world.csv([...rows, { Name: 'nobody', Id: '001000000000000AAA', Why: 'typo, "really"' }]),
    });
    expect(again).toMatchObject({
      state: 'CompletedWithRejects',
      records: { total: 21, succeeded: 20, rejected: 1, unprocessed: 0, unaccounted: 0 },
      balanced: true,
    });
    await expectSound(world, again);
    // Not deleted: the id might appear later, so it was tried in every round.
    expect(await readCsv(again.files.rejected)).toEqual([
      {
        sf__Id: '',
        sf__Error: 'INVALID_CROSS_REFERENCE_KEY:invalid cross reference id:--',
        Name: 'nobody',
        Id: '001000000000000AAA',
        Why: 'typo, "really"',
      },
    ]);
  });

  it('deletes permanently with hardDelete', async () => {
    const ids = world.org.seedRecords(
      'Account',
      accounts(5).map((row, i) => ({ ...row, External_Id__c: `H-${i}` })),
    );
    const result = await world.load({ operation: 'hardDelete', source: await world.csv(ids.map((Id) => ({ Id }))) });
    expect(result).toMatchObject({ state: 'Completed', records: { succeeded: 5 } });
  });
});

describe('what is refused before a job exists', () => {
  const none = { total: 0, succeeded: 0, rejected: 0, unprocessed: 0, unaccounted: 0 };

  async function refused(content: string, input: object, code: string): Promise<void> {
    const before = world.org.jobs().length;
    const path = join(world.folder, `refused-${code}-${before}.csv`);
    await writeFile(path, content);
    const result = await world.load({ source: pathToFileURL(path).href, ...input });
    expect(result).toMatchObject({ state: 'Failed', records: none, jobsTotal: 0, error: { code } });
    expect(world.org.jobs()).toHaveLength(before);
  }

  it.each([
    ['an empty file', '', {}, 'SOURCE_EMPTY'],
    ['a file with only a header', 'External_Id__c,Name\n', {}, 'SOURCE_EMPTY'],
    ['a header and blank lines', 'External_Id__c,Name\n\n\r\n', {}, 'SOURCE_EMPTY'],
    ['an upsert without the column', 'Key,Name\nA,B\n', {}, 'HEADER_NO_EXTERNAL_ID'],
    ['an update without Id', 'Key,Name\nA,B\n', { operation: 'update' }, 'HEADER_NO_ID'],
    ['an unclosed quote', 'External_Id__c,Name\nA,"B\nC,D\n', {}, 'CSV_UNCLOSED_QUOTE'],
    [
      'a mapping of a missing column',
      'External_Id__c,Name\nA,B\n',
      { columns: { Nome: 'Phone' } },
      'HEADER_UNKNOWN_MAPPING',
    ],
  ])('%s', (_what, content, input, code) => refused(content, input, code));

  it('an upsert without an external id field', async () => {
    const source = await world.csv(accounts(1));
    await expect(world.load({ source, externalIdFieldName: undefined as never })).rejects.toMatchObject({
      code: 'INVALID_INPUT',
    });
  });

  it('a missing file', async () => {
    const source = pathToFileURL(join(world.folder, 'nowhere.csv')).href;
    expect(await world.load({ source })).toMatchObject({ state: 'Failed', error: { code: 'SOURCE_NOT_FOUND' } });
  });

  it("a file outside the worker's folders", async () => {
    expect(await world.load({ source: 'file:///etc/hostname' })).toMatchObject({
      state: 'Failed',
      error: { code: 'FILE_OUTSIDE_ROOTS' },
    });
  });
});

describe('a header that the org does not know', () => {
  const labelled = (prefix: string): Row[] =>
    keyed(prefix, accounts(25)).map(({ Name, ...row }) => ({ ...row, 'Account Name': Name as string }));

  it('is refused before a job exists, with a remedy', async () => {
    const before = world.org.jobs().length;
    const result = await world.load({ source: await world.csv(labelled('X0')) });
    expect(result).toMatchObject({
      state: 'Failed',
      records: { total: 0 },
      jobsTotal: 0,
      error: { code: 'HEADER_LABEL_COLUMN', message: expect.stringContaining("--map 'Account Name=Name'") },
    });
    expect(world.org.jobs()).toHaveLength(before);
  });

  it("fails without describe access: all rows unprocessed, nothing sent again, the platform's text in the report", async () => {
    const refused = { status: 403, errorCode: 'INSUFFICIENT_ACCESS', message: 'no' };
    world.org.fault({ kind: 'describe', times: 3, action: refused });
    const result = await world.load({ source: await world.csv(labelled('X1')) });
    expect(result).toMatchObject({
      state: 'Failed',
      records: { total: 25, succeeded: 0, rejected: 0, unprocessed: 25, unaccounted: 0 },
      balanced: true,
      jobsTotal: 1,
      error: { code: 'JOB_FAILED', message: expect.stringContaining('Field name not found.') },
      warnings: [expect.stringContaining('may not describe Account')],
    });
    const report = await readFile(fileURLToPath(result.files.report as string), 'utf8');
    expect(JSON.parse(report)).toMatchObject({
      error: { detail: expect.stringContaining('Field name not found : Account Name') },
    });
    await expectSound(world, result);
  });

  it('is refused all the same when describe failed temporarily', async () => {
    const passing = { status: 403, errorCode: 'REQUEST_LIMIT_EXCEEDED', message: 'ConcurrentRequests Limit exceeded.' };
    world.org.fault({ kind: 'describe', times: 3, action: passing });
    const jobs = world.org.jobs().length;
    const result = await world.load({ source: await world.csv(labelled('X4')) });
    expect(result).toMatchObject({ state: 'Failed', error: { code: 'HEADER_LABEL_COLUMN' } });
    expect(result.warnings).toBeUndefined();
    expect(world.org.jobs()).toHaveLength(jobs);
  });

  it('is accepted with labels on request', async () => {
    expect(await world.load({ source: await world.csv(labelled('X3')), mapLabels: true })).toMatchObject({
      state: 'Completed',
      records: { succeeded: 25 },
    });
  });

  it('is accepted once the mapping is correct', async () => {
    const rows = keyed('X2', accounts(25)).map(({ Name, ...row }) => ({
      ...row,
      'Account Name': Name as string,
      Useless: 'x',
    }));
    const result = await world.load({
      source: await world.csv(rows),
      columns: { 'Account Name': 'Name', Useless: '' },
      constants: { Industry: 'Banking' },
    });
    expect(result).toMatchObject({ state: 'Completed', records: { succeeded: 25 } });
    const ours = world.org.records('Account').filter(({ values }) => values.get('External_Id__c')?.startsWith('X2-'));
    expect(ours.every(({ values }) => values.get('Industry') === 'Banking')).toBe(true);
    expect(ours[0]?.values.get('Description')).toBe('line 1\nline "2", of 1');
  });
});
