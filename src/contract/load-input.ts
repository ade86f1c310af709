/** The input of a load. */
import type { Duration, Operation, WhenLate } from './names.js';
import type { FixerActivity, RowFix } from './corrections.js';

/** The input of `bulkLoad`: names, numbers and URIs; never rows, never secrets. */
export interface BulkLoadInput {
  /**
   * `file:` or `s3:` URI of a CSV with a header line; it may be compressed with gzip. A folder (`s3://bucket/night/`) or a
   * pattern in one (`*.csv`) stands for all its files, with one header. `{date}` stands for the day when the load is due,
   * as 2026-11-26; `{date:yyyyMMdd}` writes it in another format (yyyy, MM, dd, HH, mm and the separators . _ -).
   */
  source: string;
  /** sObject API name: `Account`, `Invoice__c`. */
  object: string;
  operation: Operation;
  /** API name of the external id field. Required for upsert; for insert it allows retries as an upsert. */
  externalIdFieldName?: string;
  /** Time zone of `{date}` in the source: `Europe/Berlin`. @default 'UTC' */
  timeZone?: string;
  /**
   * How long to wait for a source that is missing or still being written when the load begins; at most 3 days.
   * @default 0
   */
  waitForSource?: Duration;
  /** `[A-Za-z0-9._-]{1,200}`. @default what follows `bulk-load/` in the workflow id, otherwise the workflow id */
  loadId?: string;
  /** A connection configured on the worker. @default 'default' */
  connection?: string;
  /**
   * CSV header, in any letter case, to field API name; several names separated by commas send the column to each of
   * these fields, and `''` leaves it out. The header `''` stands for columns without a name. At most 5,000 entries; the
   * tables and fix rules of an input have at most 200,000 characters in total.
   */
  columns?: Record<string, string>;
  /**
   * The same, for a mapping shared by several files: a header that the file does not have causes a warning. `columns`
   * takes precedence.
   */
  columnsIfPresent?: Record<string, string>;
  /** Columns may be named by the labels of their fields in the org. @default false */
  mapLabels?: boolean;
  /** Field API name to a value for every row. */
  constants?: Record<string, string>;
  /** Send empty cells as `#N/A`, which clears the field; the platform ignores empty cells on update. @default false */
  blankAsNull?: boolean;
  /**
   * Check every row against the object's fields before anything is sent; the load is refused if any would fail.
   * @default false
   */
  checkRows?: boolean;
  /** The same, but rows that would fail are rejected and the others are loaded. @default false */
  skipBadRows?: boolean;
  assignmentRuleId?: string;
  /** One of `,` `;` tab `|` `^` `` ` ``. @default detected from the bytes */
  delimiter?: string;
  /** @default detected from the bytes */
  lineEnding?: 'LF' | 'CRLF';
  /**
   * `utf-8`, `utf-16`, `windows-1252`, `shift_jis`, …: any encoding that Node decodes; encodings other than UTF-8 are
   * never guessed.
   * @default 'utf-8'
   */
  encoding?: string;
  part?: {
    /** Bytes of one job's upload, header included: 1,000 to 150,000,000. @default 100,000,000 */
    maxBytes?: number;
    /** Concurrent jobs; 1 is serial. @default 2 */
    maxConcurrent?: number;
  };
  poll?: PollSettings;
  /** How long one job may take before it is aborted. @default '24h' */
  jobTimeout?: Duration;
  /** How long a step is retried while Salesforce, the disk or the login fails, before the load ends. @default '24h' */
  outageLimit?: Duration;
  retry?: {
    /** @default 3 */
    maxRounds?: number;
    /** @default '1m' */
    initialWait?: Duration;
    /** @default 4 */
    backoffCoefficient?: number;
    /** Rules that correct rows that failed because of their data. @default none */
    fixes?: RowFix[];
    /** Your own activity that corrects rejected rows. @default none */
    fixer?: FixerActivity;
    /** How long to wait for corrections by people before the load ends. @default 0 */
    holdFor?: Duration;
  };
  /** Also write the rows that landed with all source columns and their `sf__Id`. @default false */
  keepColumns?: boolean;
  /** Also write copies of the result files in which spreadsheets do not execute cells. @default false */
  defuse?: boolean;
  /** Load even if an earlier load with this id landed rows, or may have. @default false */
  again?: boolean;
  abortWhen?: {
    /** Share of failed rows, not counting transient errors. @default 0.5 */
    failedRatio?: number;
    /** Checked only after this many records. @default 10,000 */
    afterRecords?: number;
  };
  /** 1 (first) to 5: which loads get the org's allocation and job slots first. @default 3 */
  priority?: number;
  /**
   * When the load should have ended: `06:00`, by the clocks of `timeZone`, or a moment in ISO 8601. People are told
   * (event `late`) as soon as a forecast says that it will not. @default none
   */
  finishBy?: string;
  /**
   * What the load itself does then: `raisePriority` starts the rest of its parts with priority 1, `moreParallel` runs
   * twice as many at a time.
   * @default 'warn'
   */
  whenLate?: WhenLate;
  /** `file:` or `s3:` prefix; result files are written to `<output>/<loadId>/`. @default the worker's NIGHTLOAD_OUTPUT */
  output?: string;
  /**
   * A monitoring service that is pinged when the load begins (`/start` is appended), has ended well, or has failed or was
   * canceled (`/fail`): the name of a heartbeat in the workers' notify file, or the reference that stands there
   * (`env:NAME`). Never the address itself. @default none
   */
  heartbeatUrl?: string;
}

export interface PollSettings {
  /** @default '5s' */
  initialInterval?: Duration;
  /** @default 1.5 */
  backoffCoefficient?: number;
  /** @default '5m' */
  maximumInterval?: Duration;
  /** Time between the two equal polls that follow Failed or Aborted. @default '30s' */
  settleInterval?: Duration;
}
