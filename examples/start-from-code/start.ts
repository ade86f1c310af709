/** Starts a load from any program and waits for it: node start.js file:///data/accounts.csv */
import { Client, Connection } from '@temporalio/client';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { startBulkLoad } from 'nightload';

const { connectionOptions, namespace = 'default' } = loadClientConnectConfig();
const connection = await Connection.connect(connectionOptions);
const client = new Client({ connection, namespace });

const load = await startBulkLoad(client, {
  source: process.argv[2] ?? 'file:///data/accounts.csv',
  object: 'Account',
  operation: 'upsert',
  externalIdFieldName: 'External_Id__c',
});
console.log(`${load.workflowId} is ${load.joined ? 'running already' : 'started'}`);

const { state, records, files } = await load.result();
console.log(`${state}: ${records.succeeded} of ${records.total} landed`);
if (files.rejected !== undefined) console.log(`rejected rows: ${files.rejected}`);
await connection.close();
