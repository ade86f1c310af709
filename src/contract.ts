/**
 * What users and other programs rely on: workflow names, input, result, search attributes. Types and constants only,
 * nothing from Node, so that workflow code of any project may import it.
 */

/** Whether a job's state is one of its last ones: what was asked is over, however it went. */
export function isTerminal(state: string): boolean {
  return state === 'JobComplete' || state === 'Failed' || state === 'Aborted';
}

/** A duration as Temporal writes it: `'5s'`, `'8 hours'`, or milliseconds. At most 30 days. */
export type Duration = string | number;

export type Operation = 'insert' | 'update' | 'upsert' | 'delete' | 'hardDelete';
export const OPERATIONS: readonly Operation[] = ['insert', 'update', 'upsert', 'delete', 'hardDelete'];

/** Whether records go, for a while or for good: then ids are all that is sent. */
export function isDelete(operation: Operation): boolean {
  return operation === 'delete' || operation === 'hardDelete';
}

export const DEFAULT_TASK_QUEUE = 'nightload';
export const WORKFLOW_ID_PREFIX = 'bulk-load/';
/** Memo key under which a closed load keeps its result (without `jobs`), readable without a worker. */
export const RESULT_MEMO = 'nightloadResult';
/** Memo key with the queue of the workers that share the load's files, so that others can see whether anyone polls it. */
export const FILES_QUEUE_MEMO = 'nightloadFilesQueue';
/** Memo key with the host on which the source was found: it may come back with another folder, and so another queue. */
export const FILES_HOST_MEMO = 'nightloadFilesHost';

export const LOAD_ID_PATTERN = /^[A-Za-z0-9._-]{1,200}$/;

/** An automatic correction of failed rows. */
export interface RowFix {
  /** Status code as in `sf__Error`, for example `STRING_TOO_LONG`. */
  code: string;
  /** Field API name; without it, the fields that the error names. */
  field?: string;
  do: 'truncate' | 'blank' | 'replace';
  /** For `replace`: old value to new value. */
  values?: Record<string, string>;
}

/**
 * An activity of your own, in any language. It gets one {@link FixerInput} and returns a {@link Corrections}, or nothing
 * when it has nothing to correct.
 */
export interface FixerActivity {
  /** Name of the activity. */
  activity: string;
  taskQueue: string;
  /** How long it may take once a worker has it, and how long one may be waited for. @default '1h' */
  timeout?: Duration;
  /**
   * Your activity sends heartbeats at least so often: when they stop, its worker is gone, and another one is asked.
   * @default not watched: a worker that is gone is noticed at the end of `timeout`
   */
  heartbeatTimeout?: Duration;
}

/** What a {@link FixerActivity} gets. */
export interface FixerInput {
  /** `file:` URI of the rejected rows: `sf__Id,sf__Error`, then the columns under their API names. */
  source: string;
  rows: number;
  loadId: string;
  object: string;
  operation: Operation;
}

/** Rows that were rejected, corrected: the shape of the rejected file; `sf__Id` and `sf__Error` may be missing. */
export interface Corrections {
  /** `file:` URI that a worker sees. */
  source: string;
  /** @default found from the bytes */
  delimiter?: string;
  /** @default 'utf-8' */
  encoding?: string;
}

/** Answer of the update `submitCorrections`. */
export interface CorrectionsTaken {
  /** Rows that are sent again. */
  rows: number;
  /** Rejected rows for which no correction has come. */
  remaining: number;
  /** What was left out of the file. */
  warnings?: string[];
}

