/** Requests other than jobs. */
import { expect, it } from 'vitest';
import { releaseName } from '../../../src/simulator/org/platform.js';
import { BASE, openOrg, refusal } from '../../helpers/simulator.js';
import type { Json, TestOrg } from '../../helpers/simulator.js';

async function describeOf(org: TestOrg, object: string): Promise<Map<string, Json>> {
  const { json } = await org.ask('GET', `${BASE}/sobjects/${object}/describe`);
  return new Map((json['fields'] as Json[]).map((field) => [String(field['name']), field]));
}

it('[version-ends] announces the end of old versions in every reply', async () => {
  const org = await openOrg({ deprecation: { upTo: 60, end: "Summer '28" } });
  const announced = async (path: string): Promise<string | null> => (await org.ask('GET', path)).headers.get('warning');
  const words = '299 - "This API is deprecated and will be removed by Summer \'28."';
  expect(await announced('/services/data/v60.0/limits')).toBe(words);
  expect(await announced('/services/data/v60.0/jobs/ingest/unknown')).toBe(words);
  expect(await announced('/services/data/v61.0/limits')).toBeNull();
  expect(await announced('/services/data')).toBeNull();
  await expect(openOrg({ deprecation: { until: 60 } as never })).rejects.toThrow('unknown name until');
});

it('[versions] lists the versions of the org without a token', async () => {
  const org = await openOrg({ apiVersions: [60, 66] });
  const answer = await org.ask('GET', '/services/data', undefined, { authorization: '' });
  expect(answer.json).toEqual([
    { label: "Spring '24", url: '/services/data/v60.0', version: '60.0' },
    { label: "Spring '26", url: '/services/data/v66.0', version: '66.0' },
  ]);
  expect([63, 64, 65].map(releaseName)).toEqual(["Spring '25", "Summer '25", "Winter '26"]);
  expect((await org.ask('GET', '/services/data/v61.0/limits')).status).toBe(404);
  const resources = (await org.ask('GET', BASE)).json;
  expect(resources).toMatchObject({ sobjects: `${BASE}/sobjects`, query: `${BASE}/query` });
  expect(resources['identity']).toMatch(new RegExp(`^${org.url}/id/00D\\w{15}/005\\w{15}$`));
});

it('[user-info] returns the user of the token', async () => {
  const org = await openOrg();
  const { json } = await org.ask('GET', '/services/oauth2/userinfo');
  expect(json).toMatchObject({
    user_id: expect.stringMatching(/^005/),
    organization_id: expect.stringMatching(/^00D/),
    preferred_username: 'integration@nightload.example',
  });
  const user = await org.ask('GET', `/services/data/v51.0/sobjects/User/${String(json['user_id'])}`);
  expect(user.json).toMatchObject({ Id: json['user_id'], Username: 'integration@nightload.example', IsActive: true });
});

it('[queries] answers the queries of the sf command around a load', async () => {
  const org = await openOrg();
  const query = (soql: string): Promise<Awaited<ReturnType<TestOrg['ask']>>> =>
    org.ask('GET', `/${BASE}/query?q=${encodeURIComponent(soql)}`);
  const { json } = await query(
    'SELECT Name, InstanceName, IsSandbox, TrialExpirationDate, NamespacePrefix FROM Organization',
  );
  expect(json).toMatchObject({
    totalSize: 1,
    done: true,
    records: [{ attributes: { type: 'Organization' }, IsSandbox: false, TrialExpirationDate: null }],
  });
  const refused = refusal(await query('SELECT Id FROM ScratchOrgInfo limit 1'));
  expect(refused.slice(0, 2)).toEqual([400, 'INVALID_TYPE']);
  org.seedRecords('Account', [{ Name: "O'Hara", AnnualRevenue: '5' }, { Name: 'B' }, { Name: 'C' }]);
  expect((await query("select Name, AnnualRevenue from Account where Name = 'O\\'Hara'")).json['records']).toEqual([
    expect.objectContaining({ Name: "O'Hara", AnnualRevenue: 5 }),
  ]);
  expect((await query('SELECT Id FROM Account LIMIT 2')).json['totalSize']).toBe(2);
  expect((await query('SELECT COUNT() FROM Account')).json['totalSize']).toBe(3);
  expect(refusal(await query('SELECT Nope FROM Account'))[1]).toBe('INVALID_FIELD');
  expect(refusal(await query('UPDATE Account'))[1]).toBe('MALFORMED_QUERY');
});

