/** The token endpoint: client credentials, JWT bearer, refresh token, and their refusals. */
import { createHmac, randomBytes } from 'node:crypto';
import { identityOf, ORG_ID, USER_ID } from '../org/ids.js';
import { jsonReply } from '../http/http.js';
import type { Reply } from '../http/http.js';
import { readAssertion } from './jwt.js';
import type { Tokens } from './tokens.js';

export interface OAuthOptions {
  /** @default 'nightload-client' */
  clientId?: string;
  /** @default 'nightload-secret' */
  clientSecret?: string;
  /** User of the tokens, and the `sub` of an assertion. @default 'integration@nightload.example' */
  username?: string;
  /** PEM of a public key or certificate that assertions are verified with; without it, none is accepted. */
  publicKey?: string;
  /** Accepted `aud` of assertions. @default login.salesforce.com and test.salesforce.com */
  audiences?: string[];
  /**
   * How far in the future `exp` may be. @default 5 minutes: the documented three, and a margin for clock differences
   */
  assertionMaxAheadMs?: number;
  /** @default ['nightload-refresh'] */
  refreshTokens?: string[];
  /**
   * A refresh token works once, and its reply contains the next one. A second use ends the authorization: its last
   * refresh token and its access tokens are revoked. @default false
   */
  rotateRefreshTokens?: boolean;
}

/** Refusals by name: status 400, `error` and `error_description`. */
export const LOGIN_FAILURES = {
  noClientCredentialsUser: ['invalid_grant', 'no client credentials user enabled'],
  notSupportedOnThisDomain: ['invalid_grant', 'request not supported on this domain'],
  expiredRefreshToken: ['invalid_grant', 'expired access/refresh token'],
  userNotApproved: ['invalid_grant', "user hasn't approved this consumer"],
  audienceInvalid: ['invalid_grant', 'Audience validation failed'],
  assertionInvalid: ['invalid_grant', 'invalid assertion'],
  assertionExpired: ['invalid_grant', 'expired assertion'],
  invalidClientId: ['invalid_client_id', 'client identifier invalid'],
  invalidClient: ['invalid_client', 'invalid client credentials'],
  unsupportedGrantType: ['unsupported_grant_type', 'grant type not supported'],
  inactiveUser: ['inactive_user', 'user is inactive'],
  inactiveOrg: ['inactive_org', 'organization is inactive'],
  rateLimit: ['rate_limit_exceeded', 'login rate exceeded'],
} as const satisfies Record<string, readonly [string, string]>;

export type LoginFailure = keyof typeof LOGIN_FAILURES;

const JWT_GRANT = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
const AUDIENCES = ['https://login.salesforce.com', 'https://test.salesforce.com'];

export class TokenEndpoint {
  readonly #options: Required<Omit<OAuthOptions, 'publicKey'>> & { publicKey: string | undefined };
  readonly #tokens: Tokens;
  readonly #now: () => number;
  /** Valid refresh tokens, each with its authorization: the first token of its chain. */
  readonly #refreshTokens: Map<string, string>;
  /** Used refresh tokens. */
  readonly #spent = new Map<string, string>();
  readonly #users: ReadonlyMap<string, string>;
  #failures: { failure: LoginFailure; times: number }[] = [];