/** What `bulkLoad` is started with: names, numbers and URIs; never rows, never secrets. */
export interface BulkLoadInput {
  /**
   * `file:` URI of a CSV with a header line; it may be packed with gzip. `{date}` stands for the day that the load is due,
   * as 2026-11-26; `{date:yyyyMMdd}` writes it another way (yyyy, MM, dd, HH, mm and . _ - between them).
   */
  source: string;
  /** sObject API name: `Account`, `Invoice__c`. */
  object: string;
  operation: Operation;
  /** API name of the external id field. Required for upsert; with insert it lets the retry be an upsert. */
  externalIdFieldName?: string;
  /** Whose days `{date}` in the source means: `Europe/Berlin`. @default 'UTC' */
  timeZone?: string;
  /** How long to wait for a source that is not there, or still being written, when the load begins; at most 3 days. @default 0 */
  waitForSource?: Duration;
  /** `[A-Za-z0-9._-]{1,200}`. @default what follows `bulk-load/` in the workflow id, else the workflow id */
  loadId?: string;
  /** A connection configured on the worker. @default 'default' */
  connection?: string;
  /**
   * CSV header, in any letter case, to field API name; several names with commas between them send the column to each of
   * these fields, and `''` leaves it out. The header `''` is that of columns without a name. At most 5,000 entries; the
   * tables of an input and its fix rules have at most 200,000 characters in all.
   */
  columns?: Record<string, string>;
  /** The same, for a mapping that serves other files too: a header that the file does not have is a warning. `columns` goes before it. */
  columnsIfPresent?: Record<string, string>;
  /** Columns may be called as their fields are labelled in the org. @default false */
  mapLabels?: boolean;
  /** Field API name to a value that every row gets. */
  constants?: Record<string, string>;
  /** Send empty cells as `#N/A`, which clears the field; the platform ignores empty cells on update. @default false */
  blankAsNull?: boolean;
  /** Check every row against the fields of the object before anything is sent; rows that would fail refuse the load. @default false */
  checkRows?: boolean;
  /** The same, but the rows that would fail are rejected and the others are loaded. @default false */
  skipBadRows?: boolean;
  assignmentRuleId?: string;
  /** One of `,` `;` tab `|` `^` `` ` ``. @default found from the bytes */
  delimiter?: string;
  /** @default found from the bytes */
  lineEnding?: 'LF' | 'CRLF';
  /** `utf-8`, `utf-16`, `windows-1252`, `shift_jis`, … : what Node decodes; what is not UTF-8 is never guessed. @default 'utf-8' */
  encoding?: string;
  part?: {
    /** Bytes of one job's upload, header included: 1,000 to 150,000,000. @default 100,000,000 */
    maxBytes?: number;
    /** Jobs at a time; 1 is serial. @default 2 */
    maxConcurrent?: number;
  };
  poll?: PollSettings;
  /** How long one job may take before it is aborted. @default '24h' */
  jobTimeout?: Duration;
  /** How long a step is tried again while Salesforce, the disk or the login fails, before the load ends. @default '24h' */
  outageLimit?: Duration;
  retry?: {
    /** @default 3 */
    maxRounds?: number;
    /** @default '1m' */
    initialWait?: Duration;
    /** @default 4 */
    backoffCoefficient?: number;
    /** Corrections by rule of rows that failed because of their data. @default none */
    fixes?: RowFix[];
    /** An activity of your own that corrects rejected rows. @default none */
    fixer?: FixerActivity;
    /** How long to wait for corrections by people before the load ends. @default 0 */
    holdFor?: Duration;
  };
  /** Also write the rows that landed with all columns of the source and their `sf__Id`. @default false */
  keepColumns?: boolean;
  /** Also write copies of the result files in which no spreadsheet runs a cell. @default false */
  defuse?: boolean;
  /** Load although an earlier load of this id landed rows, or may have. @default false */
  again?: boolean;
  abortWhen?: {
    /** Share of failed rows, transient errors not counted. @default 0.5 */
    failedRatio?: number;
    /** Looked at only after so many records. @default 10,000 */
    afterRecords?: number;
  };
  /** 1 (first) to 5: who gets the org's allocation and job slots first. @default 3 */
  priority?: number;
  /** `file:` prefix; result files lie in `<output>/<loadId>/`. @default the worker's NIGHTLOAD_OUTPUT */
  output?: string;
}

