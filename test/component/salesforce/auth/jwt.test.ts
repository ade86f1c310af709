import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeJwt, jwtVerify } from 'jose';
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import { jwtAssertion } from '../../../../src/salesforce/auth/jwt.js';
import type { NightloadError } from '../../../../src/errors.js';
import { OAuthTokens } from '../../../../src/salesforce/auth/oauth.js';
import { connectionsFromEnvironment } from '../../../../src/salesforce/config/connections-from-env.js';
import { openConnection } from '../../../../src/salesforce/config/open-connection.js';
import { bodyOf, errorOf, JOB, json, startOrg, watch } from '../../../helpers/salesforce.js';

const folder = mkdtempSync(join(tmpdir(), 'nightload-jwt-'));
afterAll(() => rmSync(folder, { recursive: true }));

type Form = 'pkcs8' | 'pkcs1';

function rsaKey(type: Form = 'pkcs8', modulusLength = 2048): string {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength });
  return String(privateKey.export({ type, format: 'pem' }));
}

function save(name: string, pem: string): string {
  const path = join(folder, name);
  writeFileSync(path, pem);
  return path;
}

function environment(loginUrl: string, keyFile: string, more: Record<string, string> = {}): Record<string, string> {
  return {
    SF_LOGIN_URL: loginUrl,
    SF_CLIENT_ID: 'app',
    SF_USERNAME: 'loader@acme.com',
    SF_JWT_KEY_FILE: keyFile,
    ...more,
  };
}

function thrownBy(run: () => unknown): { code?: string; message: string } {
  try {
    run();
  } catch (error) {
    return error as Error;
  }
  throw new Error('This should have failed, but it succeeded.');
}

