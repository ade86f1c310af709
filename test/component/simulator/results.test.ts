/** The three result files. */
import { expect, it } from 'vitest';
import { INGEST, openOrg, refusal } from '../../helpers/simulator.js';
import type { TestOrg } from '../../helpers/simulator.js';

const text = async (org: TestOrg, id: string, name: string): Promise<string> =>
  (await org.ask('GET', `${INGEST}/${id}/${name}`)).text;

it('[results-columns] puts its own columns before those of the upload, whose header it repeats as sent', async () => {
  const org = await openOrg();
  const { id } = await org.load('name,"Phone"\nA,1\n');
  const { headers, text: body } = await org.ask('GET', `${INGEST}/${id}/successfulResults`);
  expect(headers.get('content-type')).toBe('text/csv; charset=UTF-8');
  expect(body.split('\n')[0]).toBe('"sf__Id","sf__Created",name,"Phone"');
  expect(await text(org, id, 'failedResults')).toBe('"sf__Id","sf__Error",name,"Phone"\n');
  expect(await text(org, id, 'unprocessedrecords')).toBe('name,"Phone"\n');
});

it.each([
  ['always', /^"001\w{15}","true","A","say ""x""","a,b"$/m],
  ['needed', /^001\w{15},true,A,"say ""x""","a,b"$/m],
] as const)('[results-quotes] with resultQuotes %s', async (resultQuotes, line) => {
  const org = await openOrg({ quirks: { resultQuotes } });
  const { id } = await org.load('Name,Phone,Fax\nA,"say ""x""","a,b"\n');
  expect(await text(org, id, 'successfulResults')).toMatch(line);
});

it('[results-rendered] writes typed values of landed rows in its own notation', async () => {
  const org = await openOrg();
  const { succeeded } = await org.load(
    'Name,AnnualRevenue,NumberOfEmployees,Score__c,Last_Audit__c,Active__c\n' +
      '1,912260031,+42,12.50,2026-01-02T03:04:05.678+01:00,1\n',
  );
  expect(succeeded).toEqual([
    expect.objectContaining({
      Name: '1',
      AnnualRevenue: '9.12260031E8',
      NumberOfEmployees: '42',
      Score__c: '12.5',
      Last_Audit__c: '2026-01-02T02:04:05.000Z',
      Active__c: 'true',
    }),
  ]);
});

it('[results-failed-raw] repeats failed rows as sent', async () => {
  const org = await openOrg();
  const { failed } = await org.load('Name,AnnualRevenue,Rating\nA,912260031,Terrible\n');
  expect(failed).toEqual([expect.objectContaining({ Name: 'A', AnnualRevenue: '912260031', Rating: 'Terrible' })]);
});

it('[results-order] returns rows in another order than that of the upload', async () => {
  const org = await openOrg();
  const names = Array.from({ length: 25_000 }, (_, i) => `Row ${i}`);
  const { succeeded, failed } = await org.load(
    `Name,Rating\n${names.map((name, i) => `${name},${i % 5 === 0 ? 'Bad' : 'Hot'}`).join('\n')}\n`,
  );
  const order = succeeded.map(({ Name }) => Number(Name?.slice(4)));
  expect(order).toHaveLength(20_000);
  expect(order).not.toEqual(order.toSorted((a, b) => a - b));
  expect(new Set([...order, ...failed.map(({ Name }) => Number(Name?.slice(4)))]).size).toBe(25_000);
  // The same seed gives the same order.
  const again = await openOrg();
  const second = await again.load('Name\n1\n2\n3\n4\n5\n6\n');
  const third = await (await openOrg()).load('Name\n1\n2\n3\n4\n5\n6\n');
  expect(second.succeeded.map(({ Name }) => Name)).toEqual(third.succeeded.map(({ Name }) => Name));
});

it('[results-ids] includes the record id of a failed row from version 53 on, if there is one', async () => {
  const org = await openOrg();
  const [id = ''] = org.seedRecords('Account', [{ Name: 'A' }]);
  const csv = `Id,Rating\n${id},Bad\n`;
  const { failed } = await org.load(csv, { operation: 'update' });
  expect(failed[0]?.['sf__Id']).toBe(id);
  expect((await org.load('Name,Rating\nA,Bad\n')).failed[0]?.['sf__Id']).toBe('');
  const old = await org.create({ operation: 'update' }, 'v52.0');
  await org.send(old, csv);
  await org.ended(old);
  expect(await text(org, old, 'failedResults')).toContain('"","INVALID_OR_NULL');
});

it('[results-created] distinguishes created from updated records', async () => {
  const org = await openOrg();
  org.seedRecords('Account', [{ Name: 'Old', External_Id__c: 'old' }]);
  const request = { operation: 'upsert', externalIdFieldName: 'External_Id__c' };
  const { succeeded } = await org.load('External_Id__c,Name\nOLD,A\nnew,B\n', request);
  expect(Object.fromEntries(succeeded.map((row) => [row['External_Id__c'], row['sf__Created']]))).toEqual({
    OLD: 'false',
    new: 'true',
  });
});

it.each([
  ['header', 200, '"sf__Id","sf__Error",Name\n'],
  ['empty', 200, ''],
  ['noContent', 204, ''],
] as const)('[results-empty] with emptyResults %s', async (emptyResults, status, body) => {
  const org = await openOrg({ quirks: { emptyResults } });
  const { id } = await org.load('Name\nA\n');
  const answer = await org.ask('GET', `${INGEST}/${id}/failedResults`);
  expect([answer.status, answer.text]).toEqual([status, body]);
  expect((await org.ask('GET', `${INGEST}/${id}/unprocessedrecords`)).status).toBe(status);
});

