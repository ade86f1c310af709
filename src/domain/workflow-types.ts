/** All workflow types of nightload, those that callers start and those that loads and workers start. */
export const WORKFLOW_TYPES: readonly string[] = [
  'bulkLoad',
  'checkLoad',
  'ingestJob',
  'orgAllocation',
  'orgLimits',
  'orphanJobs',
  'pruneResults',
  'retryFailedRows',
  'sendHeartbeat',
  'sendNotifications',
  'watchSchedules',
];
