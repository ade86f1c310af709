/**
 * `nightload/contract`: what other programs need to start loads and to read what came of them. Nothing from Node, so
 * that workflow code may import it.
 */
import type { BulkLoadInput, BulkLoadResult } from './contract.js';

export { DEFAULT_TASK_QUEUE, OPERATIONS, RESULT_MEMO, SEARCH_ATTRIBUTES, WORKFLOW_ID_PREFIX } from './contract.js';
export { SCHEMAS } from './contract-schemas.js';
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
  SearchAttributeName,
} from './contract.js';

/** Type of the workflow `bulkLoad`: `executeChild<BulkLoad>(BULK_LOAD, { taskQueue: DEFAULT_TASK_QUEUE, args: [input] })`. */
export type BulkLoad = (input: BulkLoadInput) => Promise<BulkLoadResult>;

/** Name of the workflow that callers start. */
export const BULK_LOAD = 'bulkLoad';

/**
 * The result of a load that failed, out of the error that its caller got: a `ChildWorkflowFailure`, a
 * `NexusOperationFailure`, a `WorkflowFailedError`. Undefined when the error is another one, or the load was canceled.
 */
export function failedLoad(error: unknown): BulkLoadResult | undefined {
  for (let found = error, depth = 0; found instanceof Error && depth < 10; found = found.cause, depth++) {
    const { details } = found as { details?: unknown };
    const first: unknown = Array.isArray(details) ? details[0] : undefined;
    if (typeof first === 'object' && first !== null && 'records' in first && 'state' in first)
      return first as BulkLoadResult;
  }
  return undefined;
}