export interface PollSettings {
  /** @default '5s' */
  initialInterval?: Duration;
  /** @default 1.5 */
  backoffCoefficient?: number;
  /** @default '5m' */
  maximumInterval?: Duration;
  /** Time between the two equal looks that follow Failed or Aborted. @default '30s' */
  settleInterval?: Duration;
}

export type LoadState = 'Completed' | 'CompletedWithRejects' | 'Failed' | 'Canceled';
/** `status` knows three more, for a load that has not ended. */
export type StatusState = LoadState | 'Running' | 'Holding' | 'Paused';

export interface RecordCounts {
  /** Data records in the source; blank lines and rows without any value are not records. */
  total: number;
  /** The next three are counted from the downloaded result files. */
  succeeded: number;
  rejected: number;
  unprocessed: number;
  /** total minus the three above. */
  unaccounted: number;
}

/** One Bulk API 2.0 job that was created, aborted ones too. */
export interface JobSummary {
  id: string;
  operation: Operation;
  state: string;
  /** Rows sent. */
  records: number;
  /** Rows in the failed file. */
  failed: number;
  /** GETs of the job's info. */
  polls: number;
}

export interface LoadError {
  code: string;
  message: string;
  /** In report.json only: what Salesforce, the login server or the file said, shortened. It may hold values of rows. */
  detail?: string;
}

/** Words of others about a load, shortened and on one line. They may hold values of rows: only report.json has them. */
export interface PlatformDetail {
  /** Of the error that they explain. */
  code: string;
  text: string;
  /** When they came, as ISO 8601. */
  at: string;
  /** Method and path that were answered. */
  request?: string;
  /** The job that they are about. */
  job?: string;
}

export interface BulkLoadResult {
  loadId: string;
  workflowId: string;
  runId: string;
  state: LoadState;
  object: string;
  operation: Operation;
  records: RecordCounts;
  /** `unaccounted` is 0 and the files agree with the jobs' counters. */
  balanced: boolean;
  retry: {
    rounds: number;
    /** Rows that failed or stayed unprocessed at first and landed in a retry. */
    recovered: number;
    /** Retried rows that came from the failed file because no source row could be told with certainty. */
    rerendered: number;
  };
  /** At most 200, failures first; all are in report.json. Absent in the memo. */
  jobs?: JobSummary[];
  jobsTotal: number;
  /** All HTTP requests to the instance, token calls excluded. */
  apiRequests: number;
  files: {
    /** At most 200; all are in report.json. */
    succeeded: string[];
    rejected?: string;
    unprocessed?: string;
    /** With `keepColumns`: rows that landed, `sf__Id,sf__Created`, then all columns of the source. */
    kept?: string;
    /** Every value that a fix rule changed: key, column, before, after, rule. */
    changes?: string;
    /** With `defuse`: copies of the three above for spreadsheets. They are for reading and are refused as a source. */
    forPeople?: { rejected?: string; unprocessed?: string; changes?: string };
    report?: string;
  };
  /** What the preflight noticed and did not refuse; at most 10. */
  warnings?: string[];
  /** Jobs that a lost answer to a create, or a restore, may have left Open, and that are not certainly the load's: check them in Setup. */
  openJobs?: string[];
  error?: LoadError;
  /** In report.json only, at most 100, oldest first: what others said of errors, also of those that passed. */
  details?: PlatformDetail[];
}

/** Something that a check found out; `errors` refuse a load. */
export interface CheckFinding {
  code: string;
  message: string;
  /** Title of the column in the file. */
  column?: string;
  /** Place of the column, from 1. */
  position?: number;
}