describe('the JWT bearer flow', () => {
  it.each<Form>(['pkcs8', 'pkcs1'])('logs in with a key in %s, signed, for three minutes', async (type) => {
    const pem = rsaKey(type);
    const forms: URLSearchParams[] = [];
    const org = await startOrg(async (request, response) => {
      const body = await bodyOf(request);
      if (request.url !== '/services/oauth2/token') return json(response, 200, { id: JOB, state: 'Open' });
      forms.push(new URLSearchParams(body));
      json(response, 200, { access_token: 'T1', instance_url: org.url });
    });
    const settings = connectionsFromEnvironment(environment(org.url, save(`${type}.pem`, pem))).get('default');
    if (settings === undefined) throw new Error('no connection');
    const connection = openConnection(settings);
    onTestFinished(() => connection.close());
    expect(await connection.getJob(JOB, watch())).toMatchObject({ id: JOB });

    const form = Object.fromEntries(forms[0] ?? []);
    expect(Object.keys(form).sort()).toEqual(['assertion', 'grant_type']);
    expect(form['grant_type']).toBe('urn:ietf:params:oauth:grant-type:jwt-bearer');
    const { payload, protectedHeader } = await jwtVerify(form['assertion'] ?? '', createPublicKey(pem));
    expect(protectedHeader.alg).toBe('RS256');
    expect(payload).toEqual({
      iss: 'app',
      sub: 'loader@acme.com',
      aud: 'https://login.salesforce.com',
      exp: expect.any(Number) as number,
    });
    const left = (payload.exp ?? 0) - Date.now() / 1000;
    expect(left).toBeGreaterThan(170);
    expect(left).toBeLessThanOrEqual(180);
  });

  it.each([
    ['https://login.salesforce.com', 'login'],
    ['https://acme.my.salesforce.com', 'login'],
    ['https://acme-dev-ed.develop.my.salesforce.com', 'login'],
    ['https://test.salesforce.com', 'test'],
    ['https://acme--uat.sandbox.my.salesforce.com', 'test'],
    ['https://acme--uat.my.salesforce.com', 'test'],
    ['https://acme.scratch.my.salesforce.com', 'test'],
    ['https://latest.salesforce.com', 'login'],
    ['https://test.salesforce.com.example.org', 'login'],
  ])('at %s the audience is %s.salesforce.com', async (loginUrl, host) => {
    const keyFile = save('audience.pem', rsaKey());
    const settings = { loginUrl, clientId: 'app', username: 'u', keyFile };
    expect(decodeJwt(await jwtAssertion(settings)).aud).toBe(`https://${host}.salesforce.com`);
  });

  it('uses another audience from SF_JWT_AUDIENCE', async () => {
    const env = environment('https://a.my.salesforce.com', save('other.pem', rsaKey()), {
      SF_JWT_AUDIENCE: 'https://x',
    });
    const settings = connectionsFromEnvironment(env).get('default');
    if (settings?.auth !== 'jwt') throw new Error('another form');
    expect(decodeJwt(await jwtAssertion(settings)).aud).toBe('https://x');
  });

  it('reads the key for each token, so that it can be replaced, and waits for a missing one', async () => {
    const keyFile = save('rotated.pem', rsaKey());
    const assertions: string[] = [];
    const org = await startOrg(async (request, response) => {
      assertions.push(new URLSearchParams(await bodyOf(request)).get('assertion') ?? '');
      json(response, 200, { access_token: `T${assertions.length}`, instance_url: org.url });
    });
    const tokens = new OAuthTokens({ loginUrl: org.url, clientId: 'app', username: 'u', keyFile });
    onTestFinished(() => tokens.close());
    await tokens.current();
    rmSync(keyFile);
    expect(await errorOf(tokens.renew('T1'))).toMatchObject({ code: 'JWT_KEY_UNREADABLE', retryable: true });
    const next = rsaKey();
    save('rotated.pem', next);
    expect(await tokens.renew('T1')).toMatchObject({ accessToken: 'T2' });
    await jwtVerify(assertions[1] ?? '', createPublicKey(next));
  });

  it('does not repeat the assertion in an error', async () => {
    let assertion = '';
    const org = await startOrg(async (request, response) => {
      const body = await bodyOf(request);
      assertion = new URLSearchParams(body).get('assertion') ?? '';
      json(response, 400, { error: 'invalid_grant', error_description: `invalid assertion ${body}` });
    });
    const keyFile = save('echo.pem', rsaKey());
    const tokens = new OAuthTokens({ loginUrl: org.url, clientId: 'app', username: 'u', keyFile });
    onTestFinished(() => tokens.close());
    const error = (await errorOf(tokens.current())) as Error;
    expect(error).toMatchObject({ code: 'AUTH_INVALID_GRANT', retryable: false });
    const { detail } = error as NightloadError;
    expect(detail).toMatch(/^invalid_grant: invalid assertion .*\[/);
    for (const part of assertion.split('.')) {
      for (const text of [error.message, detail]) expect(text).not.toContain(part);
    }
  });
});

describe('an unusable key is reported when the worker starts', () => {
  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
  it.each([
    ['a public key', rsa.publicKey.export({ type: 'spki', format: 'pem' }), 'not a private key'],
    ['an EC key', ec.privateKey.export({ type: 'pkcs8', format: 'pem' }), 'type ec'],
    ['a short key', rsaKey('pkcs8', 1024), '1024 bits'],
    ['half a key', rsaKey().slice(0, 800), 'not a private key'],
    ['nothing', '', 'not a private key'],
    [
      'a key with a passphrase',
      rsa.privateKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' }),
      'openssl',
    ],
    [
      'an old key with a passphrase',
      rsa.privateKey.export({ type: 'pkcs1', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' }),
      'openssl',
    ],
  ])('%s', (_name, pem, words) => {
    const error = thrownBy(() =>
      connectionsFromEnvironment(environment('https://a.my.salesforce.com', save('bad.pem', String(pem)))),
    );
    expect(error.code).toBe('JWT_KEY_INVALID');
    expect(error.message).toContain(words);
    for (const line of String(pem).split('\n')) if (line !== '') expect(error.message).not.toContain(line);
  });

  it('no file, or the key itself instead of its path: no part of it is shown', () => {
    for (const value of [join(folder, 'missing.pem'), folder, rsaKey()]) {
      const error = thrownBy(() => connectionsFromEnvironment(environment('https://a.my.salesforce.com', value)));
      expect(error.code).toBe('JWT_KEY_UNREADABLE');
      expect(error.message).toMatch(/\((ENOENT|EISDIR|ENAMETOOLONG)\)/);
      expect(error.message).toContain('SF_JWT_KEY_FILE');
      expect(error.message).not.toContain('BEGIN');
    }
  });

  it('an additional client secret is ambiguous, a missing user name incomplete', () => {
    const env = environment('https://a.my.salesforce.com', save('fine.pem', rsaKey()));
    expect(thrownBy(() => connectionsFromEnvironment({ ...env, SF_CLIENT_SECRET: 'x' })).code).toBe(
      'AMBIGUOUS_CREDENTIALS',
    );
    expect(thrownBy(() => connectionsFromEnvironment({ ...env, SF_USERNAME: '' }))).toMatchObject({
      code: 'INCOMPLETE_CREDENTIALS',
      message: expect.stringContaining('SF_USERNAME is missing') as string,
    });
  });
});
