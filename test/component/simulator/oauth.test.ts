/** The token endpoint, and the life of tokens. */
import { createSign, generateKeyPairSync } from 'node:crypto';
import { expect, it } from 'vitest';
import { LOGIN_FAILURES } from '../../../src/simulator/index.js';
import type { LoginFailure } from '../../../src/simulator/index.js';
import { BASE, Clock, openOrg } from '../../helpers/simulator.js';
import type { Answer, TestOrg } from '../../helpers/simulator.js';

const CLIENT = { client_id: 'nightload-client', client_secret: 'nightload-secret' };
const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const PUBLIC_PEM = publicKey.export({ type: 'spki', format: 'pem' }).toString();

const login = (org: TestOrg, form: Record<string, string>, headers: Record<string, string> = {}): Promise<Answer> =>
  org.ask('POST', '/services/oauth2/token', new URLSearchParams(form).toString(), {
    'content-type': 'application/x-www-form-urlencoded',
    authorization: '',
    ...headers,
  });

const byClient = (org: TestOrg): Promise<Answer> => login(org, { grant_type: 'client_credentials', ...CLIENT });

const works = async (org: TestOrg, token: unknown): Promise<boolean> => {
  const authorization = `Bearer ${String(token)}`;
  return (await org.ask('GET', `${BASE}/limits`, undefined, { authorization })).status === 200;
};

const error = ({ status, json }: Answer): unknown[] => [status, json['error'], json['error_description']];

it('[token-reply] returns a token with everything but its lifetime', async () => {
  const org = await openOrg();
  const { status, json } = await byClient(org);
  expect(status).toBe(200);
  expect(json).toEqual({
    access_token: expect.stringMatching(/^00D\w{15}![\x21-\x7e]+$/),
    signature: expect.any(String),
    scope: 'api',
    token_format: 'opaque',
    instance_url: org.url,
    id: expect.stringContaining(`${org.url}/id/00D`),
    token_type: 'Bearer',
    issued_at: expect.stringMatching(/^\d{13}$/),
  });
  expect(await works(org, json['access_token'])).toBe(true);
  expect(await works(org, org.token)).toBe(true);
});

it('[token-client-credentials] checks the client and its secret', async () => {
  const org = await openOrg();
  const form = { grant_type: 'client_credentials', ...CLIENT };
  expect(error(await login(org, { ...form, client_id: 'x' }))).toEqual([
    400,
    'invalid_client_id',
    'client identifier invalid',
  ]);
  expect(error(await login(org, { ...form, client_secret: 'x' }))).toEqual([
    400,
    'invalid_client',
    'invalid client credentials',
  ]);
  expect(error(await login(org, { ...form, grant_type: 'password' }))[1]).toBe('unsupported_grant_type');
  const basic = `Basic ${Buffer.from(Object.values(CLIENT).join(':')).toString('base64')}`;
  expect((await login(org, { grant_type: 'client_credentials' }, { authorization: basic })).status).toBe(200);
});

function assertion(claims: Record<string, unknown>, algorithm = 'RS256'): Record<string, string> {
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const signed = `${part({ alg: algorithm })}.${part(claims)}`;
  const signature = createSign('RSA-SHA256').update(signed).sign(privateKey, 'base64url');
  return {
    grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
    assertion: `${signed}.${signature}`,
  };
}

it('[token-jwt] checks the signature and every claim of an assertion', async () => {
  const clock = new Clock();
  const org = await openOrg({ now: clock.now, oauth: { publicKey: PUBLIC_PEM } });
  const seconds = clock.ms / 1000;
  const claims = {
    iss: CLIENT.client_id,
    sub: 'integration@nightload.example',
    aud: 'https://login.salesforce.com',
    exp: seconds + 180,
  };
  const ask = async (change: Record<string, unknown>, algorithm?: string): Promise<unknown> =>
    error(await login(org, assertion({ ...claims, ...change }, algorithm)))[2];
  expect((await login(org, assertion(claims))).status).toBe(200);
  expect(await ask({ aud: 'https://test.salesforce.com' })).toBeUndefined();
  expect(await ask({ aud: org.url })).toBe('Audience validation failed');
  expect(await ask({ iss: 'x' })).toBe('client identifier invalid');
  expect(await ask({ sub: 'x' })).toBe("user hasn't approved this consumer");
  expect(await ask({ exp: seconds - 1 })).toBe('expired assertion');
  expect(await ask({ exp: seconds + 3_600 })).toBe('invalid assertion');
  // Milliseconds instead of seconds.
  expect(await ask({ exp: clock.ms + 180_000 })).toBe('invalid assertion');
  expect(await ask({ exp: undefined })).toBe('expired assertion');
  expect(await ask({}, 'HS256')).toBe('invalid assertion');
  const forged = assertion(claims);
  forged['assertion'] = `${forged['assertion']?.slice(0, -4)}AAAA`;
  expect(error(await login(org, forged))[2]).toBe('invalid assertion');
  expect(error(await login(await openOrg(), assertion(claims)))[2]).toBe('invalid assertion');
});