it('[results-unprocessed] repeats unprocessed rows as sent', async () => {
  const org = await openOrg();
  org.failNextJobAfter(1);
  const { info, succeeded, unprocessed } = await org.load('Name,"Phone"\nA,1\nB,"2"\n\n"C",3');
  expect(info).toMatchObject({ state: 'Failed', numberRecordsProcessed: 1 });
  expect(succeeded).toHaveLength(1);
  expect(unprocessed).toBe('Name,"Phone"\nB,"2"\n\n"C",3');
});

it.each([
  ['after a blank', 'Name,Phone', 'A,1\nB,2\nC, "3"\n'],
  ['in a header of two lines', '"Na\nme",Phone', 'A,1\nB "2"\n'],
  ['in the header', 'Name,Pho"ne', 'A,1\n'],
  ['that opens in the header and never closes', '"Name,Phone', 'A,1\n'],
])('[results-unprocessed] keeps the header of an upload with a stray quote %s', async (_what, header, rows) => {
  const org = await openOrg();
  const { id, info, unprocessed } = await org.load(`\n\n${header}\n${rows}`);
  expect(info['errorMessage']).toContain('Found unescaped quote');
  expect(unprocessed).toBe(`${header}\n${rows}`);
  expect(await text(org, id, 'successfulResults')).toBe(`"sf__Id","sf__Created",${header}\n`);
});

it('[results-unprocessed] is empty for a job that was aborted before an upload', async () => {
  const org = await openOrg();
  const id = await org.create();
  await org.ask('PATCH', `${INGEST}/${id}`, { state: 'Aborted' });
  const { status, text: body } = await org.ask('GET', `${INGEST}/${id}/unprocessedrecords`);
  expect([status, body]).toEqual([200, '']);
  expect(await text(org, id, 'failedResults')).toBe('"sf__Id","sf__Error"\n');
});

it('[results-relationship] repeats cells of relationship columns as sent', async () => {
  const org = await openOrg();
  org.seedRecords('Account', [{ Name: 'A', External_Id__c: 'acme' }]);
  const { succeeded } = await org.load('Name,Parent.External_Id__c\nB,ACME\n');
  expect(succeeded).toEqual([expect.objectContaining({ 'Parent.External_Id__c': 'ACME' })]);
});

it('[results-early] refuses results before the end', async () => {
  const org = await openOrg();
  const answer = await org.ask('GET', `${INGEST}/${await org.create()}/successfulResults`);
  expect(refusal(answer).slice(0, 2)).toEqual([400, 'INVALIDJOBSTATE']);
});

it('[results-letter-case] accepts names of result files in any letter case', async () => {
  const org = await openOrg();
  const { id } = await org.load('Name\nA\n');
  for (const name of ['unprocessedRecords', 'UNPROCESSEDRECORDS', 'successfulresults']) {
    expect((await org.ask('GET', `${INGEST}/${id}/${name}`)).status).toBe(200);
  }
  for (const name of ['otherResults', 'constructor']) {
    expect((await org.ask('GET', `${INGEST}/${id}/${name}`)).status).toBe(404);
  }
});

it.each([
  ['job', /^"sf__Id"\|"sf__Error"\|Phone\|Fax\r\n""\|"REQUIRED[^|]+"\|"1"\|"2,3"\r\n$/],
  ['commaLf', /^"sf__Id","sf__Error","Phone","Fax"\n"","REQUIRED[^"]+","1","2,3"\n$/],
] as const)('[results-dialect] with resultDialect %s', async (resultDialect, expected) => {
  const org = await openOrg({ quirks: { resultDialect } });
  const { id } = await org.load('Phone|Fax\r\n1|2,3\r\n', { columnDelimiter: 'PIPE', lineEnding: 'CRLF' });
  expect(await text(org, id, 'failedResults')).toMatch(expected);
});

it.each([
  ['shown', 'A'],
  ['blank', ''],
] as const)('[results-mis-cased] with misCasedColumns %s', async (misCasedColumns, shown) => {
  const org = await openOrg({ quirks: { misCasedColumns } });
  const { succeeded } = await org.load('NAME,Phone\nA,1\n');
  expect(succeeded).toEqual([expect.objectContaining({ NAME: shown, Phone: '1' })]);
  expect(org.records('Account')[0]?.values.get('Name')).toBe('A');
});

it('[results-mis-cased] with misCasedColumns blankEverywhere hides them in all three files', async () => {
  const org = await openOrg({ quirks: { misCasedColumns: 'blankEverywhere' } });
  org.failNextJobAfter(2);
  const { id, succeeded } = await org.load('NAME,Phone\nA,1\n[no access],2\nC,3\nD,4\n');
  expect(succeeded).toEqual([expect.objectContaining({ NAME: '', Phone: '1' })]);
  expect(await text(org, id, 'failedResults')).toMatch(/--","","2"\n$/);
  expect(await text(org, id, 'unprocessedrecords')).toBe('NAME,Phone\n"","3"\n"","4"\n');
});

it('[results-landed-stay] keeps rows that landed before a job failed', async () => {
  const org = await openOrg();
  org.failNextJobAfter(300);
  const { id, info } = await org.load(`Name\n${'A\n'.repeat(1_000)}`);
  expect(info).toMatchObject({ state: 'Failed', numberRecordsProcessed: 300, errorMessage: expect.any(String) });
  expect(org.records('Account')).toHaveLength(300);
  expect((await text(org, id, 'successfulResults')).split('\n')).toHaveLength(302);
});
