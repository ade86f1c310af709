/**
 * One HTTP request to an org: the token is added, an expired one is renewed once, redirects are not followed, and every
 * way to go wrong becomes a SalesforceError. Nothing is retried here: that is for the workflow to decide.
 */
import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import type { Dispatcher } from 'undici';
import { NightloadError } from '../errors.js';
import { VERSION } from '../version.js';
import { BodyTooLarge, drop, MAX_REPLY, readBeginning, readWhole } from './bounded-body.js';
import { decoded, isEncoded } from './content-encoding.js';
import type { CallContext, RequestKind } from './context.js';
import { Deadline } from './deadline.js';
import { parseDeprecation } from './deprecation.js';
import { broken, readRefusal, redirected, refused, tokenRenewed, tooLarge, unexpected } from './failures.js';
import type { RequestFacts } from './failures.js';
import { parseLimitInfo } from './limit-info.js';
import { meaningOf } from './refusals.js';
import { noticeStart } from './notice-start.js';
import { OutboundAgent } from './outbound-agent.js';
import type { AccessToken, TokenSource } from './tokens.js';
import { UploadBody } from './upload-body.js';

/** Milliseconds. There is no limit to how long an upload or a download takes in all, as long as it moves. */
export interface Timeouts {
  /** Until a connection is there, TLS included. @default 10,000 */
  connect: number;
  /** For the whole of a small request, until the last byte of its reply. @default 60,000 */
  reply: number;
  /**
   * Until the reply to an upload or the first byte of a result file; for an upload counted from its last byte, and while
   * it is sent, the longest time that the platform may take nothing. In so long a result file must bring at least 64 KB.
   * @default 300,000
   */
  transferReply: number;
  /** The longest silence inside a reply. @default 120,000 */
  idle: number;
}

const DEFAULT_TIMEOUTS: Timeouts = { connect: 10_000, reply: 60_000, transferReply: 300_000, idle: 120_000 };

const CLIENT = `nightload/${VERSION}`;

/** Of one request: tokens that others used up before it. */
const MAX_RENEWALS = 5;

/** Enough for any error text; what lies beyond is not read. */
const MAX_ERROR_BODY = 64 * 1024;

/** Milliseconds for the rest of a reply that nobody reads. */
const BODY_GRACE = 5_000;

/** Bytes of a reply's headers, all of them together. */
const MAX_HEADERS = 16_384;

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

/** What a reply with a success status says before its body. */
export interface ReplyHead {
  status: number;
  headers: IncomingHttpHeaders;
  facts: RequestFacts;
}

export interface TextReply extends ReplyHead {
  text: string;
}

/** A body that is still to come; it must be read or destroyed. */
export interface OpenReply extends ReplyHead {
  /** Decoded. */
  body: Readable;
  /** Bytes of the body, when the platform says it. */
  length?: number;
  deadline: Deadline;
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
  /** The token with which a request was answered last. */
  #worked: string | undefined;

