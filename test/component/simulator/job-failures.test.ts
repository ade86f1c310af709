/** What fails a whole job: its header, its bytes, the platform. */
import { expect, it } from 'vitest';
import { INGEST, openOrg } from '../../helpers/simulator.js';
import type { JobRequest } from '../../helpers/simulator.js';
import type { SimulatorOptions } from '../../../src/simulator/index.js';

/** The message of a job that fails before its first row; all its rows are then unprocessed. */
async function failure(csv: string, request: JobRequest = {}, options: SimulatorOptions = {}): Promise<unknown> {
  const org = await openOrg(options);
  const { info, succeeded, failed, unprocessed } = await org.load(csv, request);
  expect(info).toMatchObject({ state: 'Failed', numberRecordsProcessed: 0, numberRecordsFailed: 0 });
  expect([succeeded, failed]).toEqual([[], []]);
  expect(unprocessed.split(/\r?\n/).length).toBeGreaterThan(2);
  expect(org.records(request.object ?? 'Account')).toEqual([]);
  return info['errorMessage'];
}

it.each([
  ['a missing field', 'Name,Nope__c\nA,B\n', 'Nope__c'],
  ['a label', 'Account Name,Wrong\nA,B\n', 'Account Name'],
  ['an empty name', 'Name,\nA,B\n', ''],
])('[header-unknown] fails the job at %s and names the first', async (_what, csv, name) => {
  expect(await failure(csv)).toBe(`InvalidBatch : Field name not found : ${name}`);
});

it('[header-hidden] treats a field that the user may not see as missing', async () => {
  const options = { hiddenFields: ['Account.Rating'] };
  expect(await failure('Name,Rating\nA,Hot\n', {}, options)).toBe('InvalidBatch : Field name not found : Rating');
});

it('[header-bom] does not strip a byte order mark', async () => {
  expect(await failure('\uFEFFName\nA\n')).toBe('InvalidBatch : Field name not found : \uFEFFName');
  expect(await failure('\uFEFF"Name"\nA\n')).toContain('Found unescaped quote');
});

it('[header-delimiter] reads a header with another delimiter as one name', async () => {
  expect(await failure('Name|Phone\nA|1\n')).toBe('InvalidBatch : Field name not found : Name|Phone');
});

it('[header-no-key] fails an update without Id and an upsert without its key', async () => {
  expect(await failure('Name\nA\n', { operation: 'update' })).toBe('InvalidBatch : Field name not found : Id');
  const upsert = { operation: 'upsert', externalIdFieldName: 'External_Id__c' };
  expect(await failure('Name\nA\n', upsert)).toBe('InvalidBatch : Field name not found : External_Id__c');
});

it('[header-delete] accepts only Id for a delete, or ignores other columns', async () => {
  const csv = 'Id,Name\n001000000000000AAA,A\n';
  const message = "InvalidBatch : The 'delete' batch must contain only ids.";
  expect(await failure(csv, { operation: 'delete' })).toBe(message);
  const lenient = await openOrg({ quirks: { deleteColumns: 'ignore' } });
  expect((await lenient.load(csv, { operation: 'delete' })).info['state']).toBe('JobComplete');
});

it('[header-twice] refuses a duplicate column, or uses its last value', async () => {
  const csv = 'Name,Phone,name\nA,1,B\n';
  expect(await failure(csv)).toContain('name');
  const lenient = await openOrg({ quirks: { columnTwice: 'lastWins' } });
  await lenient.load(csv);
  expect(lenient.records('Account')[0]?.values.get('Name')).toBe('B');
});

