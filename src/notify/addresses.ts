/** Addresses of receivers: what may be one, and how they are read when a message is sent. */
import { NightloadError } from '../errors.js';
import { isLoopback } from '../runtime/proxy.js';
import type { Secret } from '../runtime/secret.js';

export interface MailServer {
  host: string;
  port: number;
  /** TLS from the first byte; otherwise STARTTLS is required beyond this machine. */
  isTls: boolean;
  user?: string;
  password?: string;
}

/** One address without a name; the rest is for mail servers to judge. */
export function isAddress(text: string): boolean {
  return text.length <= 254 && /^[^\s@<>,;:"()[\]\\]{1,64}@[\w.-]{1,190}$/u.test(text);
}

/**
 * @param place for the message; the address itself may be a secret
 * @throws NightloadError `NOTIFY_FILE_INVALID`, `INSECURE_URL`
 */
export function webAddressOf(secret: Secret, place: string): URL {
  const url = parsed(secret);
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '') {
    throw invalid(`${place} must be an https address without user and password`);
  }
  if (url.protocol === 'http:' && !isLoopback(url.hostname)) {
    throw new NightloadError(
      'INSECURE_URL',
      `${place} is a plain http address: messages would be readable on their way. Use https; http is accepted only for localhost, 127.0.0.0/8 and [::1].`,
    );
  }
  return url;
}

/** @throws NightloadError `NOTIFY_FILE_INVALID` */
export function mailServerOf(secret: Secret, place: string): MailServer {
  const url = parsed(secret);
  const isTls = url?.protocol === 'smtps:';
  const isPlain = url !== undefined && url.pathname.replace('/', '') === '' && url.search === '' && url.hash === '';
  if (!isPlain || url.hostname === '' || !(isTls || url.protocol === 'smtp:')) {
    throw invalid(`${place} must be a mail server: smtp://user:password@host:587 or smtps://user:password@host:465`);
  }
  const [user, password] = [decoded(url.username), decoded(url.password)];
  if (user === undefined || password === undefined || (user === '' && password !== '')) {
    throw invalid(`${place}: write special characters of user and password as %XX, e.g. %40 for @`);
  }
  return {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? (isTls ? 465 : 587) : Number(url.port),
    isTls,
    ...(user !== '' && { user, password }),
  };
}

function parsed(secret: Secret): URL | undefined {
  const text = secret.reveal().trim();
  return URL.canParse(text) ? new URL(text) : undefined;
}

function decoded(part: string): string | undefined {
  try {
    return decodeURIComponent(part);
  } catch {
    return undefined;
  }
}

function invalid(trouble: string): NightloadError {
  return new NightloadError('NOTIFY_FILE_INVALID', `${trouble}.`);
}
