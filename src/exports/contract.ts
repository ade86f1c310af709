/**
 * `nightload/contract`: what other programs need to start loads and read their results. Without Node imports, so that
 * workflow code may import it.
 */
import type { BulkLoadInput } from '../contract/load-input.js';
import type { BulkLoadResult } from '../contract/load-result.js';

export {
  DEFAULT_TASK_QUEUE,
  OPERATIONS,
  RESULT_MEMO,
  SEARCH_ATTRIBUTES,
  WORKFLOW_ID_PREFIX,
} from '../contract/names.js';
export { SCHEMAS } from '../contract/schema-names.js';
export type { BulkLoadInput, PollSettings } from '../contract/load-input.js';
export type { Corrections, CorrectionsTaken, FixerActivity, FixerInput, RowFix } from '../contract/corrections.js';
export type { Duration, Operation, SearchAttributeName, WhenLate } from '../contract/names.js';
export type { Cure, LoadFigures, PassFigures, RejectedCause, RuleChanges } from '../contract/load-figures.js';
export type { CheckFinding, CheckReport } from '../contract/check-report.js';
export { NOTIFY_EVENTS } from '../contract/notification.js';
export type { NotifyEvent, NotifyMessage } from '../contract/notification.js';
export type { HistoryEntry } from '../contract/load-history.js';
export type {
  BulkLoadResult,
  JobSummary,
  JobTimes,
  LoadError,
  LoadState,
  RecordCounts,
} from '../contract/load-result.js';
export type { LoadPhase } from '../contract/load-phases.js';
export type { LoadForecast, LoadProgress, LoadSoFar, PartPhase, PartProgress } from '../contract/load-progress.js';

/** Type of the workflow `bulkLoad`: `executeChild<BulkLoad>(BULK_LOAD, { taskQueue: DEFAULT_TASK_QUEUE, args: [input] })`. */
export type BulkLoad = (input: BulkLoadInput) => Promise<BulkLoadResult>;

/** Name of the workflow that callers start. */
export const BULK_LOAD = 'bulkLoad';

/**
 * The result of a failed load, from the error that its caller received: a `ChildWorkflowFailure`, a
 * `NexusOperationFailure`, a `WorkflowFailedError`. Undefined for any other error, or if the load was canceled.
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
