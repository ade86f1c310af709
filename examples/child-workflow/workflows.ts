/** A load as a step of your own workflow. nightload's worker runs it; only its name and types are needed here. */
import { executeChild } from '@temporalio/workflow';
import { BULK_LOAD, DEFAULT_TASK_QUEUE, failedLoad } from 'nightload/contract';
import type { BulkLoad } from 'nightload/contract';

export async function loadAccounts(source: string, loadId: string): Promise<string> {
  try {
    const { records, files } = await executeChild<BulkLoad>(BULK_LOAD, {
      taskQueue: DEFAULT_TASK_QUEUE,
      workflowId: `bulk-load/${loadId}`,
      args: [{ source, object: 'Account', operation: 'upsert', externalIdFieldName: 'External_Id__c' }],
    });
    return `${records.succeeded} of ${records.total} landed, rejected: ${files.rejected ?? 'none'}`;
  } catch (error) {
    // Undefined for a cancellation, which propagates.
    const failed = failedLoad(error);
    if (failed === undefined) throw error;
    return `failed with ${failed.error?.code}, ${failed.records.succeeded} landed`;
  }
}
