/** The uploaded content for a source that cannot be sent as it is. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PlanLoadInput } from '../../../../src/protocol/activities/plan-types.js';
import type { StagePlan } from '../../../../src/activities/stage/stage-plan-types.js';
import { openBench } from '../../../helpers/activity-harness.js';
import type { Bench } from '../../../helpers/activity-harness.js';

let bench: Bench;
beforeAll(async () => {
  bench = await openBench();
});
afterAll(() => bench.close());

/** Names and rows as they are sent to the platform. */
async function sent(csv: string, more: Partial<PlanLoadInput> = {}): Promise<{ names: string[]; rows: string }> {
  await bench.plan(csv, more);
  const plan = JSON.parse(await bench.read('work/first/plan.json')) as StagePlan;
  const bytes = await bench.read(new URL(`file://${plan.rows}`).href);
  return { names: plan.names, rows: plan.parts.map(({ start, end }) => bytes.slice(start, end)).join('|') };
}

describe('constants', () => {
  it('replace a column of the same name in any letter case', async () => {
    expect(await sent('External_Id__c,Name\nA,a\n', { constants: { name: 'x' } })).toEqual({
      names: ['External_Id__c', 'Name'],
      rows: 'A,x\n',
    });
  });

  it('get the line endings of the written file', async () => {
    const { rows } = await sent('External_Id__c,Name\nA,a\n', { constants: { Description: 'one\r\ntwo' } });
    expect(rows).toBe('A,a,"one\ntwo"\n');
  });
});

it('warns of a fix rule for a field that is not sent', async () => {
  await bench.plan('External_Id__c,Rating\nA,Hot\n', { fixFields: ['Ratng', 'rating'], constants: { Name: 'x' } });
  const { warnings } = JSON.parse(await bench.read('work/first/plan.json')) as StagePlan;
  expect(warnings).toEqual([
    'A fix rule names the field `Ratng`, which is not among the columns, so it changes nothing. Did you mean `Rating`?',
  ]);
});

it.each(['\n', '\r\n'])('sends no half of a line ending as part of the last key: line endings %j', async (end) => {
  const { rows } = await sent(`Name,External_Id__c${end}a,KEY1${end}b,KEY2\r`);
  expect(rows).toBe('a,KEY1\nb,KEY2\n');
});

it.each<[string, Partial<PlanLoadInput>, string[], string]>([
  ['a column is left out', { columns: { Junk: '' } }, ['External_Id__c', 'Name'], 'R1,Acme\nR3,Gamma\n'],
  [
    'a constant is added',
    { columns: { Junk: 'Description' }, constants: { Rating: 'Hot' } },
    ['External_Id__c', 'Name', 'Description', 'Rating'],
    'R1,Acme,x,Hot\nR3,Gamma,z,Hot\n',
  ],
])('rejects only the ragged rows when %s', async (_what, more, names, rows) => {
  const csv = 'External_Id__c,Name,Junk\nR1,Acme,x\nR2,Beta\nR3,Gamma,z\nR4,Delta,d,too,many\n';
  expect(await sent(csv, { ...more, checkRows: true, skipBadRows: true })).toEqual({ names, rows });
  const { rejected } = JSON.parse(await bench.read('work/first/plan.json')) as StagePlan;
  expect(rejected?.rows).toBe(2);
  const shown = await bench.read(rejected?.uri as string);
  expect(shown).toContain('ROW_RAGGED:the row has more or fewer cells than the header, which has 3');
  expect(shown).toContain('R2,Beta');
  expect(shown).toContain('R4,Delta,d,too,many');
});

it('finds the id of a delete by its label too', async () => {
  const csv = 'Record ID,Account Name\n001000000000001AAA,Acme\n';
  expect(await sent(csv, { operation: 'delete', mapLabels: true })).toEqual({
    names: ['Id'],
    rows: '001000000000001AAA\n',
  });
  await expect(sent(csv, { operation: 'delete' })).rejects.toMatchObject({ type: 'HEADER_NO_ID' });
  await expect(sent('Name\nAcme\n', { operation: 'delete', mapLabels: true })).rejects.toMatchObject({
    type: 'HEADER_NO_ID',
  });
});

it('shows all columns of rows that a delete leaves out', async () => {
  const csv = 'Id,Name,Description\n\n001000000000001AAA,Acme,keepme\n,NoId Inc,the only trace\n';
  await bench.plan(csv, { operation: 'delete', checkRows: true, skipBadRows: true });
  const { rejected } = JSON.parse(await bench.read('work/first/plan.json')) as StagePlan;
  expect(rejected?.rows).toBe(1);
  expect((await bench.read(rejected?.uri as string)).split('\n')[1]).toMatch(/,NoId Inc,the only trace$/);
});

it('leaves blank keys blank, because #N/A would be a value there', async () => {
  const { rows } = await sent('External_Id__c,Name,Phone\n,a,\n', { blankAsNull: true });
  expect(rows).toBe(',a,#N/A\n');
});

it('sends column names in the letter case of describe, as result files return them', async () => {
  const { names } = await sent('external_id__c,NAME\nA,a\n', { externalIdFieldName: 'EXTERNAL_ID__C' });
  expect(names).toEqual(['External_Id__c', 'Name']);
  const { groups } = await bench.plan('external_id__c,NAME\nA,a\n', { externalIdFieldName: 'EXTERNAL_ID__C' });
  expect(groups).toMatchObject([{ externalIdFieldName: 'External_Id__c' }]);
});

it('sends no blank lines', async () => {
  expect((await sent('External_Id__c,Name\nA,a\n\n\nB,b\n\n')).rows).toBe('A,a\nB,b\n');
});

it('keeps cells out of the error when the file is not CSV', async () => {
  const bad = bench.plan('External_Id__c,Name\nA,"John" Private\n', { blankAsNull: true });
  await expect(bad).rejects.toMatchObject({
    type: 'CSV_INVALID',
    message: expect.not.stringMatching(/John|Private/) as string,
  });
});

describe('hardDelete', () => {
  const ids = 'Id\n001000000000001AAA\n';

  it('is refused before a job exists when the org reports that the user lacks the permission', async () => {
    const strict = await openBench({ hardDelete: false });
    try {
      await expect(strict.plan(ids, { operation: 'hardDelete' })).rejects.toMatchObject({
        type: 'HARD_DELETE_NOT_ALLOWED',
      });
      // Only hardDelete needs the permission.
      await strict.plan(ids, { operation: 'delete' });
    } finally {
      await strict.close();
    }
  });

  it('is allowed if the user has the permission, or if the org does not report it', async () => {
    await bench.plan(ids, { operation: 'hardDelete' });
    bench.org.fault({ kind: 'query', action: { status: 400 } });
    await bench.plan(ids, { operation: 'hardDelete' });
  });
});
