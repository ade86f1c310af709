/** `nightload`: start and follow loads, from any program with a Temporal client. */
export { dataConverterFromEnvironment } from '../codec/data-converter.js';
export { AlreadyLoadedError, startBulkLoad } from '../client/start-load.js';
export { workflowIdOf } from '../domain/load-ids.js';
export { findLoad, loadHandle, LoadHandle } from '../client/load-handle.js';
export type { StartOptions } from '../client/start-load.js';
export { failedLoad } from './contract.js';
export { NightloadError } from '../errors.js';
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
  LoadForecast,
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
  WhenLate,
} from './contract.js';
