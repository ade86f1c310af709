/** Creating a job. */
import { expect, it } from 'vitest';
import { INGEST, openOrg, refusal } from '../../helpers/simulator.js';

it('[create-reply] describes the job, with the keys in the known order', async () => {
  const org = await openOrg();
  const request = { object: 'Account', operation: 'upsert', externalIdFieldName: 'External_Id__c' };
  const { status, json } = await org.ask('POST', INGEST, request);
  expect(status).toBe(200);
  expect(Object.keys(json)).toEqual([
    'id',
    'operation',
    'object',
    'createdById',
    'createdDate',
    'systemModstamp',
    'state',
    'externalIdFieldName',
    'concurrencyMode',
    'contentType',
    'apiVersion',
    'contentUrl',
    'lineEnding',
    'columnDelimiter',
  ]);
  expect(json).toMatchObject({
    state: 'Open',
    concurrencyMode: 'Parallel',
    apiVersion: 66,
    createdDate: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000\+0000$/),
    contentUrl: `services/data/v66.0/jobs/ingest/${String(json['id'])}/batches`,
  });
});

it('[create-status] replies with 201 if configured', async () => {
  const org = await openOrg({ quirks: { createStatus: 201 } });
  expect((await org.ask('POST', INGEST, { object: 'Account', operation: 'insert' })).status).toBe(201);
});

it('[create-defaults] uses CSV with commas and line feeds by default', async () => {
  const org = await openOrg();
  const { json } = await org.ask('POST', INGEST, { object: 'account', operation: 'insert' });
  const defaults = { object: 'Account', contentType: 'CSV', columnDelimiter: 'COMMA', lineEnding: 'LF' };
  expect(json).toMatchObject(defaults);
});

it.each([
  ['operation', { operation: '' }],
  ['operation', { operation: 'Insert' }],
  ['contentType', { contentType: 'JSON' }],
  ['columnDelimiter', { columnDelimiter: ',' }],
  ['lineEnding', { lineEnding: 'CR' }],
])('[create-bad-value] refuses a wrong %s', async (property, wrong) => {
  const org = await openOrg();
  const answer = await org.ask('POST', INGEST, { object: 'Account', operation: 'insert', ...wrong });
  const value = Object.values(wrong)[0];
  expect(refusal(answer)).toEqual([400, 'API_ERROR', `Invalid value: '${value}' supplied for property: '${property}'`]);
});

it('[create-unknown-object] refuses an object that the org does not have', async () => {
  const org = await openOrg();
  const answer = await org.ask('POST', INGEST, { object: 'Acount', operation: 'insert' });
  expect(refusal(answer)).toEqual([400, 'INVALIDJOB', 'InvalidJob : Unable to find object: Acount']);
});

it('[create-not-for-bulk] refuses objects that no bulk job accepts', async () => {
  const org = await openOrg();
  const answer = await org.ask('POST', INGEST, { object: 'AccountShare', operation: 'insert' });
  expect(refusal(answer)).toEqual([400, 'INVALIDENTITY', "Entity 'AccountShare' is not supported by the Bulk API."]);
});

it.each([
  ['none', undefined, 'InvalidJob : External ID was blank for Account. An External ID must be specified for upsert.'],
  ['one that is not a key', 'Name', 'InvalidJob : Field name provided, Name does not match an External ID for Account'],
  ['an unknown one', 'Nope__c', 'InvalidJob : Field name provided, Nope__c does not match an External ID for Account'],
])('[create-upsert-key] refuses an upsert by a field that cannot be its key: %s', async (_what, name, message) => {
  const org = await openOrg();
  const request = { object: 'Account', operation: 'upsert', externalIdFieldName: name };
  expect(refusal(await org.ask('POST', INGEST, request))).toEqual([400, 'INVALIDJOB', message]);
});

it('[create-upsert-key] accepts Id and fields that identify records', async () => {
  const org = await openOrg();
  await org.create({ operation: 'upsert', externalIdFieldName: 'Id' });
  await org.create({ object: 'Contact', operation: 'upsert', externalIdFieldName: 'Email' });
});

it('[create-key-without-upsert] refuses an external id field with another operation, or ignores it', async () => {
  const request = { object: 'Account', operation: 'insert', externalIdFieldName: 'External_Id__c' };
  const strict = await openOrg();
  expect(refusal(await strict.ask('POST', INGEST, request)).slice(0, 2)).toEqual([400, 'INVALIDJOB']);
  const lenient = await openOrg({ quirks: { externalIdWithoutUpsert: 'ignore' } });
  expect((await lenient.ask('POST', INGEST, request)).json).not.toHaveProperty('externalIdFieldName');
});

it('[create-hard-delete] refuses hardDelete to a user without the permission', async () => {
  const org = await openOrg({ hardDelete: false });
  expect(refusal(await org.ask('POST', INGEST, { object: 'Account', operation: 'hardDelete' }))).toEqual([
    400,
    'FEATURENOTENABLED',
    'hardDelete operation requires special user profile permission, please contact your system administrator',
  ]);
});

it.each([true, false])('[permission-query] shows whether the user may hardDelete: %s', async (hardDelete) => {
  const org = await openOrg({ hardDelete });
  const soql = 'SELECT PermissionsBulkApiHardDelete FROM UserPermissionAccess LIMIT 1';
  const { json } = await org.ask('GET', `/services/data/v66.0/query?q=${encodeURIComponent(soql)}`);
  expect(json).toMatchObject({ totalSize: 1, records: [{ PermissionsBulkApiHardDelete: hardDelete }] });
});

it('[create-assignment-rule] returns an assignment rule only if one was given', async () => {
  const org = await openOrg();
  const request = { object: 'Lead', operation: 'insert' };
  expect((await org.ask('POST', INGEST, request)).json).not.toHaveProperty('assignmentRuleId');
  const assignmentRuleId = '01Q000000000001AAA';
  expect((await org.ask('POST', INGEST, { ...request, assignmentRuleId })).json).toMatchObject({ assignmentRuleId });
});

function multipart(csv: string): [string, Record<string, string>] {
  const job = JSON.stringify({ object: 'Account', operation: 'insert', contentType: 'CSV' });
  const body = [
    '--B',
    'Content-Type: application/json',
    'Content-Disposition: form-data; name="job"',
    '',
    job,
    '--B',
    'Content-Type: text/csv',
    'Content-Disposition: form-data; name="content"; filename="content"',
    '',
    csv,
    '--B--',
    '',
  ];
  return [body.join('\r\n'), { 'content-type': 'multipart/form-data; boundary=B' }];
}

it('[create-multipart] accepts the rows in the same request and closes the job at once', async () => {
  const org = await openOrg();
  const { json } = await org.ask('POST', INGEST, ...multipart('Name\n"A, B"\nC\n'));
  expect(json).toMatchObject({ state: 'UploadComplete', lineEnding: 'LF', columnDelimiter: 'COMMA' });
  expect(json).not.toHaveProperty('contentUrl');
  const info = await org.ended(String(json['id']));
  expect(info).toMatchObject({ state: 'JobComplete', numberRecordsProcessed: 2, numberRecordsFailed: 0 });
  expect(org.records('Account').map(({ values }) => values.get('Name'))).toEqual(['A, B', 'C']);
});

it('[create-multipart-limit] accepts at most 100,000 characters in such a request', async () => {
  const org = await openOrg();
  const rows = 'Name\n'.padEnd(100_000, 'x');
  expect((await org.ask('POST', INGEST, ...multipart(rows))).status).toBe(200);
  expect((await org.ask('POST', INGEST, ...multipart(`${rows}x`))).status).toBe(400);
});
