/**
 * Tokens from a login server, for workers without a person: client credentials, refresh token and JWT. A token is asked
 * for when it is first needed and again only when the platform calls it expired; there is no expiry date to go by.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { NightloadError } from '../errors.js';
import { BodyTooLarge, MAX_REPLY, readWhole } from './bounded-body.js';
import { decoded } from './content-encoding.js';
import { Deadline } from './deadline.js';
import { asObject, asText, parseJson } from './json.js';
import { detailOf } from './detail.js';
import { jwtAssertion } from './jwt.js';
import type { JwtSettings } from './jwt.js';
import { tokenRefused } from './oauth-refusals.js';
import { OutboundAgent } from './outbound-agent.js';
import { RefreshLogin } from './refresh-login.js';
import type { TokenReply } from './refresh-login.js';
import type { LockTimes } from './renewal-lock.js';
import type { Secret } from './secret.js';
import { checkedToken } from './tokens.js';
import type { AccessToken, TokenSource } from './tokens.js';
import { instanceOrigin, safeOrigin } from './urls.js';

export interface OAuthSettings {
  /** For client credentials the org's own address (My Domain), else also https://login.salesforce.com. */
  loginUrl: string;
  clientId: string;
  clientSecret?: Secret;
  /** With it the refresh token flow is used, without it client credentials. */
  refreshToken?: Secret;
  /** Where rotated refresh tokens are kept. Without it, an org that rotates them is refused. */
  tokensFolder?: string;
  /** For tests. */
  lockTimes?: Partial<LockTimes>;
  /** Hosts that `instance_url` may name beside those of Salesforce. */
  instanceUrlHosts?: readonly string[];
}

const TOKEN_PATH = '/services/oauth2/token';
const JWT_GRANT = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
/** Milliseconds: until the reply begins, and for its silences. */
const TIMEOUT = 30_000;
/** For the whole of a call: every request of the connection waits for it. */
const WHOLE_TIMEOUT = 60_000;
/** How long the end of a worker waits for an answer. */
const CLOSE_WAIT = 5_000;
/** Bytes of a reply's headers. */
const MAX_HEADERS = 16_384;

function readToken(origin: string, body: string, hosts: readonly string[]): TokenReply {
  const reply = asObject(parseJson(body));
  const accessToken = asText(reply?.['access_token']);
  const instanceUrl = asText(reply?.['instance_url']);
  if (accessToken === undefined || instanceUrl === undefined) {
    throw new NightloadError(
      'AUTH_UNEXPECTED_REPLY',
      `${origin} answered the call for a token, but with no access_token and instance_url. Check that SF_LOGIN_URL leads to Salesforce.`,
      { retryable: true },
    );
  }
  return {
    token: {
      accessToken: checkedToken(accessToken, `The access_token from ${origin}`),
      instanceUrl: instanceOrigin(instanceUrl, origin, hosts),
    },
    refreshToken: asText(reply?.['refresh_token']),
  };
}

