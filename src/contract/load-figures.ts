/** What `report.json` and `report.html` say about a load besides its result. */
import type { RowFix } from './corrections.js';
import type { LoadPhase } from './load-phases.js';

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
  /** When it should have ended, in ISO 8601; absent without `finishBy`. */
  finishBy?: string;
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
