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

/** Only a command waits for their answer: there is no load that could resume. */
export const COMMAND_WORKFLOW_TYPES: readonly string[] = ['checkLoad', 'orgLimits', 'orphanJobs', 'pruneResults'];