/** Never repeats a secret in an error; many callers at once make one call to the login server. */
export class OAuthTokens implements TokenSource {
  readonly #origin: string;
  readonly #settings: OAuthSettings | JwtSettings;
  readonly #wholeTimeout: number;
  readonly #agent = new OutboundAgent({
    connectTimeout: 10_000,
    headersTimeout: TIMEOUT,
    bodyTimeout: TIMEOUT,
    maxHeaderSize: MAX_HEADERS,
  });
  readonly #refresh: RefreshLogin | undefined;
  #token: Promise<AccessToken> | undefined;
  /** The last access token that the org refused. */
  #stale: string | undefined;

  /**
   * @param wholeTimeout milliseconds for a call, its reply read to the end
   * @throws NightloadError `INVALID_URL`, `BROWSER_URL`, `INSECURE_URL`, `TOKENS_FOLDER_UNUSABLE`
   */
  constructor(settings: OAuthSettings | JwtSettings, wholeTimeout = WHOLE_TIMEOUT) {
    this.#settings = settings;
    this.#wholeTimeout = wholeTimeout;
    this.#origin = safeOrigin(settings.loginUrl, 'SF_LOGIN_URL');
    if (!('username' in settings) && settings.refreshToken !== undefined) {
      const { clientId, refreshToken, tokensFolder, lockTimes } = settings;
      this.#refresh = new RefreshLogin({ origin: this.#origin, clientId, refreshToken, tokensFolder, lockTimes });
    }
  }

  current(): Promise<AccessToken> {
    if (this.#token === undefined) {
      const asked = this.#login();
      this.#token = asked;
      asked.catch(() => {
        if (this.#token === asked) this.#token = undefined;
      });
    }
    return this.#token;
  }

  async renew(stale: string): Promise<AccessToken> {
    const held = this.current();
    const token = await held;
    if (token.accessToken !== stale) return token;
    if (this.#token === held) {
      this.#stale = stale;
      this.#token = undefined;
    }
    return this.current();
  }

  async close(): Promise<void> {
    // An answer that is on its way may bring the next refresh token; a server that hangs holds nobody up.
    const answered = this.#token?.then(() => undefined).catch(() => undefined);
    await Promise.race([answered, sleep(CLOSE_WAIT, undefined, { ref: false })]);
    await this.#agent.destroy();
  }

  async #login(): Promise<AccessToken> {
    const ask = (refreshToken: string): Promise<TokenReply> => this.#ask(refreshToken);
    if (this.#refresh !== undefined) return this.#refresh.login(ask, this.#stale);
    return (await this.#ask(undefined)).token;
  }

  async #form(refresh: string | undefined): Promise<{ form: URLSearchParams; secrets: string[] }> {
    if ('username' in this.#settings) {
      const assertion = await jwtAssertion(this.#settings);
      return { form: new URLSearchParams({ grant_type: JWT_GRANT, assertion }), secrets: [assertion] };
    }
    const { clientId, clientSecret } = this.#settings;
    const secret = clientSecret?.reveal();
    const form = new URLSearchParams({
      grant_type: refresh === undefined ? 'client_credentials' : 'refresh_token',
      client_id: clientId,
      ...(secret !== undefined && { client_secret: secret }),
      ...(refresh !== undefined && { refresh_token: refresh }),
    });
    return { form, secrets: [secret, refresh].filter((value) => value !== undefined) };
  }

  async #ask(refreshToken: string | undefined): Promise<TokenReply> {
    const { form, secrets } = await this.#form(refreshToken);
    const { status, body } = await this.#post(form, secrets);
    if (status >= 300 && status < 400) {
      throw new NightloadError(
        'AUTH_REDIRECT',
        `${this.#origin} answered the call for a token with a redirect (HTTP ${status}), which is not followed. ` +
          "This may pass; if it stays, set SF_LOGIN_URL to the org's own address (https://acme.my.salesforce.com), or " +
          'check the proxy.',
        { retryable: true },
      );
    }
    if (status !== 200) throw tokenRefused(this.#origin, status, body, secrets);
    return readToken(this.#origin, body, this.#settings.instanceUrlHosts ?? []);
  }

  async #post(form: URLSearchParams, secrets: readonly string[]): Promise<{ status: number; body: string }> {
    const deadline = new Deadline(this.#wholeTimeout);
    try {
      const reply = await this.#agent.request({
        origin: this.#origin,
        path: TOKEN_PATH,
        method: 'POST',
        headers: {
          'content-type': 'application/x-www-form-urlencoded',
          accept: 'application/json',
          'accept-encoding': 'identity',
        },
        body: form.toString(),
        signal: deadline.signal,
      });
      const body = decoded(reply.body, reply.headers['content-encoding']) ?? reply.body;
      return { status: reply.statusCode, body: await readWhole(body, MAX_REPLY) };
    } catch (error) {
      if (error instanceof BodyTooLarge) {
        throw new NightloadError(
          'AUTH_UNEXPECTED_REPLY',
          `${this.#origin} answered the call for a token with ${error.message}, which no login server does. Check that SF_LOGIN_URL leads to Salesforce.`,
          { retryable: true },
        );
      }
      const { code, message } = (deadline.reason ?? error) as { code?: string; message?: string };
      throw new NightloadError(
        'LOGIN_UNREACHABLE',
        `No access token from ${this.#origin}: ${/^[A-Z][A-Z0-9_]{1,60}$/.test(code ?? '') ? code : 'the call broke off'}. ` +
          'Check the network and SF_LOGIN_URL.',
        { retryable: true, detail: detailOf(message ?? '', secrets) },
      );
    } finally {
      deadline.end();
    }
  }
}