it('[token-refresh] accepts a refresh token repeatedly, with or without the secret', async () => {
  const org = await openOrg();
  const form = { grant_type: 'refresh_token', refresh_token: 'nightload-refresh', ...CLIENT };
  const { client_secret: _secret, ...public_ } = form;
  for (const good of [form, form, public_]) {
    const { status, json } = await login(org, good);
    expect(status).toBe(200);
    expect(json).not.toHaveProperty('refresh_token');
  }
  expect(error(await login(org, { ...form, refresh_token: 'x' }))).toEqual([
    400,
    'invalid_grant',
    'expired access/refresh token',
  ]);
  expect(error(await login(org, { ...form, client_secret: 'x' }))[1]).toBe('invalid_client');
});

it('[token-rotation] accepts each refresh token once if configured', async () => {
  const org = await openOrg({ oauth: { rotateRefreshTokens: true } });
  const form = { grant_type: 'refresh_token', refresh_token: 'nightload-refresh', ...CLIENT };
  const next = String((await login(org, form)).json['refresh_token']);
  expect((await login(org, { ...form, refresh_token: next })).status).toBe(200);
  expect((await login(org, form)).status).toBe(400);
});

it('[token-rotation] ends the authorization whose refresh token is used twice, and no other', async () => {
  const org = await openOrg({ oauth: { rotateRefreshTokens: true, refreshTokens: ['mine', 'theirs'] } });
  const form = (token: unknown) => ({ grant_type: 'refresh_token', refresh_token: String(token), ...CLIENT });
  const { json: first } = await login(org, form('mine'));
  const { json: second } = await login(org, form(first['refresh_token']));
  const { json: other } = await login(org, form('theirs'));
  expect(await works(org, second['access_token'])).toBe(true);
  expect(error(await login(org, form('mine')))).toEqual([400, 'invalid_grant', 'expired access/refresh token']);
  expect(await works(org, second['access_token'])).toBe(false);
  expect((await login(org, form(second['refresh_token']))).status).toBe(400);
  expect(await works(org, other['access_token'])).toBe(true);
  expect((await login(org, form(other['refresh_token']))).status).toBe(200);
});

it('[token-requests] expires a token after a number of requests', async () => {
  const org = await openOrg({ tokenRequests: 2 });
  const { access_token: token } = (await byClient(org)).json;
  expect([await works(org, token), await works(org, token), await works(org, token)]).toEqual([true, true, false]);
  expect(await works(org, (await byClient(org)).json['access_token'])).toBe(true);
});

it.each(Object.keys(LOGIN_FAILURES) as LoginFailure[])(
  '[token-refusals] refuses the next call: %s',
  async (failure) => {
    const org = await openOrg();
    org.failLogins(failure, 2);
    for (let i = 0; i < 2; i++) expect(error(await byClient(org))).toEqual([400, ...LOGIN_FAILURES[failure]]);
    expect((await byClient(org)).status).toBe(200);
    org.failLogins(failure);
    org.clearFaults();
    expect((await byClient(org)).status).toBe(200);
  },
);

it('[token-death] revokes all tokens at once', async () => {
  const org = await openOrg();
  const { access_token: token } = (await byClient(org)).json;
  org.expireTokens();
  expect([await works(org, token), await works(org, org.token)]).toEqual([false, false]);
  expect(await works(org, (await byClient(org)).json['access_token'])).toBe(true);
});

it.each([
  ['afterIssue', [true, true, false]],
  ['afterUse', [true, true, true]],
] as const)('[token-life] with sessionEnds %s', async (sessionEnds, expected) => {
  const clock = new Clock();
  const org = await openOrg({ now: clock.now, tokenLifetimeMs: 2 * 3_600_000, quirks: { sessionEnds } });
  const { access_token: token } = (await byClient(org)).json;
  const seen = [];
  for (let hour = 1; hour <= 3; hour++) {
    clock.pass(1);
    seen.push(await works(org, token));
  }
  expect(seen).toEqual(expected);
  clock.pass(3);
  expect([await works(org, token), await works(org, org.token)]).toEqual([false, false]);
});

it('[token-free] uses up no API request and reports no limits', async () => {
  const org = await openOrg({ limits: { apiRequests: 1 } });
  const reply = await byClient(org);
  expect(reply.headers.has('sforce-limit-info')).toBe(false);
  expect([org.ledger.count(), org.ledger.count('token')]).toEqual([0, 1]);
  expect(await works(org, reply.json['access_token'])).toBe(true);
});
