/** The workflows, by their public type names. */
import './incoming/zod-settings.js';
import { setWorkflowOptions } from '@temporalio/workflow';
import { orgLimits } from './allocation/org-limits.js';
import { bulkLoad } from './load/bulk-load.js';
import { checkLoad } from './check/check-load.js';
import { ingestJob } from './job/ingest-job.js';
import { orgAllocation } from './allocation/org-allocation.js';
import { orphanJobs } from './orphans/orphan-jobs.js';
import { retryFailedRows } from './retry/retry-failed-rows.js';

// An unforeseen error fails the workflow, because its task would be retried forever. Code that does not match a
// history, as during a deploy, is not such an error: the task waits for a worker that matches.
const OPTIONS = { failureExceptionTypes: [Error] };

// A load takes a night: it ends on the version of the workers that began it, its parts and retries too.
for (const workflow of [bulkLoad, checkLoad, ingestJob, orgLimits, orphanJobs, retryFailedRows]) {
  setWorkflowOptions({ ...OPTIONS, versioningBehavior: 'PINNED' }, workflow as () => Promise<unknown>);
}
// Serves the loads of all versions, and may run for weeks: its changes need `patched`.
setWorkflowOptions({ ...OPTIONS, versioningBehavior: 'AUTO_UPGRADE' }, orgAllocation);

export { bulkLoad, checkLoad, ingestJob, orgAllocation, orgLimits, orphanJobs, retryFailedRows };
