/**
 * Tokens from a login server, for workers without a person: client credentials and refresh token. A token is asked for
 * when it is first needed and again only when the platform calls it expired; there is no expiry date to go by.
 */
import { Agent } from 'undici';
import { NightloadError } from '../errors.js';
import { asObject, asText, parseJson } from './json.js';
import { Secret, withoutSecrets } from './secret.js';
import { checkedToken } from './tokens.js';
import type { AccessToken, TokenSource } from './tokens.js';
import { safeOrigin } from './urls.js';

export interface OAuthSettings {
  /** For client credentials the org's own address (My Domain), else also https://login.salesforce.com. */
  loginUrl: string;
  clientId: string;
  clientSecret?: Secret;
  /** With it the refresh token flow is used, without it client credentials. */
  refreshToken?: Secret;
}

const TOKEN_PATH = '/services/oauth2/token';
const TIMEOUT = 30_000;

interface Advice {
  text: RegExp;
  remedy: string;
}

/** By the login server's words; the first that fits. */
const ADVICE: readonly Advice[] = [
  {
    text: /not supported on this domain/i,
    remedy:
      "Client credentials need the org's own address in SF_LOGIN_URL (https://acme.my.salesforce.com), not login or test.salesforce.com.",
  },
  {
    text: /no client credentials user/i,
    remedy: 'Choose a Run As user in the client credentials flow of the connected app.',
  },
  {
    text: /expired access\/refresh token/i,
    remedy: 'The refresh token was revoked or has expired: authorise the app again and set the new SF_REFRESH_TOKEN.',
  },
  { text: /invalid_client_id/, remedy: 'Check SF_CLIENT_ID, and that the app exists in this org.' },
  { text: /invalid_client/, remedy: 'Check SF_CLIENT_ID and SF_CLIENT_SECRET.' },
  { text: /inactive_(user|org)/, remedy: 'The user or the org has been deactivated.' },
  { text: /unsupported_grant_type/, remedy: 'Switch this OAuth flow on in the connected app and in the org.' },
];

function tokenRefused(origin: string, status: number, body: string, secrets: readonly string[]): NightloadError {
  const reply = asObject(parseJson(body));
  const error = asText(reply?.['error']);
  const described = [error, asText(reply?.['error_description'])].filter((part) => part !== undefined).join(': ');
  const words = withoutSecrets(described, secrets).slice(0, 500);
  const remedy = ADVICE.find(({ text }) => text.test(words))?.remedy ?? 'Check SF_LOGIN_URL and the connected app.';
  const passing = status >= 500 || status === 429 || status === 408 || error === 'rate_limit_exceeded';
  const own = error
    ?.toUpperCase()
    .replace(/[^A-Z0-9_]+/g, '_')
    .slice(0, 60);
  return new NightloadError(
    own === undefined ? `AUTH_HTTP_${status}` : `AUTH_${own}`,
    `${origin} gave no access token: HTTP ${status}${words === '' ? '' : ` ${words}`}. ` +
      (passing ? 'This usually passes: try again later.' : remedy),
    { retryable: passing },
  );
}

function readToken(origin: string, body: string): { token: AccessToken; refreshToken: string | undefined } {
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
      instanceUrl: safeOrigin(instanceUrl, `The instance_url from ${origin}`),
    },
    refreshToken: asText(reply?.['refresh_token']),
  };
}

/** Never repeats a secret in an error; many callers at once make one call to the login server. */
export class OAuthTokens implements TokenSource {
  readonly #origin: string;
  readonly #settings: OAuthSettings;
  readonly #agent = new Agent({ connect: { timeout: 10_000 }, headersTimeout: TIMEOUT, bodyTimeout: TIMEOUT });
  #refreshToken: Secret | undefined;
  #token: Promise<AccessToken> | undefined;

  /** @throws NightloadError `INVALID_URL`, `INSECURE_URL` */
  constructor(settings: OAuthSettings) {
    this.#settings = settings;
    this.#origin = safeOrigin(settings.loginUrl, 'SF_LOGIN_URL');
    this.#refreshToken = settings.refreshToken;
  }

  current(): Promise<AccessToken> {
    if (this.#token === undefined) {
      const asked = this.#ask();
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
    if (this.#token === held) this.#token = undefined;
    return this.current();
  }

  async close(): Promise<void> {
    await this.#agent.close();
  }

  #form(): { form: URLSearchParams; secrets: string[] } {
    const { clientId, clientSecret } = this.#settings;
    const refresh = this.#refreshToken?.reveal();
    const secret = clientSecret?.reveal();
    const form = new URLSearchParams({
      grant_type: refresh === undefined ? 'client_credentials' : 'refresh_token',
      client_id: clientId,
      ...(secret !== undefined && { client_secret: secret }),
      ...(refresh !== undefined && { refresh_token: refresh }),
    });
    return { form, secrets: [secret, refresh].filter((value) => value !== undefined) };
  }

  async #ask(): Promise<AccessToken> {
    const { form, secrets } = this.#form();
    const { status, body } = await this.#post(form, secrets);
    if (status >= 300 && status < 400) {
      throw new NightloadError(
        'AUTH_REDIRECT',
        `${this.#origin} answered the call for a token with a redirect (HTTP ${status}), which is not followed: ` +
          "set SF_LOGIN_URL to the org's own address (https://acme.my.salesforce.com).",
      );
    }
    if (status !== 200) throw tokenRefused(this.#origin, status, body, secrets);
    const { token, refreshToken } = readToken(this.#origin, body);
    // Orgs that rotate refresh tokens accept each of them once.
    if (refreshToken !== undefined && this.#refreshToken !== undefined) this.#refreshToken = new Secret(refreshToken);
    return token;
  }

  async #post(form: URLSearchParams, secrets: readonly string[]): Promise<{ status: number; body: string }> {
    try {
      const reply = await this.#agent.request({
        origin: this.#origin,
        path: TOKEN_PATH,
        method: 'POST',
        headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
        body: form.toString(),
      });
      return { status: reply.statusCode, body: await reply.body.text() };
    } catch (error) {
      const { code, message } = error as { code?: string; message?: string };
      throw new NightloadError(
        'LOGIN_UNREACHABLE',
        `No access token from ${this.#origin}: ${code ?? withoutSecrets(message ?? '', secrets)}. ` +
          'Check the network and SF_LOGIN_URL.',
        { retryable: true },
      );
    }
  }
}
