/** The workflows file of your own worker: nightload's workflows, and yours, which call them as functions. */
import { executeChild, proxyActivities } from '@temporalio/workflow';
import { bulkLoad } from 'nightload/workflows';
import type * as activities from './activities.js';

export * from 'nightload/workflows';

const { exportAccounts } = proxyActivities<typeof activities>({ startToCloseTimeout: '10 minutes' });

export async function nightlyAccounts(night: string): Promise<string> {
  const source = await exportAccounts(night);
  const { state, records } = await executeChild(bulkLoad, {
    workflowId: `bulk-load/accounts-${night}`,
    args: [{ source, object: 'Account', operation: 'upsert', externalIdFieldName: 'External_Id__c' }],
  });
  return `${state}: ${records.succeeded} of ${records.total}`;
}
