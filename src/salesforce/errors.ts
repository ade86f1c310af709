/**
 * What went wrong between nightload and an org, in one class: the code to match on, whether trying again makes sense,
 * and whether the platform may have done what was asked although nobody heard the answer.
 */
import { NightloadError } from '../errors.js';

export interface SalesforceErrorDetails {
  /** Method and path: `PATCH /services/data/v66.0/jobs/ingest/750…`. */
  request: string;
  retryable: boolean;
  maybeApplied?: boolean;
  httpStatus?: number | undefined;
  errorCode?: string | undefined;
  /** The words of whoever answered, shortened, without secrets: for files beside the results only. */
  detail?: string | undefined;
  retryAfterMs?: number | undefined;
  believedAfterMs?: number;
  cause?: unknown;
}

/** A request to Salesforce that did not do what it should. */
export class SalesforceError extends NightloadError {
  override readonly name = 'SalesforceError';
  readonly request: string;
  /** Absent when no reply came. */
  readonly httpStatus: number | undefined;
  /** The platform's own code: `INVALIDJOBSTATE`. */
  readonly errorCode: string | undefined;
  /** How long the platform asked to wait, in milliseconds. */
  readonly retryAfterMs: number | undefined;
  /**
   * The request changes something and may have been carried out, but no usable answer came. Look (GET the job) before
   * sending it again. Always false for requests that only read.
   */
  readonly maybeApplied: boolean;
  /**
   * A refusal that is not retryable may be wrong once: for how long it must have been repeated, in milliseconds, before
   * it is final. 0: at once.
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

/** The job got its data twice and can never be processed: abort it and create another one. */
export function isMultipleContents(error: unknown): boolean {
  return error instanceof SalesforceError && error.code === 'MULTIPLE_CONTENTS';
}

/** The job is not in a state that allows the change, for example because it was closed already: GET it and go on. */
export function isInvalidJobState(error: unknown): boolean {
  return error instanceof SalesforceError && error.code === 'INVALID_JOB_STATE';
}
