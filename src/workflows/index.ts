/** The workflows, by their public type names. */
import './incoming/zod-settings.js';
import { setWorkflowOptions, workflowInfo } from '@temporalio/workflow';
import type { LONG_LIVED_TYPES } from '../domain/workflow-types.js';
import { orgLimits } from './allocation/org-limits.js';
import { bulkLoad } from './load/bulk-load.js';
import { checkLoad } from './check/check-load.js';
import { ingestJob } from './job/ingest-job.js';
import { orgAllocation } from './allocation/org-allocation.js';
import { orphanJobs } from './orphans/orphan-jobs.js';
import { pruneResults } from './retention/prune-results.js';
import { retryFailedRows } from './retry/retry-failed-rows.js';
import { sendHeartbeat } from './notify/send-heartbeat.js';
import { sendNotifications } from './notify/send-notifications.js';
import { watchSchedules } from './schedules/watch-schedules.js';

// An unforeseen error fails the workflow, because its task would be retried forever. Code that does not match a
// history, as during a deploy, is not such an error: the task waits for a worker that matches.
const OPTIONS = { failureExceptionTypes: [Error] };

// Versioned workers pin them by default: a load ends on the version that began it, its parts and retries too.
const PINNED = [bulkLoad, checkLoad, ingestJob, orgLimits, orphanJobs, pruneResults, retryFailedRows];
for (const workflow of PINNED) {
  setWorkflowOptions(OPTIONS, workflow as () => Promise<unknown>);
}
// These move on to newer versions, so their changes need `patched`. Temporal refuses every task of an unversioned worker
// that names a behavior.
const LONG_LIVED: Record<(typeof LONG_LIVED_TYPES)[number], unknown> = {
  orgAllocation,
  sendHeartbeat,
  sendNotifications,
  watchSchedules,
};
for (const workflow of Object.values(LONG_LIVED)) {
  setWorkflowOptions(
    () => {
      const isVersioned = Boolean(workflowInfo().currentDeploymentVersion?.deploymentName);
      return { ...OPTIONS, ...(isVersioned && { versioningBehavior: 'AUTO_UPGRADE' as const }) };
    },
    workflow as () => Promise<unknown>,
  );
}

export {
  bulkLoad,
  checkLoad,
  ingestJob,
  orgAllocation,
  orgLimits,
  orphanJobs,
  pruneResults,
  retryFailedRows,
  sendHeartbeat,
  sendNotifications,
  watchSchedules,
};
