/** How parts and stages ended: carried by workflows and passed to activities. */
import type { JobSummary } from '../../contract/load-result.js';

/** Rows in the three result files, without headers. */
export interface ResultCounts {
  succeeded: number;
  failed: number;
  /** Failed rows whose error is not of a transient class. */
  failedForGood: number;
  unprocessed: number;
  /** Failed rows whose error is a record lock; absent in records of earlier versions. */
  locked?: number;
  /** Error code of a row when the org accepted no more rows; from earlier versions all of its `sf__Error`. */
  stop?: string;
}

/** The outcome of one part, as needed to sort its rows. */
export interface PartOutcome {
  part: number;
  /** `loaded`: result files exist. `notStarted`: nothing can have been applied. `lost`: unknown. */
  kind: 'loaded' | 'notStarted' | 'lost';
  counts: ResultCounts;
  /** Rows of the part that no result file names. */
  missing: number;
}

/** How the parts of a stage ended. Entries beyond a history's limits are in numbered files next to the plan. */
export interface EndedParts {
  /** Files with earlier entries. */
  noted: number;
  /** Later entries, in the order in which the parts ended. */
  outcomes: PartOutcome[];
  jobs: JobSummary[];
}

/** A stage whose parts have ended. */
export interface EndedStage extends EndedParts {
  uri: string;
  /** `file:` URI of its rows that failed because the requested state already existed: they count as succeeded. */
  alreadyDone?: string;
}

export interface NotePartsInput {
  stageUri: string;
  /** Number of the file, from 1. One with the same number from before a reset is overwritten. */
  file: number;
  outcomes: PartOutcome[];
  jobs: JobSummary[];
}
