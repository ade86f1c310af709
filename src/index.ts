/** `nightload`: start loads and follow them, from any program that has a Temporal client. */
export { dataConverterFromEnvironment } from './codec/data-converter.js';
export { AlreadyLoadedError, startBulkLoad } from './client.js';
export { workflowIdOf } from './domain/load-ids.js';
export { findLoad, loadHandle, LoadHandle } from './load-handle.js';
export type { StartOptions } from './client.js';
export { failedLoad } from './contract-public.js';
export { NightloadError } from './errors.js';
export type {
  BulkLoadInput,
  BulkLoadResult,
  CheckFinding,
  CheckReport,
  Corrections,
  CorrectionsTaken,
  Duration,
  FixerActivity,
  FixerInput,
  JobSummary,
  LoadError,
  LoadPhase,
  LoadProgress,
  LoadSoFar,
  LoadState,
  Operation,
  PartPhase,
  PartProgress,
  PollSettings,
  RecordCounts,
  RowFix,
} from './contract.js';
