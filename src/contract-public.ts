/**
 * `nightload/contract`: what other programs need to start loads and to read what came of them. Types and names only,
 * nothing from Node, so that workflow code may import it.
 */
import type { BulkLoadInput, BulkLoadResult } from './contract.js';

export { DEFAULT_TASK_QUEUE, OPERATIONS, RESULT_MEMO, SEARCH_ATTRIBUTES, WORKFLOW_ID_PREFIX } from './contract.js';
export { SCHEMAS } from './contract-schemas.js';
export type {
  BulkLoadInput,
  BulkLoadResult,
  Corrections,
  CorrectionsTaken,
  Duration,
  FixerActivity,
  FixerInput,
  JobSummary,
  LoadError,
  LoadPhase,
  LoadProgress,
  LoadState,
  Operation,
  PartPhase,
  PartProgress,
  PollSettings,
  RecordCounts,
  RowFix,
  SearchAttributeName,
} from './contract.js';

/** Type of the workflow `bulkLoad`: `executeChild<BulkLoad>(BULK_LOAD, { taskQueue: DEFAULT_TASK_QUEUE, args: [input] })`. */
export type BulkLoad = (input: BulkLoadInput) => Promise<BulkLoadResult>;

/** Name of the workflow that callers start. */
export const BULK_LOAD = 'bulkLoad';
