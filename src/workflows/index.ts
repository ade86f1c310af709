/** The workflows, by their public type names. */
export { bulkLoad } from './bulk-load.js';
export { ingestJob } from './ingest-job.js';
export { retryFailedRows } from './retry-failed-rows.js';
export { orphanJobs } from './orphan-jobs.js';
export { checkLoad } from './check-load.js';
export { orgAllocation, orgLimits } from './org-allocation.js';