/** What `nightload check` tells: everything that can be known before a job exists. */
export interface CheckReport {
  /** No errors: a load would begin. */
  ok: boolean;
  source: string;
  object: string;
  operation: Operation;
  errors: CheckFinding[];
  warnings: CheckFinding[];
  found?: {
    encoding: string;
    byteOrderMark: boolean;
    gzip: boolean;
    delimiter: string;
    lineEnding: string;
    columns: number;
    /** Why the file would be written anew before it is sent. */
    rewritten?: string;
  };
  records?: number;
  parts?: number;
  /** What the load would take of the org's 24 hours. */
  forecast?: {
    batches: number;
    /** Without retries; polls are estimated. */
    apiRequests: number;
    /** Of `/limits`, where the user may see them. */
    remaining?: { apiRequests?: number; batches?: number };
  };
  /** With `checkRows`: rows that would fail, by code, and the first 100. */
  rows?: {
    bad: number;
    byCode: Record<string, number>;
    findings: { row: number; code: string; column?: string; message: string }[];
    /** `file:` URI of the bad rows, in the shape of a rejected file: there `sf__Error` has the values too. */
    file?: string;
  };
  /** `file:` URI of a file with what this report leaves out, because it may hold values: titles, words of Salesforce. */
  details?: string;
}

/** What `orphanJobs` is started with. */
export interface OrphanJobsInput {
  /** @default 'default' */
  connection?: string;
  /** Abort those that loads of this namespace created. @default false */
  abort?: boolean;
  /** Only jobs that are older. @default '24h' */
  olderThan?: Duration;
}

/** A job that lies Open in the org and belongs to no running load. */
export interface OpenJob {
  id: string;
  object: string;
  operation: string;
  createdById: string;
  createdDate: string;
  /** A load of this namespace that has ended had created it. */
  ours: boolean;
}

export interface OrphanJobsResult {
  jobs: (OpenJob & { aborted: boolean })[];
}

/** The most jobs that a result lists. */
export const MAX_LISTED_JOBS = 200;
/** The most files with rows that landed that a result names. */
export const MAX_LISTED_FILES = 200;

export type PartPhase =
  'waiting' | 'creating' | 'uploading' | 'closing' | 'processing' | 'settling' | 'downloading' | 'done' | 'failed';

export interface PartProgress {
  n: number;
  phase: PartPhase;
  jobId?: string;
  processed: number;
  failed: number;
  total: number;
  /** In phase `waiting`: why the org's allocation does not let it go yet. */
  waitingFor?: string;
  /** Of an upload that runs, as its last heartbeat told. */
  bytes?: { sent: number; total: number };
}

export type LoadPhase = 'preparing' | 'planning' | 'loading' | 'retrying' | 'holding' | 'reporting' | 'done';

/** Answer of the `progress` query. */
export interface LoadProgress {
  phase: LoadPhase;
  records: RecordCounts;
  /** At most 200. */
  parts: PartProgress[];
  /** Rows of parts that have ended. */
  ended?: number;
  /** When the first part was started, as ISO 8601. */
  loadingSince?: string;
  /** Rows per second since then; told by `nightload` and `LoadHandle`, not by the query itself. */
  rowsPerSecond?: number;
  /** At that rate, until the last row of the first pass. */
  secondsLeft?: number;
  waitingFor?: string;
  /** While it holds: `file:` URI of the rows that wait for corrections. */
  rejectedFile?: string;
  paused: boolean;
}

/** Answer of the `soFar` query: what the result would say of the jobs that have ended. */
export type LoadSoFar = Required<Pick<BulkLoadResult, 'retry' | 'jobs' | 'jobsTotal' | 'apiRequests' | 'files'>> &
  Pick<BulkLoadResult, 'warnings'>;

/** Search attributes, set by the workflows where the namespace knows them. */
export const SEARCH_ATTRIBUTES = {
  NightloadObject: 'KEYWORD',
  NightloadOperation: 'KEYWORD',
  NightloadConnection: 'KEYWORD',
  NightloadPhase: 'KEYWORD',
  NightloadRejected: 'INT',
  NightloadJobIds: 'KEYWORD_LIST',
} as const;
export type SearchAttributeName = keyof typeof SEARCH_ATTRIBUTES;
