/**
 * One POST to a webhook, through the proxy for its address. Redirects are not followed, and of a reply only the status
 * and the requested pause are used.
 */
import { Readable } from 'node:stream';
import { Deadline } from '../../runtime/deadline.js';
import { OutboundAgent } from '../../runtime/outbound-agent.js';
import { retryAfter } from '../../runtime/retry-after.js';
import { NotifyError } from '../notify-error.js';
import type { SendOptions } from '../sending.js';

/** Milliseconds, for the whole request and its reply. */
const WHOLE_TIMEOUT = 30_000;
const CONNECT_TIMEOUT = 10_000;
/** Bytes; replies are a word or two. */
export const MAX_REPLY = 65_536;
export const MAX_HEADERS = 16_384;
/** No server decides to be left alone for longer. */
const MAX_PAUSE = 3_600_000;

/** The receiver, or something between, may have the message although it says so. */
const UNCERTAIN = new Set([408, 502, 504]);
const TEMPORARY = new Set([408, 425, 429]);

export interface Post {
  /** For messages: "The webhook". */
  who: string;
  url: URL;
  body: string;
  headers?: Readonly<Record<string, string>>;
}

/** @throws NotifyError `NOTIFY_UNREACHABLE`, `NOTIFY_UNAVAILABLE`, `NOTIFY_REFUSED`, and the error of `aboutToSend` */
export async function httpPost({ who, url, body, headers }: Post, options: SendOptions): Promise<void> {
  options.signal?.throwIfAborted();
  const { timeout = WHOLE_TIMEOUT } = options;
  const bytes = Buffer.from(body);
  const deadline = new Deadline(timeout, options.signal);
  let isSending = false;
  let refusal: { error: unknown } | undefined;
  // Read once the connection is established; the request line is written with the first bytes.
  async function* content(): AsyncGenerator<Buffer> {
    deadline.pause();
    try {
      await options.aboutToSend();
    } catch (error) {
      refusal = { error };
      throw error;
    }
    deadline.restart(timeout);
    isSending = true;
    yield bytes;
  }
  const agent = new OutboundAgent({
    connectTimeout: CONNECT_TIMEOUT,
    maxHeaderSize: MAX_HEADERS,
  });
  try {
    const reply = await agent.request({
      origin: url.origin,
      path: `${url.pathname}${url.search}`,
      method: 'POST',
      headers: { 'content-type': 'application/json', 'content-length': String(bytes.length), ...headers },
      body: Readable.from(content()),
      signal: deadline.signal,
    });
    // The status decides; how the rest of the reply ends does not.
    await reply.body.dump({ limit: MAX_REPLY, signal: deadline.signal }).catch(() => undefined);
    refuseUnlessTaken(who, reply.statusCode, reply.headers['retry-after']);
  } catch (error) {
    if (refusal !== undefined) throw refusal.error;
    if (error instanceof NotifyError) throw error;
    options.signal?.throwIfAborted();
    throw unreachable(who, deadline.reason ?? error, isSending);
  } finally {
    deadline.end();
    await agent.destroy();
  }
}

/** @throws NotifyError `NOTIFY_UNAVAILABLE`, `NOTIFY_REFUSED` */
export function refuseUnlessTaken(who: string, status: number, pause: string | string[] | undefined): void {
  if (status >= 200 && status < 300) return;
  if (status < 500 && !TEMPORARY.has(status)) {
    throw new NotifyError(
      'NOTIFY_REFUSED',
      `${who} answered HTTP ${status} and will not take this message. Check the target's address and secret${status < 400 ? '; redirects are not followed' : ''}.`,
    );
  }
  const asked = retryAfter(typeof pause === 'string' ? pause : pause?.[0]);
  throw new NotifyError(
    'NOTIFY_UNAVAILABLE',
    `${who} answered HTTP ${status}, which may be temporary. If it persists, check the receiver.`,
    {
      retryable: true,
      maybeSent: UNCERTAIN.has(status),
      ...(asked !== undefined && { retryAfterMs: Math.min(asked, MAX_PAUSE) }),
    },
  );
}

/** @param error whose text may repeat the address; only its code is shown */
export function unreachable(who: string, error: unknown, maybeSent: boolean): NotifyError {
  const code = (error as { code?: unknown } | undefined)?.code;
  // The proxy's refusal is a sentence of ours.
  const why =
    typeof code === 'string' && /^(?:[A-Z][A-Z0-9_]{1,60}|the proxy answered HTTP \d{3})$/.test(code)
      ? code
      : 'the connection broke';
  return new NotifyError(
    'NOTIFY_UNREACHABLE',
    `${who} cannot be reached, or gave no answer: ${why}. Check its address, the network and the proxy.`,
    { retryable: true, maybeSent, cause: undefined },
  );
}
