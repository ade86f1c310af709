/**
 * One HTTP request to an org: the token is added, an expired one is renewed once, redirects are not followed, and every
 * way to go wrong becomes a SalesforceError. Nothing is retried here: that is for the workflow to decide.
 */
import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import type { Dispatcher } from 'undici';
import { NightloadError } from '../errors.js';
import { VERSION } from '../version.js';
import { decoded, isEncoded } from './content-encoding.js';
import type { CallContext, RequestKind } from './context.js';
import { parseDeprecation } from './deprecation.js';
import { broken, readRefusal, redirected, refused, tokenRenewed, unexpected } from './failures.js';
import type { RequestFacts } from './failures.js';
import { parseLimitInfo } from './limit-info.js';
import { meaningOf } from './refusals.js';
import { OutboundAgent } from './outbound-agent.js';
import type { AccessToken, TokenSource } from './tokens.js';
import { UploadBody } from './upload-body.js';

/** Milliseconds. There is no limit to how long an upload or a download takes in all, as long as it moves. */
export interface Timeouts {
  /** Until a connection is there, TLS included. @default 10,000 */
  connect: number;
  /** Until the reply to a small request begins. @default 60,000 */
  reply: number;
  /**
   * Until the reply to an upload or the first byte of a result file; for an upload counted from its last byte, and while
   * it is sent, the longest time that the platform may take nothing. @default 300,000
   */
  transferReply: number;
  /** The longest silence inside a reply. @default 120,000 */
  idle: number;
}

const DEFAULT_TIMEOUTS: Timeouts = { connect: 10_000, reply: 60_000, transferReply: 300_000, idle: 120_000 };

const CLIENT = `nightload/${VERSION}`;

/** Enough for any error text; what lies beyond is not read. */
const MAX_ERROR_BODY = 64 * 1024;

export interface Call {
  kind: RequestKind;
  method: 'GET' | 'POST' | 'PUT' | 'PATCH';
  path: string;
  accept: string;
  /** Moves a file, so that the reply may take longer. */
  transfer?: boolean;
  /** Made anew for each time the request is sent. */
  body?: () => { type: string; content: string | UploadBody };
}

/** A reply with a success status; its body must be read or destroyed. */
export interface Reply {
  status: number;
  headers: IncomingHttpHeaders;
  /** Decoded. */
  body: Readable;
  /** Bytes of the body, when the platform says it. */
  length?: number;
  facts: RequestFacts;
}

/** Rejects with the signal's reason as soon as it aborts; the promise itself goes on unobserved. */
async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  let onAbort = (): void => undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    onAbort = () => reject(signal.reason as Error);
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
    promise.catch(() => undefined);
  }
}

/** Tells when a request really goes onto a connection, which undici's promise does not show. */
function noticeStart(onStart: () => void): Dispatcher.DispatcherComposeInterceptor {
  return (dispatch) => (options, handler) =>
    dispatch(options, {
      onRequestStart(controller, context) {
        onStart();
        handler.onRequestStart?.(controller, context);
      },
      onRequestUpgrade: (...args) => handler.onRequestUpgrade?.(...args),
      onResponseStart: (...args) => handler.onResponseStart?.(...args),
      onResponseData: (...args) => handler.onResponseData?.(...args),
      onResponseEnd: (...args) => handler.onResponseEnd?.(...args),
      onResponseError: (...args) => handler.onResponseError?.(...args),
    });
}

