/** Two files, where the second references the first: contacts find their accounts by the accounts' external id. */
import { executeChild, workflowInfo } from '@temporalio/workflow';
import { BULK_LOAD, DEFAULT_TASK_QUEUE } from 'nightload/contract';
import type { BulkLoad, BulkLoadInput, BulkLoadResult } from 'nightload/contract';

export async function accountsThenContacts(accounts: string, contacts: string): Promise<string> {
  const upsert = { operation: 'upsert', externalIdFieldName: 'External_Id__c' } as const;
  const parents = await load('accounts', { ...upsert, source: accounts, object: 'Account', keepColumns: true });
  const children = await load('contacts', {
    ...upsert,
    source: contacts,
    object: 'Contact',
    columns: { 'Account Number': 'Account.External_Id__c' },
  });
  // `kept` has the account ids next to all columns of their file, for further steps.
  return `${parents.records.succeeded} accounts, ${children.records.succeeded} contacts, ids in ${parents.files.kept}`;
}

function load(name: string, input: BulkLoadInput): Promise<BulkLoadResult> {
  const workflowId = `bulk-load/${workflowInfo().workflowId}-${name}`;
  return executeChild<BulkLoad>(BULK_LOAD, { taskQueue: DEFAULT_TASK_QUEUE, workflowId, args: [input] });
}
