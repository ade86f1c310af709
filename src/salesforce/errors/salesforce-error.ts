/**
 * One error class for everything that goes wrong between nightload and an org: the code to match on, whether a retry
 * makes sense, and whether the platform may have carried out a request whose reply was lost.
 */
import { NightloadError } from '../../errors.js';

export interface SalesforceErrorDetails {
  /** Method and path: `PATCH /services/data/v66.0/jobs/ingest/750…`. */
  request: string;
  retryable: boolean;
  maybeApplied?: boolean;
  httpStatus?: number | undefined;
  errorCode?: string | undefined;
  /** The external error text, shortened, without secrets: only for files next to the results. */
  detail?: string | undefined;
  retryAfterMs?: number | undefined;
  believedAfterMs?: number;
  cause?: unknown;
}

/** A failed request to Salesforce. */
export class SalesforceError extends NightloadError {
  override readonly name = 'SalesforceError';
  readonly request: string;
  /** Absent when no reply came. */
  readonly httpStatus: number | undefined;
  /** The platform's own code: `INVALIDJOBSTATE`. */
  readonly errorCode: string | undefined;
  /** The wait that the platform asked for, in milliseconds. */
  readonly retryAfterMs: number | undefined;
  /**
   * The request changes something and may have been carried out, but no usable reply came. Check (GET the job) before
   * sending it again. Always false for requests that only read.
   */
  readonly maybeApplied: boolean;
  /**
   * A refusal that is not retryable may be wrong once: how long, in milliseconds, it must have been repeated before it
   * is final. 0: at once.
   */
  readonly believedAfterMs: number;

  constructor(code: string, message: string, details: SalesforceErrorDetails) {
    super(code, message, { retryable: details.retryable, cause: details.cause, detail: details.detail });
    this.request = details.request;
    this.httpStatus = details.httpStatus;
    this.errorCode = details.errorCode;
    this.retryAfterMs = details.retryAfterMs;
    this.maybeApplied = details.maybeApplied ?? false;
    this.believedAfterMs = details.believedAfterMs ?? 0;
  }
}

/** The job received data twice and can never be processed: abort it and create another one. */
export function isMultipleContents(error: unknown): boolean {
  return error instanceof SalesforceError && error.code === 'MULTIPLE_CONTENTS';
}

/** The job's state does not allow the change, for example because it was closed already: GET it and continue. */
export function isInvalidJobState(error: unknown): boolean {
  return error instanceof SalesforceError && error.code === 'INVALID_JOB_STATE';
}
