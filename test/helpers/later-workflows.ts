/** Workflow code of a later version: a load begins with a timer, so histories of loads fit only one of the versions. */
import { setWorkflowOptions, sleep } from '@temporalio/workflow';
import { bulkLoad as today } from '../../src/workflows/index.js';

export {
  checkLoad,
  ingestJob,
  orgAllocation,
  orgLimits,
  orphanJobs,
  pruneResults,
  retryFailedRows,
  sendNotifications,
} from '../../src/workflows/index.js';

export async function bulkLoad(...args: Parameters<typeof today>): ReturnType<typeof today> {
  await sleep(1, { summary: 'later' });
  return today(...args);
}
setWorkflowOptions({ failureExceptionTypes: [Error], versioningBehavior: 'PINNED' }, bulkLoad);
