/** The workflows, by their public type names. */
import { setWorkflowOptions } from '@temporalio/workflow';
import { bulkLoad } from './bulk-load.js';
import { checkLoad } from './check-load.js';
import { ingestJob } from './ingest-job.js';
import { orgAllocation, orgLimits } from './org-allocation.js';
import { orphanJobs } from './orphan-jobs.js';
import { retryFailedRows } from './retry-failed-rows.js';

// What nobody foresaw fails the workflow: its task would be tried again for ever. Code that does not fit a history, as
// during a deploy, is no such error: its task waits for a worker that fits.
for (const workflow of [bulkLoad, checkLoad, ingestJob, orgAllocation, orgLimits, orphanJobs, retryFailedRows]) {
  setWorkflowOptions({ failureExceptionTypes: [Error] }, workflow as () => Promise<unknown>);
}

export { bulkLoad, checkLoad, ingestJob, orgAllocation, orgLimits, orphanJobs, retryFailedRows };
