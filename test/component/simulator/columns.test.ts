/** Headers and cells: letter case, relationships, nulls, types, delimiters. */
import { expect, it } from 'vitest';
import { INGEST, openOrg } from '../../helpers/simulator.js';
import type { TestOrg } from '../../helpers/simulator.js';

async function jobError(csv: string, object: string): Promise<unknown> {
  const { info } = await (await openOrg()).load(csv, { object });
  expect(info['state']).toBe('Failed');
  return info['errorMessage'];
}

const first = (org: TestOrg, object: string): Map<string, string> => org.records(object)[0]?.values ?? new Map();

it('[header-case] loads columns whose letter case is wrong', async () => {
  const org = await openOrg();
  await org.load('NAME,annualrevenue,parent.EXTERNAL_ID__C\nA,5,\n');
  expect(first(org, 'Account')).toEqual(
    new Map([
      ['Name', 'A'],
      ['AnnualRevenue', '5'],
    ]),
  );
});

it('[relationship-column] finds parents by their external id', async () => {
  const org = await openOrg();
  const [account = ''] = org.seedRecords('Account', [{ Name: 'A', External_Id__c: 'acme' }]);
  await org.load('LastName,Account.External_Id__c,Owner.Email\nX,ACME,integration@nightload.example\n', {
    object: 'Contact',
  });
  expect(first(org, 'Contact').get('AccountId')).toBe(account);
  expect(first(org, 'Contact').get('OwnerId')).toMatch(/^005/);
  await org.load('Number__c,Account__r.External_Id__c\n1,acme\n', { object: 'Invoice__c' });
  expect(first(org, 'Invoice__c').get('Account__c')).toBe(account);
});

it('[relationship-levels] goes one level up, and only by the name of a relationship', async () => {
  expect(await jobError('LastName,Account.Parent.External_Id__c\nX,1\n', 'Contact')).toBe(
    'InvalidBatch : Unable to find relationship: Account',
  );
  expect(await jobError('LastName,Accounts.External_Id__c\nX,1\n', 'Contact')).toBe(
    'InvalidBatch : Unable to find relationship: Accounts',
  );
});

it('[relationship-target] requires a field that can identify parents', async () => {
  expect(await jobError('LastName,Account.Name\nX,1\n', 'Contact')).toBe(
    'InvalidBatch : Field name not found : Account.Name',
  );
});

it('[relationship-type] requires the object if a lookup has several, and refuses it if it has one', async () => {
  const org = await openOrg();
  org.seedRecords('Lead', [{ LastName: 'L', Company: 'C', Email: 'lead@example.com' }]);
  const task = { object: 'Task' };
  await org.load(
    'Subject,Lead:Who.Email,User:Owner.Email\nCall,lead@example.com,integration@nightload.example\n',
    task,
  );
  const { failed } = await org.load('Subject,Contact:Who.Email\nCall,lead@example.com\n', task);
  expect(failed[0]?.['sf__Error']).toContain('not found for field Email in entity Contact');
  const queue = await org.load('Subject,Group:Owner.DeveloperName\nHelp,Night_Queue\n', { object: 'Case' });
  expect(queue.succeeded).toHaveLength(1);
  expect(first(org, 'Case').get('OwnerId')).toMatch(/^00G/);
  expect(await jobError('Subject,Who.Email\nCall,a@b.example\n', 'Task')).toBe(
    'InvalidBatch : Field name not found : Who.Email',
  );
  expect(await jobError('LastName,Account:Account.External_Id__c\nX,1\n', 'Contact')).toBe(
    'InvalidBatch : type is not needed for non polymorphic foreign key references: Account',
  );
});

it('[relationship-type] has one object for the owner of contacts, and two for leads and cases', async () => {
  expect(await jobError('LastName,User:Owner.Email\nX,a@b.example\n', 'Contact')).toContain('type is not needed');
  expect(await jobError('Subject,Owner.Email\nX,a@b.example\n', 'Case')).toContain('Field name not found');
});

it('[null-and-empty] clears with #N/A and leaves fields with empty cells unchanged', async () => {
  const org = await openOrg();
  const [id] = org.seedRecords('Account', [{ Name: 'A', Phone: '1', Fax: '2' }]);
  const { succeeded } = await org.load(`Id,Name,Phone,Fax\n${id},,#N/A,\n`, { operation: 'update' });
  expect(succeeded).toEqual([expect.objectContaining({ Phone: '#N/A', Fax: '' })]);
  expect(Object.fromEntries(first(org, 'Account'))).toEqual({ Name: 'A', Fax: '2' });
});

it.each([
  ['COMMA', ','],
  ['BACKQUOTE', '`'],
  ['CARET', '^'],
  ['PIPE', '|'],
  ['SEMICOLON', ';'],
  ['TAB', '\t'],
])('[delimiters] reads a file with %s', async (columnDelimiter, d) => {
  const org = await openOrg();
  const { succeeded } = await org.load(`Name${d}Phone\n"A${d}B"${d}1\n`, { columnDelimiter });
  expect(succeeded).toHaveLength(1);
  expect(Object.fromEntries(first(org, 'Account'))).toEqual({ Name: `A${d}B`, Phone: '1' });
});