  constructor(
    options: OAuthOptions,
    tokens: Tokens,
    now: () => number,
    /** Users for whom an assertion may be made, besides the one of the options. */
    users: readonly { username: string; userId: string }[] = [],
  ) {
    this.#users = new Map(users.map(({ username, userId }) => [username, userId]));
    this.#options = {
      clientId: options.clientId ?? 'nightload-client',
      clientSecret: options.clientSecret ?? 'nightload-secret',
      username: options.username ?? 'integration@nightload.example',
      publicKey: options.publicKey,
      audiences: options.audiences ?? AUDIENCES,
      assertionMaxAheadMs: options.assertionMaxAheadMs ?? 5 * 60_000,
      refreshTokens: options.refreshTokens ?? ['nightload-refresh'],
      rotateRefreshTokens: options.rotateRefreshTokens ?? false,
    };
    this.#refreshTokens = new Map(this.#options.refreshTokens.map((token) => [token, token]));
    this.#tokens = tokens;
    this.#now = now;
  }

  /** Refuses the next calls like this. */
  failNext(failure: LoginFailure, times: number): void {
    this.#failures.push({ failure, times });
  }

  clearFailures(): void {
    this.#failures = [];
  }

  answer(body: string, authorization: string | undefined, url: string): Reply {
    const planned = this.#failures.find(({ times }) => times > 0);
    if (planned !== undefined) planned.times--;
    const form = withBasicCredentials(new URLSearchParams(body), authorization);
    const failure = planned?.failure ?? this.#refusal(form);
    if (failure !== undefined) {
      const [error, error_description] = LOGIN_FAILURES[failure];
      return jsonReply(400, { error, error_description });
    }
    return jsonReply(200, this.#grant(form, url));
  }

  #refusal(form: URLSearchParams): LoginFailure | undefined {
    const { clientId, clientSecret } = this.#options;
    const grantType = form.get('grant_type');
    if (grantType === JWT_GRANT) return this.#assertionRefusal(form.get('assertion') ?? '');
    if (grantType !== 'client_credentials' && grantType !== 'refresh_token') return 'unsupportedGrantType';
    if (form.get('client_id') !== clientId) return 'invalidClientId';
    const secret = form.get('client_secret');
    // An app may allow a refresh without its secret; a wrong one is refused all the same.
    const secretFits = secret === clientSecret || (secret === null && grantType === 'refresh_token');
    if (!secretFits) return 'invalidClient';
    return grantType === 'refresh_token' ? this.#refreshRefusal(form.get('refresh_token') ?? '') : undefined;
  }

  #refreshRefusal(token: string): LoginFailure | undefined {
    if (this.#refreshTokens.has(token)) return undefined;
    const stolen = this.#spent.get(token);
    if (stolen !== undefined) {
      for (const [known, chain] of this.#refreshTokens) if (chain === stolen) this.#refreshTokens.delete(known);
      this.#tokens.killChain(stolen);
    }
    return 'expiredRefreshToken';
  }

  #assertionRefusal(assertion: string): LoginFailure | undefined {
    const { clientId, username, publicKey, audiences, assertionMaxAheadMs } = this.#options;
    const claims = readAssertion(assertion, publicKey);
    if (claims === undefined) return 'assertionInvalid';
    if (claims.iss !== clientId) return 'invalidClientId';
    if (claims.sub !== username && !this.#users.has(String(claims.sub))) return 'userNotApproved';
    if (!audiences.some((audience) => [claims.aud].flat().includes(audience))) return 'audienceInvalid';
    const ahead = Number(claims.exp) * 1000 - this.#now();
    if (!(ahead > 0)) return 'assertionExpired';
    return ahead > assertionMaxAheadMs ? 'assertionInvalid' : undefined;
  }

  #grant(form: URLSearchParams, url: string): Record<string, string> {
    const userId = this.#userOf(form);
    const id = url + identityOf(userId);
    const issuedAt = String(Math.round(this.#now()));
    return {
      access_token:
        userId === USER_ID
          ? this.#tokens.issue(ORG_ID, this.#refreshTokens.get(form.get('refresh_token') ?? ''))
          : this.#tokens.issueFor(userId, ORG_ID),
      signature: createHmac('sha256', this.#options.clientSecret).update(`${id}${issuedAt}`).digest('base64'),
      scope: 'api',
      token_format: 'opaque',
      instance_url: url,
      id,
      token_type: 'Bearer',
      issued_at: issuedAt,
      ...this.#rotated(form.get('refresh_token')),
    };
  }

  /** An assertion names its user; every other grant is for the first one. */
  #userOf(form: URLSearchParams): string {
    if (form.get('grant_type') !== JWT_GRANT) return USER_ID;
    const claims = readAssertion(form.get('assertion') ?? '', this.#options.publicKey);
    return this.#users.get(String(claims?.sub)) ?? USER_ID;
  }

  #rotated(used: string | null): Record<string, string> {
    if (used === null || !this.#options.rotateRefreshTokens) return {};
    const next = randomBytes(24).toString('base64url');
    const chain = this.#refreshTokens.get(used) ?? used;
    this.#refreshTokens.delete(used);
    this.#spent.set(used, chain);
    this.#refreshTokens.set(next, chain);
    return { refresh_token: next };
  }
}

/** The client id and secret may come in the header instead. */
function withBasicCredentials(form: URLSearchParams, authorization: string | undefined): URLSearchParams {
  const encoded = /^Basic (\S+)$/i.exec(authorization ?? '')?.[1];
  const pair = encoded === undefined ? undefined : /^([^:]*):(.*)$/s.exec(Buffer.from(encoded, 'base64').toString());
  if (pair == null || form.has('client_id')) return form;
  form.set('client_id', pair[1] as string);
  form.set('client_secret', pair[2] as string);
  return form;
}