it('[user-info] returns it at the identity address too', async () => {
  const org = await openOrg();
  const identity = String((await org.ask('GET', BASE)).json['identity']);
  expect((await org.ask('GET', identity.slice(org.url.length))).json).toMatchObject({
    id: identity,
    user_id: identity.split('/').at(-1),
    username: 'integration@nightload.example',
  });
});

it('[query-columns] describes the columns of a query', async () => {
  const org = await openOrg();
  const ask = (soql: string): ReturnType<TestOrg['ask']> =>
    org.ask('GET', `${BASE}/query?q=${encodeURIComponent(soql)}&columns=true`);
  const { json } = await ask('SELECT Id, annualrevenue, Active__c FROM Account');
  expect(json).toMatchObject({ entityName: 'Account', idSelected: true, keyPrefix: '001' });
  const columns = (json['columnMetadata'] as Json[]).map((c) => [c['columnName'], c['numberType'], c['booleanType']]);
  expect(columns).toEqual([
    ['Id', false, false],
    ['AnnualRevenue', true, false],
    ['Active__c', false, true],
  ]);
  expect((await ask('SELECT COUNT() FROM Account')).json['columnMetadata']).toEqual([]);
  expect(refusal(await ask('SELECT Nope FROM Account'))[1]).toBe('INVALID_FIELD');
});

it('[objects] lists the objects of the org', async () => {
  const org = await openOrg();
  const { json } = await org.ask('GET', `${BASE}/sobjects`);
  const objects = json['sobjects'] as Json[];
  expect(objects.map(({ name }) => name)).toEqual(
    expect.arrayContaining(['Account', 'Contact', 'Lead', 'Case', 'Task', 'User', 'Group', 'Invoice__c']),
  );
  const invoice = { name: 'Invoice__c', keyPrefix: 'a00', custom: true, urls: { describe: expect.any(String) } };
  expect(objects).toContainEqual(expect.objectContaining({ ...invoice, urls: expect.objectContaining(invoice.urls) }));
});

it('[describe] describes each field and what it allows', async () => {
  const org = await openOrg();
  const account = await describeOf(org, 'Account');
  expect(account.get('Name')).toMatchObject({ type: 'string', length: 255, nillable: false, createable: true });
  expect(account.get('AnnualRevenue')).toMatchObject({ type: 'currency', precision: 18, scale: 2 });
  expect(account.get('BillingAddress')).toMatchObject({ type: 'address', createable: false, updateable: false });
  expect(account.get('BillingCity')).toMatchObject({ compoundFieldName: 'BillingAddress', createable: true });
  expect(account.get('Display_Name__c')).toMatchObject({ calculated: true, createable: false });
  expect(account.get('External_Id__c')).toMatchObject({ externalId: true, unique: true, caseSensitive: false });
  expect(account.get('ParentId')).toMatchObject({ relationshipName: 'Parent', referenceTo: ['Account'] });
  expect(account.get('Industry')?.['picklistValues']).toContainEqual(
    expect.objectContaining({ value: 'Shipping', active: false }),
  );
  const invoice = await describeOf(org, 'Invoice__c');
  expect(invoice.get('Name')).toMatchObject({ autoNumber: true, createable: false });
  expect(invoice.get('Number__c')).toMatchObject({ caseSensitive: true });
  const task = await describeOf(org, 'Task');
  expect(task.get('WhoId')).toMatchObject({ referenceTo: ['Contact', 'Lead'], polymorphicForeignKey: true });
  expect((await describeOf(org, 'Case')).get('OwnerId')).toMatchObject({ referenceTo: ['Group', 'User'] });
  expect((await describeOf(org, 'Contact')).get('OwnerId')).toMatchObject({ referenceTo: ['User'] });
});

it('[describe-hidden] leaves out what the user may not see', async () => {
  const org = await openOrg({ hiddenFields: ['Account.Rating'] });
  const account = await describeOf(org, 'Account');
  expect([account.has('Rating'), account.has('Name')]).toEqual([false, true]);
});

it('[describe-unchanged] replies with 304 to a client that has it', async () => {
  const org = await openOrg();
  const path = `${BASE}/sobjects/Account/describe`;
  const changed = (await org.ask('GET', path)).headers.get('last-modified') ?? '';
  const again = (since: string): Promise<{ status: number }> =>
    org.ask('GET', path, undefined, { 'if-modified-since': since });
  expect((await again(changed)).status).toBe(304);
  expect((await again(new Date(0).toUTCString())).status).toBe(200);
});
