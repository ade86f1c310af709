/** The result of checking a source. */
import type { Operation } from './names.js';

/** A finding of a check; a load with `errors` is refused. */
export interface CheckFinding {
  code: string;
  message: string;
  /** Title of the column in the file. */
  column?: string;
  /** Position of the column, from 1. */
  position?: number;
}

/** What `nightload check` reports: everything that can be known before a job exists. */
export interface CheckReport {
  /** No errors: a load would start. */
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
    /** Why the file would be rewritten before it is sent. */
    rewritten?: string;
  };
  records?: number;
  parts?: number;
  /** How much of the org's 24-hour allocation the load would use. */
  forecast?: {
    batches: number;
    /** Without retries; polls are estimated. */
    apiRequests: number;
    /** From `/limits`, if the user may see them. */
    remaining?: { apiRequests?: number; batches?: number };
  };
  /** With `checkRows`: rows that would fail, by code, and the first 100. */
  rows?: {
    bad: number;
    byCode: Record<string, number>;
    findings: { row: number; code: string; column?: string; message: string }[];
    /** URI of the bad rows, in the format of a rejected file: there `sf__Error` also contains the values. */
    file?: string;
  };
  /**
   * URI of a file with what this report leaves out because it may contain values: titles, Salesforce messages.
   */
  details?: string;
}
