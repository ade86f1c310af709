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

/**
 * They serve the loads of all versions, may run for weeks, or deliver for hours what a load told at its end: on versioned
 * workers they move on to newer versions.
 */
export const LONG_LIVED_TYPES = ['orgAllocation', 'sendHeartbeat', 'sendNotifications', 'watchSchedules'] as const;

/** Only a command waits for their answer: there is no load that could resume. */
export const COMMAND_WORKFLOW_TYPES: readonly string[] = ['checkLoad', 'orgLimits', 'orphanJobs', 'pruneResults'];