it.each([
  ['CRLF in a job of LF', 'Name\r\nA\r\n', 'LF'],
  ['a CRLF inside quotes', 'Name\n"A\r\nB"\n', 'LF'],
  ['one CRLF at the end', 'Name\nA\r\n', 'LF'],
  ['LF in a job of CRLF', 'Name\nA\n', 'CRLF'],
])('[line-endings] fails at bytes that do not match lineEnding: %s', async (_what, csv, lineEnding) => {
  expect(await failure(csv, { lineEnding })).toBe(
    `ClientInputError : LineEnding is invalid on user data. Current LineEnding setting is ${lineEnding}`,
  );
});

it('[line-breaks-in-cells] accepts line feeds in quotes, or refuses them', async () => {
  const csv = 'Name,Description\nA,"one\ntwo ""and"" three"\n';
  const org = await openOrg();
  await org.load(csv);
  expect(org.records('Account')[0]?.values.get('Description')).toBe('one\ntwo "and" three');
  const message = await failure(csv, {}, { quirks: { lineBreaksInCells: 'refuse' } });
  expect(message).toContain('LineEnding is invalid');
});

it.each([
  ['in a cell without quotes', 'Name\nA "B" C\nD\n'],
  ['before a quoted cell, after a blank', 'Name,Phone\nA, "1"\nB,2\n'],
  ['after a quoted cell', 'Name,Phone\n"A" ,1\nB,2\n'],
  ['after many good rows', `Name\n${'A\n'.repeat(300_000)}B "C"\nD\n`],
  ['that opens a cell and never closes it', 'Name\nA\n"B\nC\n'],
])('[stray-quote] fails the job before its first row at a quote %s', async (_what, csv) => {
  expect(await failure(csv)).toBe(
    'InvalidBatch : Failed to parse CSV. Found unescaped quote. A value with quote should be within a quote',
  );
});

it('[stray-quote] parses quotes correctly wherever the bytes are split', async () => {
  const org = await openOrg();
  // Chunks of a megabyte: the splits fall on different parts of a row.
  const row = `"say ""x""","${'y'.repeat(85)}"\n`;
  const { info } = await org.load(`Name,Description\n${row.repeat(40_000)}`);
  expect(info).toMatchObject({ state: 'JobComplete', numberRecordsProcessed: 40_000, numberRecordsFailed: 0 });
}, 30_000);

it.each([
  ['32,000 characters', `Name,${'x'.repeat(32_000)}\nA,B\n`, 'The header has more than 32000 characters'],
  ['5,000 fields', `Name${',x'.repeat(5_000)}\nA\n`, 'The header has more than 5000 fields'],
])('[header-too-large] fails the job at a header of more than %s', async (_what, csv, message) => {
  expect(await failure(csv)).toBe(`InvalidBatch : ${message}`);
});

it('[server-failure] fails the next job after a number of rows, with the given message', async () => {
  const org = await openOrg();
  const errorMessage = 'TooManyLockFailure : Too many lock failure 200 Trying again later';
  org.failNextJobAfter(2, { errorMessage });
  expect((await org.load('Name\n1\n2\n3\n')).info).toMatchObject({ state: 'Failed', errorMessage });
  expect((await org.load('Name\n1\n2\n3\n')).info).toMatchObject({ state: 'JobComplete' });
});

it('[server-failure] leaves rows out of all files if configured', async () => {
  const org = await openOrg();
  org.failNextJobAfter(2, { losesRest: true });
  const { info, succeeded, unprocessed } = await org.load('Name\n1\n2\n3\n');
  expect(info).toMatchObject({ state: 'Failed', errorMessage: 'ExceededQuota : ApiBatchItems Limit exceeded.' });
  expect(succeeded).toHaveLength(2);
  expect(unprocessed).toBe('Name\n');
});

it('[header-only] completes a job that has only a header', async () => {
  const org = await openOrg();
  const { id, info } = await org.load('Name,Phone\n');
  expect(info).toMatchObject({ state: 'JobComplete', numberRecordsProcessed: 0 });
  expect((await org.ask('GET', `${INGEST}/${id}/successfulResults`)).text).toBe('"sf__Id","sf__Created",Name,Phone\n');
});
