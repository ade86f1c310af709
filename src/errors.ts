/**
 * The base of every error that a person may read: a stable code, what happened, where, what to do.
 * Imports nothing, so that every layer can throw it.
 */
export class NightloadError extends Error {
  override readonly name: string = 'NightloadError';
  /** Stable, in capitals: `SOURCE_NOT_FOUND`. Match on this, not on the message. */
  readonly code: string;
  /** Whether the same call may succeed later without anyone changing anything. */
  readonly retryable: boolean;

  constructor(code: string, message: string, options: { retryable?: boolean; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.code = code;
    this.retryable = options.retryable ?? false;
  }
}