/** The beginning of an error's body; a body that breaks off still tells what came. */
async function errorText(body: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      size += chunk.length;
      if (size >= MAX_ERROR_BODY) break;
    }
  } catch {
    // The status says enough.
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Lets go of a body that nobody will read. */
function drop(body: Readable): undefined {
  body.on('error', () => undefined).destroy();
}

function isExpiredSession(facts: RequestFacts, status: number, text: string): boolean {
  if (status !== 401) return false;
  const { errorCode, message } = readRefusal(text);
  if (errorCode === undefined) return true;
  return meaningOf({ status, errorCode, message: message ?? '', kind: facts.kind }).code === 'SESSION_EXPIRED';
}

export class Transport {
  readonly #agent: OutboundAgent;
  readonly #tokens: TokenSource;
  readonly #timeouts: Timeouts;
  #renewing: Promise<AccessToken> | undefined;

  constructor(tokens: TokenSource, timeouts: Partial<Timeouts> = {}) {
    this.#tokens = tokens;
    this.#timeouts = { ...DEFAULT_TIMEOUTS, ...timeouts };
    this.#agent = new OutboundAgent({ connectTimeout: this.#timeouts.connect, bodyTimeout: this.#timeouts.idle });
  }

  /**
   * @returns the reply, when its status is a success
   * @throws SalesforceError for every other reply and for a broken connection
   * @throws the signal's reason when it aborts, the error of the upload's source when that cannot be read, and what the
   *   token source throws
   */
  async send(call: Call, context: CallContext): Promise<Reply> {
    let token = await unlessAborted(this.#tokens.current(), context.signal);
    for (let renewed = false; ; renewed = true) {
      const { facts, reply } = await this.#once(call, token, context);
      const { statusCode: status, headers } = reply;
      const encoding = headers['content-encoding'];
      const body = decoded(reply.body, encoding) ?? drop(reply.body);
      if (status >= 200 && status < 300) {
        if (body === undefined) throw unexpected(facts, status, `the encoding ${String(encoding)}`);
        const length = isEncoded(encoding) ? undefined : headers['content-length'];
        return { status, headers, body, facts, ...(length !== undefined && { length: Number(length) }) };
      }
      const text = body === undefined ? '' : await errorText(body);
      context.signal?.throwIfAborted();
      if (status < 400) throw redirected(facts, status, headers);
      if (renewed || !isExpiredSession(facts, status, text)) throw refused(facts, status, headers, text);
      const own = readRefusal(text).errorCode !== undefined;
      try {
        token = await unlessAborted(this.#renew(token.accessToken), context.signal);
      } catch (error) {
        // Something in between may have answered, which says nothing about the token.
        if (!own && error instanceof NightloadError && error.code === 'TOKEN_EXPIRED') {
          throw refused(facts, status, headers, text);
        }
        throw error;
      }
      if (call.kind === 'upload') throw tokenRenewed(facts, status);
      // Only the platform's own refusal says that nothing was done; the next attempt has the new token.
      if (!own && call.method !== 'GET') throw refused(facts, status, headers, text);
    }
  }

  /** The token that the next request would go with. */
  async token(signal?: AbortSignal): Promise<AccessToken> {
    return unlessAborted(this.#tokens.current(), signal);
  }

  /** Ends all connections; requests that run fail. */
  async destroy(): Promise<void> {
    await this.#agent.destroy();
  }

  /** Waits for the requests that run, then ends all connections. */
  async close(): Promise<void> {
    await this.#agent.close();
    await this.#tokens.close?.();
  }

  /** However many requests find a token expired, at once or later, it is renewed once. */
  #renew(stale: string): Promise<AccessToken> {
    this.#renewing ??= this.#renewIfStale(stale).finally(() => {
      this.#renewing = undefined;
    });
    return this.#renewing;
  }

  async #renewIfStale(stale: string): Promise<AccessToken> {
    const token = await this.#tokens.current();
    return token.accessToken === stale ? this.#tokens.renew(stale) : token;
  }

  async #once(
    call: Call,
    token: AccessToken,
    context: CallContext,
  ): Promise<{ facts: RequestFacts; reply: Dispatcher.ResponseData }> {
    const { signal } = context;
    const body = call.body?.();
    const upload = body?.content instanceof UploadBody ? body.content : undefined;
    const facts: RequestFacts = {
      kind: call.kind,
      method: call.method,
      origin: token.instanceUrl,
      path: call.path,
      sent: false,
      incomplete: false,
      secrets: [token.accessToken],
    };
    const client = this.#agent.compose(
      noticeStart(() => {
        if (signal?.aborted) return;
        facts.sent = true;
        context.onRequest?.(call.kind);
      }),
    );
    try {
      const reply = await unlessAborted(
        client.request({
          origin: token.instanceUrl,
          path: call.path,
          method: call.method,
          headers: {
            authorization: `Bearer ${token.accessToken}`,
            accept: call.accept,
            'accept-encoding': 'identity',
            'user-agent': CLIENT,
            // The name under which the org's event logs and limits show these calls.
            'sforce-call-options': `client=${CLIENT}`,
            ...(body && { 'content-type': body.type }),
            ...(upload && { 'content-length': String(upload.length) }),
          },
          // undici takes any async iterable; its types name only streams.
          ...(body && { body: body.content as string | Readable }),
          headersTimeout: call.transfer ? this.#timeouts.transferReply : this.#timeouts.reply,
          ...(signal && { signal }),
        }),
        signal,
      );
      facts.incomplete = upload?.handedOver === false;
      const limits = parseLimitInfo(reply.headers['sforce-limit-info']);
      if (Object.keys(limits).length > 0) context.onLimitInfo?.(limits);
      const deprecation = parseDeprecation(reply.headers['warning'], call.path);
      if (deprecation !== undefined) context.onDeprecation?.(deprecation);
      return { facts, reply };
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      if (upload?.failure !== undefined) throw upload.failure.error;
      facts.incomplete = upload?.handedOver === false;
      throw broken(facts, error);
    } finally {
      upload?.release();
    }
  }
}
