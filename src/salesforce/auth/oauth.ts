/**
 * Gets tokens from a login server for unattended workers: client credentials, refresh token and JWT. A token is
 * requested when it is first needed and again only when the platform reports it expired; it has no known expiry date.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { NightloadError } from '../../errors.js';
import { BodyTooLarge, MAX_REPLY, readWhole } from '../http/bounded-body.js';
import { decoded } from '../http/content-encoding.js';
import { Deadline } from '../../runtime/deadline.js';
import { asObject, asText, parseJson } from '../resources/json.js';
import type { JsonObject } from '../resources/json.js';
import { detailOf } from '../errors/redacted-detail.js';
import { jwtAssertion } from './jwt.js';
import type { JwtSettings } from './jwt.js';
import { tokenRefused } from './oauth-errors.js';
import { OutboundAgent } from '../../runtime/outbound-agent.js';
import { RefreshLogin, tokenOf } from './refresh-login.js';
import type { TokenReply } from './refresh-login.js';
import type { LockTimes } from './renewal-lock.js';
import type { Secret } from '../../runtime/secret.js';
import { isHeaderToken, MAX_TOKEN } from './token-source.js';
import type { AccessToken, TokenSource } from './token-source.js';
import { instanceOrigin, safeOrigin } from './safe-origin.js';
import { defined } from '../../domain/defined.js';

export interface OAuthSettings {
  /** For client credentials, the org's own address (My Domain); otherwise also https://login.salesforce.com. */
  loginUrl: string;
  clientId: string;
  clientSecret?: Secret;
  /** If set, the refresh token flow is used; otherwise client credentials. */
  refreshToken?: Secret;
  /** Folder for rotated refresh tokens. Without it, an org that rotates them is refused. */
  tokensFolder?: string;
  /** For tests. */
  lockTimes?: Partial<LockTimes>;
  /** Additional hosts, other than Salesforce's, that `instance_url` may name. */
  instanceUrlHosts?: readonly string[];
}

const TOKEN_PATH = '/services/oauth2/token';
const JWT_GRANT = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
/** Milliseconds: until the reply begins, and between its chunks. */
const TIMEOUT = 30_000;
/** For the whole call: every request of the connection waits for it. */
const WHOLE_TIMEOUT = 60_000;
/** How long a worker shutdown waits for a reply. */
const CLOSE_WAIT = 5_000;
/** Bytes of a reply's headers. */
const MAX_HEADERS = 16_384;

/** @throws NightloadError if the reply contains nothing usable, not even a refresh token */
function readToken(origin: string, body: string, hosts: readonly string[]): TokenReply {
  const reply = asObject(parseJson(body));
  const refreshToken = asText(reply?.['refresh_token']);
  if (refreshToken !== undefined && refreshToken.length > MAX_TOKEN) {
    throw new NightloadError('AUTH_UNEXPECTED_REPLY', `${origin} answered with a refresh token that is too long.`);
  }
  try {
    return { token: usableToken(origin, reply, hosts), refreshToken };
  } catch (error) {
    if (refreshToken === undefined || !(error instanceof NightloadError)) throw error;
    return { token: error, refreshToken };
  }
}

/** @throws NightloadError `AUTH_UNEXPECTED_REPLY`, `INSTANCE_URL_REFUSED` */
function usableToken(origin: string, reply: JsonObject | undefined, hosts: readonly string[]): AccessToken {
  const accessToken = asText(reply?.['access_token']);
  const instanceUrl = asText(reply?.['instance_url']);
  const isUsable = accessToken !== undefined && isHeaderToken(accessToken.trim());
  if (!isUsable || instanceUrl === undefined) {
    const found =
      accessToken === undefined || isUsable ? 'no access_token and instance_url' : 'an invalid access_token';
    throw new NightloadError(
      'AUTH_UNEXPECTED_REPLY',
      `${origin} answered the token request with ${found}. Check that SF_LOGIN_URL leads to Salesforce.`,
      { retryable: true },
    );
  }
  return { accessToken: accessToken.trim(), instanceUrl: instanceOrigin(instanceUrl, origin, hosts) };
}

/** Never repeats a secret in an error; concurrent callers share one call to the login server. */
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
   * @param wholeTimeout milliseconds for a call, including the complete reply
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
    // A pending reply may contain the next refresh token; a server that hangs does not delay the shutdown further.
    const answered = this.#token?.then(() => undefined).catch(() => undefined);
    await Promise.race([answered, sleep(CLOSE_WAIT, undefined, { ref: false })]);
    await this.#agent.destroy();
  }

  async #login(): Promise<AccessToken> {
    const ask = (refreshToken: string): Promise<TokenReply> => this.#ask(refreshToken);
    if (this.#refresh !== undefined) return this.#refresh.login(ask, this.#stale);
    return tokenOf(await this.#ask(undefined));
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
      ...defined({ client_secret: secret, refresh_token: refresh }),
    });
    return { form, secrets: [secret, refresh].filter((value) => value !== undefined) };
  }

  async #ask(refreshToken: string | undefined): Promise<TokenReply> {
    const { form, secrets } = await this.#form(refreshToken);
    const { status, body } = await this.#post(form, secrets);
    if (status >= 300 && status < 400) {
      throw new NightloadError(
        'AUTH_REDIRECT',
        `${this.#origin} answered the token request with a redirect (HTTP ${status}), which is not followed. ` +
          "This may be temporary; if it persists, set SF_LOGIN_URL to the org's My Domain address (https://acme.my.salesforce.com), or " +
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
          `${this.#origin} answered the token request with ${error.message}, which no login server does. Check that SF_LOGIN_URL leads to Salesforce.`,
          { retryable: true },
        );
      }
      const { code, message } = (deadline.reason ?? error) as { code?: string; message?: string };
      throw new NightloadError(
        'LOGIN_UNREACHABLE',
        `No access token from ${this.#origin}: ${/^[A-Z][A-Z0-9_]{1,60}$/.test(code ?? '') ? code : 'the request was interrupted'}. ` +
          'Check the network and SF_LOGIN_URL.',
        { retryable: true, detail: detailOf(message ?? '', secrets) },
      );
    } finally {
      deadline.end();
    }
  }
}
