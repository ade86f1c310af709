/** What is sent of a file, what is left out with a warning, and what is refused: the same for load and check. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CheckReport } from '../../../../src/contract/check-report.js';
import type { StagePlan } from '../../../../src/activities/stage/stage-plan-types.js';
import type { PlanLoadInput } from '../../../../src/protocol/activities/plan-types.js';
import { openBench } from '../../../helpers/activity-harness.js';
import type { Bench } from '../../../helpers/activity-harness.js';

let bench: Bench;
beforeAll(async () => {
  bench = await openBench();
});
afterAll(() => bench.close());

interface Sent {
  names: string[];
  /** The bytes of all parts. */
  rows: string;
  warnings: string[];
  /** The source's own bytes are sent. */
  isSource: boolean;
  report: CheckReport;
}

/** Asserts that a load and a check agree. */
async function sent(csv: string | Buffer, more: Partial<PlanLoadInput> = {}): Promise<Sent> {
  const { records } = await bench.plan(csv, more);
  const plan = JSON.parse(await bench.read('work/first/plan.json')) as StagePlan & { rows: string };
  const bytes = Buffer.from(await bench.read(new URL(`file://${plan.rows}`).href));
  const rows = plan.parts.map(({ start, end }) => bytes.toString('utf8', start, end)).join('');
  const report = await bench.checkAgain(more);
  const { warnings = [] } = plan;
  const told = report.warnings.filter(({ code }) => code !== 'ROWS_WOULD_FAIL');
  expect(told.map(({ message }) => message).sort()).toEqual([...warnings].sort());
  expect(report.errors).toEqual([]);
  const skipped = report.rows?.bad ?? 0;
  expect(report.records).toBe(records + skipped);
  return { names: plan.names, rows, warnings, isSource: plan.rows.endsWith('/source.csv'), report };
}

/** The error of a load; a check reports the same. */
async function refused(csv: string, more: Partial<PlanLoadInput> = {}): Promise<{ code: string; message: string }> {
  const error = await bench.plan(csv, more).then(
    () => expect.unreachable('it was planned'),
    (failure: Error & { type: string }) => ({ code: failure.type, message: failure.message }),
  );
  const { errors } = await bench.checkAgain(more);
  expect(errors[0]).toMatchObject(error);
  return error;
}

describe('rows without any value', () => {
  const KEYED = 'External_Id__c,Name,Phone\nA,a,1\n';

  it('are left out at the end without a copy of the file', async () => {
    const { rows, isSource, warnings } = await sent(`${KEYED}B,b,2\n,,\n"","",""\n,,`);
    expect({ rows, isSource }).toEqual({ rows: 'A,a,1\nB,b,2\n', isSource: true });
    expect(warnings).toEqual(['3 blank rows were skipped, the first of them after data row 2.']);
  });

  it('are left out between other rows, whatever number of cells they have', async () => {
    const { rows, warnings, report } = await sent(`${KEYED},,\n,\n,,,,,\nB,b,2\n`);
    expect(rows).toBe('A,a,1\nB,b,2\n');
    expect(warnings).toEqual(['3 blank rows were skipped, the first of them after data row 1.']);
    expect(report.found?.rewritten).toBe('blank rows are left out');
    expect(report.warnings).toMatchObject([{ code: 'BLANK_ROWS_LEFT_OUT' }]);
  });

  it.each<[string, Partial<PlanLoadInput>, string]>([
    ['constants', { constants: { Rating: 'Hot' } }, 'A,a,1,Hot\nB,b,2,Hot\n'],
    ['blank cells as #N/A', { blankAsNull: true }, 'A,a,1\nB,b,2\n'],
    ['columns that are left out', { columns: { Phone: '' } }, 'A,a\nB,b\n'],
    ['a check of the rows', { checkRows: true }, 'A,a,1\nB,b,2\n'],
    ['bad rows that are left out', { skipBadRows: true }, 'A,a,1\nB,b,2\n'],
  ])('do not count with %s', async (_what, more, rows) => {
    for (const blanks of [`,,\nB,b,2\n`, `B,b,2\n,,\n`]) expect((await sent(KEYED + blanks, more)).rows).toBe(rows);
  });

  it('do not count among bad rows and in their numbers', async () => {
    const { rows, report } = await sent(`${KEYED},,\n,b,2\nC,c,3\n,,\n`, { skipBadRows: true });
    expect(rows).toBe('A,a,1\nC,c,3\n');
    expect(report.rows).toMatchObject({ bad: 1, findings: [{ row: 2, code: 'KEY_BLANK' }] });
  });

  it('do not count in a delete either, whose rows have other columns', async () => {
    const csv = 'Id,Name\n001000000000001AAA,x\n,\n,the only trace\n,\n';
    const { rows } = await sent(csv, { operation: 'delete', skipBadRows: true });
    expect(rows).toBe('001000000000001AAA\n');
    const plan = JSON.parse(await bench.read('work/first/plan.json')) as StagePlan & { rows: string };
    expect(await bench.read(plan.rejected?.uri as string)).toMatch(/,,the only trace\n$/);
    expect((await sent('Id\n001000000000001AAA\n""\n', { operation: 'delete' })).rows).toBe('001000000000001AAA\n');
  });

  it('are rows if a cell has a blank, #N/A, or a value in a column that is not sent', async () => {
    expect((await sent(`${KEYED}, ,\n,#N/A,\n`)).rows).toBe('A,a,1\n, ,\n,#N/A,\n');
    expect((await sent(`${KEYED},,2\n`, { columns: { Phone: '' } })).rows).toBe('A,a\n,\n');
  });

  it('make the file empty if there are no others', async () => {
    const { code, message } = await refused('External_Id__c,Name\n,\n,\n');
    expect(code).toBe('SOURCE_EMPTY');
    expect(message).toContain('only blank data rows');
  });
});

