/** Input and result of the activity in `activities/retry`: the rows of a stage, sorted by what becomes of them. */
import type { Stage } from './plan-types.js';
import type { PartOutcome } from './ended-parts.js';
import type { JobSummary, LoadError } from '../../contract/load-result.js';
import type { RowFix } from '../../contract/corrections.js';
import type { Operation } from '../../contract/names.js';

export interface TriageRowsInput {
  stage: Stage;
  /** Ended parts, except those in files. */
  outcomes: PartOutcome[];
  /** Their jobs. @default none */
  jobs?: JobSummary[];
  /** Files with earlier outcomes and jobs. @default 0 */
  noted?: number;
  /** This part and all later ones were never started. */
  notStartedFrom?: number;
  operation: Operation;
  /** No further round: all rows end as rejected or unprocessed. */
  final: boolean;
  /** Where the rows of the next round are written. */
  nextStageUri: string;
  partMaxBytes: number;
  /** The next round is the last: its jobs are so small that the platform processes one batch at a time. */
  serial?: boolean;
  fixes?: RowFix[];
}

export interface TriagedRows {
  /** `file:` URIs of the files written, each present only if it has rows. */
  files: { rejected?: string; unprocessed?: string; alreadyDone?: string; changes?: string };
  /** The next round's rows; absent if there are none. */
  next?: Stage;
  rejected: number;
  /** Includes rows that were certainly not processed and that no file has, because the source changed. */
  unprocessed: number;
  /**
   * Rows that failed because the requested state already existed (delete of a deleted record): they count as succeeded.
   */
  alreadyDone: number;
  /** Rows of the next round that had to be taken from the failed file. */
  rerendered: number;
  /** A failure that stops the run, for example STORAGE_LIMIT_EXCEEDED. */
  stop?: LoadError;
  warnings?: string[];
}
