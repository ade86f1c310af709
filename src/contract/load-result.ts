/** The result of a load. */
import type { LoadFigures } from './load-figures.js';
import type { Operation } from './names.js';

export const LOAD_STATES = ['Completed', 'CompletedWithRejects', 'Failed', 'Canceled'] as const;

export type LoadState = (typeof LOAD_STATES)[number];

export interface RecordCounts {
  /** Data records in the source; blank lines and rows without any value are not records. */
  total: number;
  /** This and the next two are counted from the downloaded result files. */
  succeeded: number;
  rejected: number;
  unprocessed: number;
  /** total minus the three above. */
  unaccounted: number;
}

/** Moments of a job by the clock of its workflow, in milliseconds since 1970. */
export interface JobTimes {
  /** When its part began to wait for a place in the org's allocation. */
  asked?: number;
  created: number;
  /** When all rows had been sent. */
  closed?: number;
  /** When Salesforce was seen to have ended it. */
  ended?: number;
  /** When its result files had been downloaded and counted. */
  counted?: number;
}

/** A Bulk API 2.0 job that was created, including aborted ones. */
export interface JobSummary {
  id: string;
  operation: Operation;
  state: string;
  /** Rows sent. */
  records: number;
  /** Rows in the failed file. */
  failed: number;
  /** GET requests for the job's info. */
  polls: number;
  /** Absent for jobs of earlier versions. */
  times?: JobTimes;
}

export interface LoadError {
  code: string;
  message: string;
  /**
   * In report.json only: the message from Salesforce, the login server or the file, shortened. It may contain values of
   * rows.
   */
  detail?: string;
}

/**
 * Messages from other systems about a load, shortened and on one line. They may contain values of rows: only
 * report.json has them.
 */
export interface PlatformDetail {
  /** Code of the error that they explain. */
  code: string;
  text: string;
  /** When they arrived, as ISO 8601. */
  at: string;
  /** Method and path of the request. */
  request?: string;
  /** The job they are about. */
  job?: string;
}

/** Rows of one of the files of a source. */
export interface SourceRows {
  /** `file:` or `s3:` URI. */
  uri: string;
  /** Data records, as in `total`. */
  rows: number;
}

export interface BulkLoadResult {
  loadId: string;
  workflowId: string;
  runId: string;
  state: LoadState;
  object: string;
  operation: Operation;
  records: RecordCounts;
  /** `unaccounted` is 0 and the files match the jobs' counters. */
  balanced: boolean;
  retry: {
    rounds: number;
    /** Rows that initially failed or stayed unprocessed and landed in a retry. */
    recovered: number;
    /** Retried rows taken from the failed file because no source row could be identified with certainty. */
    rerendered: number;
  };
  /** At most 200, failures first; all are in report.json. Absent in the memo. */
  jobs?: JobSummary[];
  jobsTotal: number;
  /** In report.json only: the files of a source that is a folder or a pattern. */
  sources?: SourceRows[];
  /** All HTTP requests to the instance, excluding token calls. */
  apiRequests: number;
  files: {
    /** At most 200; all are in report.json. */
    succeeded: string[];
    rejected?: string;
    unprocessed?: string;
    /** With `keepColumns`: rows that landed, `sf__Id,sf__Created`, then all source columns. */
    kept?: string;
    /** Every value that a fix rule changed: key, column, before, after, rule. */
    changes?: string;
    /**
     * With `defuse`: copies of `rejected`, `unprocessed` and `changes` for spreadsheets. They are for reading and are
     * refused as a source.
     */
    forPeople?: { rejected?: string; unprocessed?: string; changes?: string };
    report?: string;
    /** The report as a page for people, next to it. It shows some rejected rows. */
    reportHtml?: string;
  };
  /** What the preflight noticed but did not refuse; at most 10. */
  warnings?: string[];
  /**
   * Jobs that a lost answer to a create, or a restore, may have left Open, and that are not certainly the load's: check
   * them in Setup.
   */
  openJobs?: string[];
  error?: LoadError;
  /**
   * In report.json only, at most 100, oldest first: messages from other systems about errors, including those that were
   * overcome.
   */
  details?: PlatformDetail[];
  /** In report.json only: times, passes, and why rows were rejected. */
  figures?: LoadFigures;
}

/** Maximum number of jobs that a result lists. */
export const MAX_LISTED_JOBS = 200;

/** Maximum number of files with landed rows that a result lists. */
export const MAX_LISTED_FILES = 200;