describe('columns that an earlier load wrote', () => {
  it('are left out by their exact names, and named', async () => {
    const { names, rows, warnings } = await sent('sf__Id,sf__Error,External_Id__c,Name\n001,BAD:x --,A,a\n');
    expect({ names, rows }).toEqual({ names: ['External_Id__c', 'Name'], rows: 'A,a\n' });
    expect(warnings).toEqual(['Not sent, because an earlier load wrote them: the columns `sf__Id`, `sf__Error`.']);
    expect((await sent('sf__Created,External_Id__c\ntrue,A\n')).names).toEqual(['External_Id__c']);
  });

  it('are not those with the same prefix: a managed package may have the prefix sf', async () => {
    const invoice = { object: 'Invoice__c', externalIdFieldName: 'Number__c' } as const;
    const csv = 'sf__Error,Number__c,Account__c,sf__Region__c\nx,N-1,001000000000001AAA,EU\n';
    const { names, warnings } = await sent(csv, invoice);
    expect(names).toEqual(['Number__c', 'Account__c', 'sf__Region__c']);
    expect(warnings).toEqual(['Not sent, because an earlier load wrote it: the column `sf__Error`.']);
    // An unknown column is refused, not silently dropped.
    expect((await refused('Number__c,Account__c,sf__Unprocessed\nN,001,x\n', invoice)).code).toBe(
      'HEADER_UNKNOWN_COLUMN',
    );
  });

  it('are sent if the caller mapped them', async () => {
    expect(await sent('sf__Id,External_Id__c\nabc,A\n', { columns: { sf__Id: 'Name' } })).toMatchObject({
      names: ['Name', 'External_Id__c'],
      warnings: [],
    });
  });
});

describe('a column without a name', () => {
  it('is left out with a warning if all of its cells are blank', async () => {
    const { names, rows, warnings } = await sent('External_Id__c,Name,\nA,a,\nB,b,""\n');
    expect({ names, rows }).toEqual({ names: ['External_Id__c', 'Name'], rows: 'A,a\nB,b\n' });
    expect(warnings).toEqual(['Column 3 has no name and no values, so it is not sent.']);
    const several = await sent('External_Id__c,,Name," ",\nA,,a,,\n');
    expect(several.warnings).toEqual(['Columns 2, 4 and 5 have no name and no values, so they are not sent.']);
  });

  it('is refused with the row in which it has a value', async () => {
    const { code, message } = await refused('External_Id__c,Name,\nA,a,\n,,\nB,b,late\n');
    expect(code).toBe('HEADER_EMPTY_NAME');
    expect(message).toBe(
      "Column 3 of the header has no name, but data row 2 has a value in it. Name the column, or leave it out with --map '='.",
    );
  });

  it('can be left out by a mapping, or mapped to a field', async () => {
    const csv = 'External_Id__c,\nA,late\n';
    expect(await sent(csv, { columns: { '': '' } })).toMatchObject({ names: ['External_Id__c'] });
    expect(await sent(csv, { columns: { '': 'Name' } })).toMatchObject({ names: ['External_Id__c', 'Name'] });
    const { code } = await refused('External_Id__c,Name\nA,a\n', { columns: { '': '' } });
    expect(code).toBe('HEADER_UNKNOWN_MAPPING');
  });
});

describe('a mapping', () => {
  it('sends one column to several fields', async () => {
    const { names, rows } = await sent('External_Id__c,Both,Junk\nA,x,j\n', {
      columns: { Both: 'Name, Description', Junk: '' },
    });
    expect({ names, rows }).toEqual({ names: ['External_Id__c', 'Name', 'Description'], rows: 'A,x,x\n' });
  });

  it('finds headers in any letter case, but prefers the exact one', async () => {
    expect((await sent('KEY,titel\nA,a\n', { columns: { Key: 'External_Id__c', Titel: 'Name' } })).names).toEqual([
      'External_Id__c',
      'Name',
    ]);
  });

  it('of other files warns of headers that this file lacks, and is overridden by columns', async () => {
    const { names, warnings } = await sent('External_Id__c,Titel\nA,a\n', {
      columns: { Titel: 'Name' },
      columnsIfPresent: { titel: 'Description', Fehlt: 'Phone', Remark: '' },
    });
    expect(names).toEqual(['External_Id__c', 'Name']);
    expect(warnings).toEqual(['The mapping file names the columns `Fehlt`, `Remark`, which the file does not have.']);
  });
});