it('[quotes] unescapes doubled quotes and trims nothing', async () => {
  const org = await openOrg();
  await org.load('Name,Phone\n"  the ""A"" team ", 1 \n');
  expect(Object.fromEntries(first(org, 'Account'))).toEqual({ Name: '  the "A" team ', Phone: ' 1 ' });
});

it('[blank-before-quote] fails only the row if configured', async () => {
  const org = await openOrg({ quirks: { blankBeforeQuote: 'row' } });
  // Such a cell is unquoted: it ends at the next delimiter or line.
  const { id, info, errors } = await org.load('Name,Phone\nA, "1"\n"B","x ""2"""\nC,  "say ""3"" "\n"D", "4\nE,6\n');
  expect(info).toMatchObject({ state: 'JobComplete', numberRecordsProcessed: 5, numberRecordsFailed: 3 });
  const error = 'INVALID_FIELD:Found unescaped quote. A value with quote should be within a quote:--';
  expect(errors).toEqual([error, error, error]);
  expect(org.records('Account').map(({ values }) => values.get('Name'))).toEqual(['B', 'E']);
  const { text } = await org.ask('GET', `${INGEST}/${id}/failedResults`);
  expect(text).toContain(`"A"," ""1"""\n`);
  // Other stray quotes still fail the job.
  expect((await org.load('Name,Phone\nA"1",2\nB, "1"\n')).info['state']).toBe('Failed');
});

it('[blank-before-quote] is detected wherever the bytes are split', async () => {
  const org = await openOrg({ quirks: { blankBeforeQuote: 'row' } });
  const row = `A, "${'y'.repeat(85)}"\n`;
  const { info } = await org.load(`Name,Description\n${row.repeat(40_000)}`);
  expect(info).toMatchObject({ numberRecordsProcessed: 40_000, numberRecordsFailed: 40_000 });
}, 30_000);

it.each([
  ['accept', ['A', 'B', 'C']],
  ['refuse', ['B']],
] as const)('[uneven-rows] with unevenRows %s', async (unevenRows, landed) => {
  const org = await openOrg({ quirks: { unevenRows } });
  const id = await org.create();
  await org.send(id, 'Name,Phone\nA\nB,1\nC,2,3\n');
  await org.ended(id);
  expect(org.records('Account').map(({ values }) => values.get('Name'))).toEqual(landed);
  const { text } = await org.ask('GET', `${INGEST}/${id}/${unevenRows === 'accept' ? 'successful' : 'failed'}Results`);
  expect(text).toMatch(/","A"$/m);
  expect(text).toMatch(/","C","2","3"$/m);
  if (unevenRows === 'refuse') expect(text).toContain('"INVALID_FIELD:The row has 3 cells, the header 2:--"');
});

it('[row-too-large] refuses cells of more than 131,072 and rows of more than 400,000 characters', async () => {
  const org = await openOrg();
  const street = 'x'.repeat(131_072);
  const cells = `1,${street},${street},${street},${'x'.repeat(10_000)}`;
  const { errors } = await org.load(
    `Name,Description,BillingStreet,ShippingStreet,Website\n${cells}\n2,${street}x,,,\n`,
  );
  expect(errors[0]).toBe('LIMIT_EXCEEDED:The row has more than 400000 characters:--');
  expect(errors[1]).toMatch(/^STRING_TOO_LONG:data value too large: x{60} \(max length=131072\):Description --$/);
});

it('[values-dates] accepts ISO dates and times', async () => {
  const org = await openOrg();
  const dates = ['1940-06-07', '1940-06-07Z', '06/07/1940', '2026-02-30', '2026-1-2'];
  const contacts = await org.load(`LastName,Birthdate\n${dates.map((date, i) => `${i},${date}`).join('\n')}\n`, {
    object: 'Contact',
  });
  expect(contacts.succeeded.map(({ LastName }) => LastName).sort()).toEqual(['0', '1']);
  const times = ['2026-01-02T03:04:05Z', '2026-01-02T03:04:05.123+02:00', '2026-01-02 03:04', '2026-01-02'];
  const accounts = await org.load(`Name,Last_Audit__c\n${times.map((time, i) => `${i},${time}`).join('\n')}\n`);
  expect(accounts.succeeded.map(({ Name }) => Name).sort()).toEqual(['0', '1']);
});

it('[values-numbers] accepts a decimal point and powers of ten', async () => {
  const org = await openOrg();
  const numbers = ['1.5', '-2', '5.5E9', '1e-2', '"1,5"', '$5', 'five', '1.2.3'];
  const { succeeded } = await org.load(`Name,AnnualRevenue\n${numbers.map((n, i) => `${i},${n}`).join('\n')}\n`);
  expect(succeeded.map(({ Name }) => Name).sort()).toEqual(['0', '1', '2', '3']);
});

it.each([
  ['xsd', ['0', '1', '2', '3']],
  ['words', ['0', '1']],
] as const)('[values-booleans] with booleans %s', async (booleans, landed) => {
  const org = await openOrg({ quirks: { booleans } });
  const { succeeded } = await org.load('Name,Active__c\n0,true\n1,FALSE\n2,1\n3,0\n4,yes\n');
  expect(succeeded.map(({ Name }) => Name).sort()).toEqual(landed);
});
