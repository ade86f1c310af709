/** The client side of nightload: start loads and follow them. */
export { AlreadyLoadedError, LoadHandle, startBulkLoad, workflowIdOf } from './client.js';
export type { StartOptions } from './client.js';
export { NightloadError } from './errors.js';
export type {
  BulkLoadInput,
  BulkLoadResult,
  Duration,
  JobSummary,
  LoadError,
  LoadProgress,
  LoadState,
  Operation,
  PartProgress,
  RecordCounts,
} from './contract.js';
