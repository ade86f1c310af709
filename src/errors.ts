/**
 * Base of all errors that people may read: a stable code, what happened, where, what to do. Imports nothing, so that
 * every layer can throw it.
 */
export class NightloadError extends Error {
  override readonly name: string = 'NightloadError';
  /** Stable, in capitals: `SOURCE_NOT_FOUND`. Match on this, not on the message. */
  readonly code: string;
  /** Whether the same call may succeed later without anyone changing anything. */
  readonly retryable: boolean;
  /** Private, so that no log and no serializer shows it. */
  readonly #detail: string | undefined;

  constructor(
    code: string,
    message: string,
    options: { retryable?: boolean; cause?: unknown; detail?: string | undefined } = {},
  ) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.code = code;
    this.retryable = options.retryable ?? false;
    this.#detail = options.detail;
  }

  /**
   * Text from others about the error: a reply, a header's titles. It may contain rows, so it goes into files next to
   * the results and nowhere else: never into the message, a history, a log or a terminal.
   */
  get detail(): string | undefined {
    return this.#detail;
  }
}