  constructor(tokens: TokenSource, timeouts: Partial<Timeouts> = {}) {
    this.#tokens = tokens;
    this.#timeouts = { ...DEFAULT_TIMEOUTS, ...timeouts };
    this.#agent = new OutboundAgent({
      connectTimeout: this.#timeouts.connect,
      bodyTimeout: this.#timeouts.idle,
      maxHeaderSize: MAX_HEADERS,
    });
  }

  /**
   * The whole reply to a small request, when its status is a success.
   * @param limit bytes of the reply, decoded
   * @throws what {@link open} throws, and SalesforceError `SALESFORCE_REPLY_TOO_LARGE`
   */
  async read(call: Call, context: CallContext, limit = MAX_REPLY): Promise<TextReply> {
    const { status, headers, facts, body, length, deadline } = await this.open(call, context);
    try {
      if ((length ?? 0) > limit) throw new BodyTooLarge(limit);
      return { status, headers, facts, text: await readWhole(body, limit) };
    } catch (error) {
      context.signal?.throwIfAborted();
      if (error instanceof BodyTooLarge) throw tooLarge(facts, status, limit);
      throw broken(facts, deadline.reason ?? error, status);
    } finally {
      drop(body);
      deadline.end();
    }
  }

  /** What a success says by its status alone; its body is let go of. */
  async head(call: Call, context: CallContext): Promise<ReplyHead> {
    const { status, headers, facts, body, deadline } = await this.open(call, context);
    // A body that is as short as it should be is read away, so that the connection can be used again.
    deadline.restart(Math.min(BODY_GRACE, this.#timeouts.reply));
    void readBeginning(body, MAX_ERROR_BODY).finally(() => {
      drop(body);
      deadline.end();
    });
    return { status, headers, facts };
  }

  /** What a success that is none says, for an error. */
  async beginning({ body, deadline }: OpenReply): Promise<string> {
    deadline.restart(this.#timeouts.reply);
    try {
      return await readBeginning(body, MAX_ERROR_BODY);
    } finally {
      drop(body);
      deadline.end();
    }
  }

  /**
   * @returns the reply, when its status is a success
   * @throws SalesforceError for every other reply and for a broken connection
   * @throws the signal's reason when it aborts, the error of the upload's source when that cannot be read, and what the
   *   token source throws
   */
  async open(call: Call, context: CallContext): Promise<OpenReply> {
    let token = await unlessAborted(this.#tokens.current(), context.signal);
    let isFresh = false;
    for (let renewals = 0; ; renewals++) {
      const deadline = new Deadline(
        call.transfer ? this.#timeouts.transferReply : this.#timeouts.reply,
        context.signal,
      );
      let isOpen = false;
      try {
        const { facts, reply } = await this.#once(call, token, context, deadline);
        const { statusCode: status, headers } = reply;
        const encoding = headers['content-encoding'];
        const body = decoded(reply.body, encoding) ?? drop(reply.body);
        if (status >= 200 && status < 300) {
          this.#worked = token.accessToken;
          if (body === undefined)
            throw unexpected(facts, status, String(encoding), 'an encoding that was not asked for');
          isOpen = true;
          const length = isEncoded(encoding) ? undefined : headers['content-length'];
          return { status, headers, body, facts, deadline, ...(length !== undefined && { length: Number(length) }) };
        }
        // That of an upload or of a result file too is a small reply.
        if (call.transfer) deadline.restart(this.#timeouts.reply);
        const text = body === undefined ? '' : await readBeginning(body, MAX_ERROR_BODY);
        context.signal?.throwIfAborted();
        if (status < 400) throw redirected(facts, status, headers);
        // One that other requests, or another worker, have used up meanwhile is no proof that this login cannot work.
        const hasWorked = this.#worked === token.accessToken;
        const isFinal = (isFresh && !hasWorked) || renewals >= MAX_RENEWALS;
        if (isFinal || !isExpiredSession(facts, status, text)) throw refused(facts, status, headers, text);
        token = await this.#another(token, call, context, { facts, status, headers, text });
        isFresh = token.shared !== true;
      } finally {
        if (!isOpen) deadline.end();
      }
    }
  }

  /** A token for a request that was refused with the one before, when it may be sent again. */
  async #another(
    token: AccessToken,
    call: Call,
    context: CallContext,
    { facts, status, headers, text }: TextReply,
  ): Promise<AccessToken> {
    const own = readRefusal(text).errorCode !== undefined;
    let renewed: AccessToken;
    try {
      renewed = await unlessAborted(this.#renew(token.accessToken), context.signal);
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
    return renewed;
  }

  /** The token that the next request would go with. */
  async token(signal?: AbortSignal): Promise<AccessToken> {
    return unlessAborted(this.#tokens.current(), signal);
  }

  /** Milliseconds in which a result file must move on. */
  get patience(): number {
    return this.#timeouts.transferReply;
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
    deadline: Deadline,
  ): Promise<{ facts: RequestFacts; reply: Dispatcher.ResponseData }> {
    const { signal } = context;
    const body = call.body?.();
    const upload = body?.content instanceof UploadBody ? body.content : undefined;
    // Every piece that the platform takes is a sign of life.
    upload?.onPiece(() => deadline.restart(this.#timeouts.transferReply));
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
          signal: deadline.signal,
        }),
        deadline.signal,
      );
      facts.incomplete = upload?.handedOver === false;
      const limits = parseLimitInfo(reply.headers['sforce-limit-info']);
      if (Object.keys(limits).length > 0) context.onLimitInfo?.(limits);
      const deprecation = parseDeprecation(reply.headers['warning'], call.path);
      if (deprecation !== undefined) context.onDeprecation?.(deprecation);
      return { facts, reply };
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      facts.incomplete = upload?.handedOver === false;
      // A source that is let go of in the middle fails too.
      if (deadline.reason !== undefined) throw broken(facts, deadline.reason);
      if (upload?.failure !== undefined) throw upload.failure.error;
      throw broken(facts, error);
    } finally {
      upload?.release();
    }
  }
}
