/** What an error of an SMTP conversation means for the message. The server's texts are not shown. */
import { NightloadError } from '../../errors.js';
import { NotifyError } from '../notify-error.js';
import { unreachable } from './http-post.js';

const WHO = 'The mail server';

interface SmtpFailure {
  code?: string;
  /** The code of the system, which nodemailer replaced. */
  originalCode?: string;
  responseCode?: number;
  message?: string;
}

/** @param isSending the server had begun to read the mail */
export function smtpError(error: unknown, isSending: boolean): NightloadError {
  if (error instanceof NightloadError) return error;
  const { code, originalCode, responseCode, message } = error as SmtpFailure;
  if (code === 'EAUTH') return notLoggedIn(responseCode);
  const isFinal = responseCode === undefined || responseCode >= 500;
  if (code === 'ETLS' && isFinal && /STARTTLS/.test(message ?? '')) return withoutTls();
  if (responseCode !== undefined) return answered(responseCode);
  return unreachable(WHO, { code: originalCode ?? code }, isSending);
}

/** A reply says that the server did not take the mail. */
function answered(status: number): NotifyError {
  if (status >= 400 && status < 500) {
    return new NotifyError(
      'NOTIFY_UNAVAILABLE',
      `${WHO} answered ${status}, which may be temporary. If it persists, check the mail server.`,
      { retryable: true },
    );
  }
  return new NotifyError(
    'NOTIFY_REFUSED',
    `${WHO} answered ${status} and will not take this message. Check the sender and the recipients of the target.`,
  );
}

function notLoggedIn(status: number | undefined): NotifyError {
  // 454: the server cannot check passwords now.
  const isTemporary = status === undefined || (status >= 400 && status < 500);
  return new NotifyError(
    'NOTIFY_LOGIN_REFUSED',
    `${WHO} refused the login${status === undefined ? '' : ` (${status})`}. Check user and password in "smtp" of the target.`,
    { retryable: isTemporary },
  );
}

function withoutTls(): NotifyError {
  return new NotifyError(
    'NOTIFY_TLS_REQUIRED',
    `${WHO} offers no encryption (STARTTLS), so nothing was sent, not even the password. Use smtps://, or a server that offers it; without encryption only a server on this machine is used.`,
  );
}
