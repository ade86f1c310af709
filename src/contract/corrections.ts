/** How rejected rows are corrected: by rule, by the user's own activity, by people. */
import type { Duration, Operation } from './names.js';

/** An automatic correction of failed rows. */
export interface RowFix {
  /**
   * Status code as in `sf__Error`, for example `STRING_TOO_LONG`. Those that do not come from the values of a row are
   * refused.
   */
  code: string;
  /** API name of the column, such as `Description` or `Owner.Email`; if omitted, the fields that the error names. */
  field?: string;
  /** `truncate`: to the length that the field has. `blank`: clear the field. `replace`: by the table in `values`. */
  do: 'truncate' | 'blank' | 'replace';
  /**
   * For `replace`: old value to new value. Letter case counts, and the whole cell must be the old value. An empty new
   * value clears the field.
   */
  values?: Record<string, string>;
}

/**
 * Your own activity, in any language. It receives one {@link FixerInput} and returns a {@link Corrections}, or nothing
 * if there is nothing to correct.
 */
export interface FixerActivity {
  /** Name of the activity. */
  activity: string;
  taskQueue: string;
  /** How long it may run once a worker has it, and how long to wait for a worker. @default '1h' */
  timeout?: Duration;
  /**
   * Maximum interval between your activity's heartbeats: when they stop, its worker is considered lost, and another one
   * is called.
   * @default not watched: a lost worker is noticed at the end of `timeout`
   */
  heartbeatTimeout?: Duration;
}

/** The input of a {@link FixerActivity}. */
export interface FixerInput {
  /** URI of the rejected rows: `sf__Id,sf__Error`, then the columns under their API names. */
  source: string;
  rows: number;
  loadId: string;
  object: string;
  operation: Operation;
}

/** Corrected rejected rows: the format of the rejected file; `sf__Id` and `sf__Error` may be missing. */
export interface Corrections {
  /** `file:` or `s3:` URI that a worker can read. */
  source: string;
  /** @default detected from the bytes */
  delimiter?: string;
  /** @default 'utf-8' */
  encoding?: string;
}

/** Answer to the update `submitCorrections`. */
export interface CorrectionsTaken {
  /** Rows that are sent again. */
  rows: number;
  /** Rejected rows without a correction. */
  remaining: number;
  /** What was left out of the file. */
  warnings?: string[];
}
