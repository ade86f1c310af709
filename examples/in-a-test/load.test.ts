/** Tests your code with a real load, without Salesforce: node --test load.test.js */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startBulkLoad } from 'nightload';
import { startTestEnvironment } from 'nightload/testing';

void test('rejects an account without a name', async () => {
  const environment = await startTestEnvironment();
  try {
    const source = await environment.csv('accounts.csv', [
      { External_Id__c: '1', Name: 'Acme' },
      { External_Id__c: '2', Name: '' },
    ]);
    const load = await startBulkLoad(environment.client, {
      source,
      object: 'Account',
      operation: 'upsert',
      externalIdFieldName: 'External_Id__c',
      poll: { initialInterval: '100ms' },
    });
    const { state, records } = await load.result();
    assert.equal(state, 'CompletedWithRejects');
    assert.deepEqual([records.succeeded, records.rejected], [1, 1]);
    assert.equal(environment.org.records('Account').length, 1);
  } finally {
    await environment.close();
  }
});
