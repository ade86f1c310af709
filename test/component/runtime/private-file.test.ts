/** Permissions of files with secrets, which are read again while a worker runs. */
import { generateKeyPairSync } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { connectionsFromEnvironment } from '../../../src/salesforce/config/connections-from-env.js';
import { openConnection } from '../../../src/salesforce/config/open-connection.js';
import type { ConnectionSettings } from '../../../src/salesforce/config/connection-settings.js';
import { isMountedSecret, secretsMode, troubleOf } from '../../../src/runtime/private-file.js';
import { bodyOf, errorOf, JOB, json, startOrg, watch } from '../../helpers/salesforce.js';

const KEY = String(
  generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ type: 'pkcs8', format: 'pem' }),
);
const folder = mkdtempSync(join(tmpdir(), 'nightload-private-'));
afterAll(() => rmSync(folder, { recursive: true }));
const path = join(folder, 'connections.json');
const secret = join(folder, 'secret');

const write = (file: string, text: string, mode = 0o600): void => {
  writeFileSync(file, text);
  chmodSync(file, mode);
};
const entry = (loginUrl: string): unknown => ({
  auth: 'clientCredentials',
  loginUrl,
  clientId: 'app',
  clientSecret: 'file:secret',
});
const writeFileOf = (one: unknown, mode?: number): void =>
  write(path, JSON.stringify({ connections: { default: one } }), mode);
const settings = (env: Record<string, string> = {}): ConnectionSettings =>
  connectionsFromEnvironment({ NIGHTLOAD_CONNECTIONS: path, ...env }).get('default') as ConnectionSettings;

beforeEach(() => {
  writeFileOf(entry('https://acme.my.salesforce.com'));
  write(secret, 'first');
});

describe('a file with secrets', () => {
  it.each([0o644, 0o640, 0o604, 0o660, 0o602, 0o777])('of mode %o is refused, the connections file too', (mode) => {
    chmodSync(path, mode);
    expect(() => settings()).toThrow(/connections\.json has mode 0\d\d\d, so other users of this machine may read/);
    chmodSync(path, 0o600);
    chmodSync(secret, mode);
    expect(() => settings()).toThrow(expect.objectContaining({ code: 'SECRETS_READABLE' }) as Error);
    expect(() => settings()).toThrow(/secret has mode/);
  });

  it.each([
    ['640', [0o600, 0o400, 0o640, 0o440], [0o644, 0o660, 0o604]],
    ['0644', [0o600, 0o640, 0o644, 0o444], [0o664, 0o646, 0o666]],
  ])('with NIGHTLOAD_SECRETS_MODE=%s', (mode, permitted, refused) => {
    const env = { NIGHTLOAD_SECRETS_MODE: mode };
    for (const one of permitted) {
      chmodSync(path, one);
      chmodSync(secret, one);
      expect(settings(env).auth).toBe('clientCredentials');
    }
    for (const one of refused) {
      chmodSync(path, one);
      expect(() => settings(env)).toThrow(/connections\.json has mode/);
    }
    expect(() => secretsMode({ NIGHTLOAD_SECRETS_MODE: '666' })).toThrow(/must be 600/);
  });

  it('must belong to the worker or to root', () => {
    const own = process.getuid?.() ?? 0;
    expect(troubleOf({ mode: 0o100400, uid: 0 }, '600')).toBeUndefined();
    expect(troubleOf({ mode: 0o100600, uid: own }, '600')).toBeUndefined();
    if (own !== 0) expect(troubleOf({ mode: 0o100644, uid: own + 1 }, '644')).toBe('belongs to another user');
  });

  it('that Docker or Kubernetes mounted may have any mode', () => {
    for (const mounted of ['/run/secrets/jwt-key.pem', '/var/run/secrets/acme/token']) {
      expect(isMountedSecret(mounted)).toBe(true);
    }
    for (const other of ['/run/secrets', '/run/secrets/../user/key', '/data/run/secrets/key', 'run/secrets/key']) {
      expect(isMountedSecret(other)).toBe(false);
    }
  });
});

describe('secrets that change while the worker runs', () => {
  it('a client secret is read for each login', async () => {
    const secrets: (string | null)[] = [];
    const org = await startOrg(async (request, response) => {
      const body = await bodyOf(request);
      if (request.url !== '/services/oauth2/token') {
        if (request.headers.authorization === 'Bearer T1')
          return json(response, 401, [{ errorCode: 'INVALID_SESSION_ID', message: 'x' }]);
        return json(response, 200, { id: JOB, state: 'Open' });
      }
      secrets.push(new URLSearchParams(body).get('client_secret'));
      json(response, 200, { access_token: `T${secrets.length}`, instance_url: org.url });
    });
    writeFileOf(entry(org.url));
    const connection = openConnection(settings());
    onTestFinished(() => connection.close());
    await connection.token();
    write(secret, 'second\n');
    await connection.getJob(JOB, watch());
    expect(secrets).toEqual(['first', 'second']);
  });

  it('a secret that is being written waits, and one that others may read is refused', async () => {
    const org = await startOrg((_request, response) => json(response, 200, {}));
    writeFileOf(entry(org.url));
    const connection = openConnection(settings());
    onTestFinished(() => connection.close());
    write(secret, '');
    expect(await errorOf(connection.getJob(JOB, watch()))).toMatchObject({
      code: 'CONNECTION_REFERENCE_EMPTY',
      retryable: true,
    });
    write(secret, 'second', 0o644);
    expect(await errorOf(connection.getJob(JOB, watch()))).toMatchObject({ code: 'SECRETS_READABLE' });
    expect(org.received).toEqual([]);
  });

  it('a ready-made token is read from its file when the old one has expired', async () => {
    const org = await startOrg((request, response) =>
      request.headers.authorization === 'Bearer first'
        ? json(response, 401, [{ errorCode: 'INVALID_SESSION_ID', message: 'x' }])
        : json(response, 200, { id: JOB, state: 'Open' }),
    );
    writeFileOf({ auth: 'token', instanceUrl: org.url, accessToken: 'file:secret' });
    const connection = openConnection(settings());
    onTestFinished(() => connection.close());
    expect(await errorOf(connection.getJob(JOB, watch()))).toMatchObject({ code: 'TOKEN_EXPIRED' });
    write(secret, 'second');
    expect(await connection.getJob(JOB, watch())).toMatchObject({ id: JOB });
  });

  it('a key in SF_JWT_KEY_FILE that others may read works, with a warning', () => {
    const warnings: string[] = [];
    const env = {
      SF_LOGIN_URL: 'https://acme.my.salesforce.com',
      SF_CLIENT_ID: 'a',
      SF_USERNAME: 'u',
      SF_JWT_KEY_FILE: join(folder, 'key.pem'),
    };
    write(env.SF_JWT_KEY_FILE, KEY, 0o644);
    connectionsFromEnvironment(env, (text) => warnings.push(text));
    expect(warnings).toEqual([expect.stringContaining('has mode 0644: other users on this machine can read the key')]);
    chmodSync(env.SF_JWT_KEY_FILE, 0o400);
    connectionsFromEnvironment(env, (text) => warnings.push(text));
    expect(warnings).toHaveLength(1);
  });
});
