/** What `report.json` and `report.html` say about a load besides its result, and what is kept of it in `index/`. */
import type { RowFix } from './corrections.js';
import type { LoadPhase } from './load-progress.js';
import type { LoadState, RecordCounts } from './load-result.js';
import type { Operation } from './names.js';

/** Rows of one pass: the first one, a round of retries, a file of corrections. */
export interface PassFigures {
  /** `first`, `round-1`, `corrections-1`, … */
  name: string;
  jobs: number;
  /** Rows sent, including those of jobs that were given up. */
  sent: number;
  succeeded: number;
  failed: number;
  unprocessed: number;
}

/** What would make rejected rows land. */
export interface Cure {
  /** A sentence for people. */
  text: string;
  /** A fix rule that would change these rows; a `replace` still needs the new values. */
  rule?: RowFix;
  /** How many of the rows it would change or concern: a row may still fail for another reason. */
  rows: number;
}

/** Rejected rows with the same code, fields and message, apart from values in it. */
export interface RejectedCause {
  /** As in `sf__Error`; `OTHER` if the text has none. */
  code: string;
  fields: string[];
  /** The message, with values replaced by `…` and numbers by `#` as far as they can be recognized. */
  message: string;
  rows: number;
  cure: Cure;
}

/** Values that a fix rule changed. */
export interface RuleChanges {
  /** As in `changes.csv`: `1: STRING_TOO_LONG truncate Name`. */
  rule: string;
  values: number;
}

/** In `report.json`: times, what was used, and why rows were rejected. Times are ISO 8601. */
export interface LoadFigures {
  startedAt: string;
  endedAt: string;
  /** When each phase began; at most 100. */
  phases: { phase: LoadPhase; at: string }[];
  /** When the load was paused; at most 100. */
  pauses: { from: string; to: string }[];
  /** At most 100. */
  passes: PassFigures[];
  /** Rows sent in all passes. */
  sent: number;
  /** Internal batches of at most 10,000 rows, which the org's daily allocation counts. */
  batches: number;
  /** Failures because of a record lock, in all passes. */
  locked: number;
  /** Most frequent first, at most 20. */
  rejectedBy: RejectedCause[];
  /** Rejected rows of further causes. */
  rejectedOther: number;
  /** At most 100. */
  changedBy: RuleChanges[];
}

/** One ended load in `index/`: counts and names, no value of a row. */
export interface HistoryEntry {
  version: 1;
  loadId: string;
  workflowId: string;
  runId: string;
  /** Name of the folder with the load's working files: the same after a reset. */
  run: string;
  schedule?: string;
  connection: string;
  object: string;
  operation: Operation;
  state: LoadState;
  /** ISO 8601. */
  startedAt: string;
  endedAt: string;
  records: RecordCounts;
  retry: { rounds: number; recovered: number };
  /** Rows sent in all passes. */
  sent: number;
  /** Failures because of a record lock. */
  locked: number;
  jobs: number;
  batches: number;
  apiRequests: number;
  /** Code of the error that ended it. */
  error?: string;
}
