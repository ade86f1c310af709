/** Why a message could not be sent. Never has the text of a reply. */
import { NightloadError } from '../errors.js';

interface Details {
  retryable?: boolean;
  cause?: unknown;
  maybeSent?: boolean;
  retryAfterMs?: number;
}

export class NotifyError extends NightloadError {
  override readonly name = 'NotifyError';
  /** The receiver may have the message although its answer was lost: sending again may show it twice. */
  readonly maybeSent: boolean;
  /** The receiver asked for this pause. */
  readonly retryAfterMs: number | undefined;

  constructor(code: string, message: string, { maybeSent = false, retryAfterMs, ...options }: Details = {}) {
    super(code, message, options);
    this.maybeSent = maybeSent;
    this.retryAfterMs = retryAfterMs;
  }
}
