/**
 * One HTTP request to an org: the token is added, an expired one is renewed once, redirects are not followed, and every
 * failure becomes a SalesforceError. Nothing is retried here: the workflow decides.
 */
import { NightloadError } from '../../errors.js';
import { BodyTooLarge, drop, MAX_REPLY, readBeginning, readWhole } from './bounded-body.js';
import { decoded, isEncoded } from './content-encoding.js';
import type { CallContext } from './call-context.js';
import { Deadline } from './deadline.js';
import {
  broken,
  readRefusal,
  redirected,
  refused,
  tokenRenewed,
  tooLarge,
  unexpected,
} from '../errors/to-salesforce-error.js';
import type { RequestFacts } from '../errors/to-salesforce-error.js';
import { meaningOf } from '../errors/error-catalog.js';
import { OutboundAgent } from '../../runtime/outbound-agent.js';
import { SingleRenewal } from '../auth/single-renewal.js';
import type { AccessToken, TokenSource } from '../auth/token-source.js';
import { sendOnce } from './send-once.js';
import { DEFAULT_TIMEOUTS } from './timeouts.js';
import type { Timeouts } from './timeouts.js';
import { unlessAborted } from './unless-aborted.js';
import type { Call, OpenReply, ReplyHead, TextReply } from './call.js';

/** Of one request, for tokens that other processes used up first. */
const MAX_RENEWALS = 5;

/** Enough for any error text; anything beyond is not read. */
const MAX_ERROR_BODY = 64 * 1024;

/** Milliseconds for the rest of a reply that is not needed. */
const BODY_GRACE = 5_000;

/** Bytes of all headers of a reply. */
const MAX_HEADERS = 16_384;

export class Transport {
  readonly #agent: OutboundAgent;
  readonly #tokens: SingleRenewal;
  readonly #timeouts: Timeouts;
  /** The token of the last successful request. */
  #worked: string | undefined;

  constructor(tokens: TokenSource, timeouts: Partial<Timeouts> = {}) {
    this.#tokens = new SingleRenewal(tokens);
    this.#timeouts = { ...DEFAULT_TIMEOUTS, ...timeouts };
    this.#agent = new OutboundAgent({
      connectTimeout: this.#timeouts.connect,
      bodyTimeout: this.#timeouts.idle,
      maxHeaderSize: MAX_HEADERS,
    });
  }

  /**
   * The whole reply to a small request with a success status.
   * @param limit bytes of the reply, decoded
   * @throws the errors of {@link open}, and SalesforceError `SALESFORCE_REPLY_TOO_LARGE`
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

  /** For a success whose status is enough; its body is discarded. */
  async head(call: Call, context: CallContext): Promise<ReplyHead> {
    const { status, headers, facts, body, deadline } = await this.open(call, context);
    // A short body is read to its end, so that the connection can be reused.
    deadline.restart(Math.min(BODY_GRACE, this.#timeouts.reply));
    void readBeginning(body, MAX_ERROR_BODY).finally(() => {
      drop(body);
      deadline.end();
    });
    return { status, headers, facts };
  }

  /** The beginning of an unusable success, for an error. */
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
   * @returns the reply, if its status is a success
   * @throws SalesforceError for every other reply and for a broken connection
   * @throws the signal's reason when it aborts, read errors of the upload's source, and the errors of the token source
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
        const { facts, reply } = await sendOnce(this.#agent, call, {
          token,
          context,
          deadline,
          timeouts: this.#timeouts,
        });
        const { statusCode: status, headers } = reply;
        const encoding = headers['content-encoding'];
        const body = decoded(reply.body, encoding) ?? drop(reply.body);
        if (status >= 200 && status < 300) {
          this.#worked = token.accessToken;
          if (body === undefined)
            throw unexpected(facts, status, String(encoding), 'an encoding that was not requested');
          isOpen = true;
          const length = isEncoded(encoding) ? undefined : headers['content-length'];
          return { status, headers, body, facts, deadline, ...(length !== undefined && { length: Number(length) }) };
        }
        // The reply to an upload or a result request is small if it is a refusal.
        if (call.transfer) deadline.restart(this.#timeouts.reply);
        const text = body === undefined ? '' : await readBeginning(body, MAX_ERROR_BODY);
        context.signal?.throwIfAborted();
        if (status < 400) throw redirected(facts, status, headers);
        // A token that other requests or another worker have used up does not prove that this login cannot work.
        const hasWorked = this.#worked === token.accessToken;
        const isFinal = (isFresh && !hasWorked) || renewals >= MAX_RENEWALS;
        if (isFinal || !isExpiredSession(facts, status, text)) throw refused(facts, status, headers, text);
        token = await this.#renewedToken(token, { call, context, refusal: { facts, status, headers, text } });
        isFresh = token.shared !== true;
      } finally {
        if (!isOpen) deadline.end();
      }
    }
  }

  /**
   * Another token for a refused request, if it may be sent again.
   * @throws the refusal, if it may not
   */
  async #renewedToken(
    token: AccessToken,
    { call, context, refusal }: { call: Call; context: CallContext; refusal: TextReply },
  ): Promise<AccessToken> {
    const { facts, status, headers, text } = refusal;
    const isFromSalesforce = readRefusal(text).errorCode !== undefined;
    let renewed: AccessToken;
    try {
      renewed = await unlessAborted(this.#tokens.renew(token.accessToken), context.signal);
    } catch (error) {
      // An intermediary may have replied, which shows nothing about the token.
      if (!isFromSalesforce && error instanceof NightloadError && error.code === 'TOKEN_EXPIRED') {
        throw refused(facts, status, headers, text);
      }
      throw error;
    }
    if (call.kind === 'upload') throw tokenRenewed(facts, status);
    // Only the platform's own refusal means that nothing was done; the next attempt has the new token.
    if (!isFromSalesforce && call.method !== 'GET') throw refused(facts, status, headers, text);
    return renewed;
  }

  /** The token for the next request. */
  async token(signal?: AbortSignal): Promise<AccessToken> {
    return unlessAborted(this.#tokens.current(), signal);
  }

  /** Milliseconds in which a result file must make progress. */
  get progressTimeout(): number {
    return this.#timeouts.transferReply;
  }

  /** Closes all connections; running requests fail. */
  async destroy(): Promise<void> {
    await this.#agent.destroy();
  }

  /** Waits for running requests, then closes all connections. */
  async close(): Promise<void> {
    await this.#agent.close();
    await this.#tokens.close();
  }
}

function isExpiredSession(facts: RequestFacts, status: number, text: string): boolean {
  if (status !== 401) return false;
  const { errorCode, message } = readRefusal(text);
  if (errorCode === undefined) return true;
  return meaningOf({ status, errorCode, message: message ?? '', kind: facts.kind }).code === 'SESSION_EXPIRED';
}
