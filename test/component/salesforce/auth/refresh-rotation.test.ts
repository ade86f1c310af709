/**
 * Refresh tokens that the org rotates, with a simulated org that revokes an authorization when a token is used twice.
 */
import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import type { NightloadError } from '../../../../src/errors.js';
import { OAuthTokens } from '../../../../src/salesforce/auth/oauth.js';
import type { OAuthSettings } from '../../../../src/salesforce/auth/oauth.js';
import { RefreshLogin } from '../../../../src/salesforce/auth/refresh-login.js';
import { acquireLock } from '../../../../src/salesforce/auth/renewal-lock.js';
import { FileSecret, Secret } from '../../../../src/salesforce/auth/secret.js';
import { connectionsFromEnvironment } from '../../../../src/salesforce/config/connections-from-env.js';
import { openConnection } from '../../../../src/salesforce/config/open-connection.js';
import type { ConnectionSettings } from '../../../../src/salesforce/config/connection-settings.js';
import { startSimulator } from '../../../../src/simulator/index.js';
import type { Simulator, SimulatorOptions } from '../../../../src/simulator/index.js';
import { bodyOf, errorOf, json, startOrg } from '../../../helpers/salesforce.js';

const DIST = fileURLToPath(new URL('../../../../dist/', import.meta.url));
const FIRST = 'nightload-refresh';

let folder: string;
let tokensFolder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'nightload-rotation-'));
  tokensFolder = join(folder, 'connections.json.tokens');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function rotatingOrg(options: SimulatorOptions = {}): Promise<Simulator> {
  const org = await startSimulator({ ...options, oauth: { rotateRefreshTokens: true, ...options.oauth } });
  onTestFinished(() => org.close());
  return org;
}

function open(org: Simulator, more: Partial<OAuthSettings> = {}): OAuthTokens {
  const tokens = new OAuthTokens({
    loginUrl: org.url,
    clientId: 'nightload-client',
    clientSecret: new Secret('nightload-secret'),
    refreshToken: new Secret(FIRST),
    tokensFolder,
    ...more,
  });
  onTestFinished(() => tokens.close());
  return tokens;
}

const logins = (org: Simulator): number => org.ledger.count('token');
const keptFiles = (): string[] => readdirSync(tokensFolder).filter((name) => name.endsWith('.json'));
const kept = (): Record<string, string> =>
  JSON.parse(readFileSync(join(tokensFolder, keptFiles()[0] as string), 'utf8')) as Record<string, string>;

describe('a rotated refresh token', () => {
  it('is saved before its access token is used, where no other user can read it', async () => {
    const org = await rotatingOrg();
    const { accessToken } = await open(org).current();
    expect(kept()).toMatchObject({ accessToken, instanceUrl: org.url });
    expect(kept()['refreshToken']).not.toBe(FIRST);
    expect(statSync(tokensFolder).mode & 0o777).toBe(0o700);
    for (const name of readdirSync(tokensFolder)) expect(statSync(join(tokensFolder, name)).mode & 0o777).toBe(0o600);
  });

  it('outlives the worker: the next one continues with it, without a login', async () => {
    const org = await rotatingOrg();
    const { accessToken } = await open(org).current();
    const next = open(org);
    expect(await next.current()).toMatchObject({ accessToken });
    expect(logins(org)).toBe(1);
    await next.renew(accessToken);
    expect(logins(org)).toBe(2);
  });

  it('is renewed by one worker at a time, and never used twice', async () => {
    const org = await rotatingOrg();
    const workers = Array.from({ length: 8 }, () => open(org));
    let stale = (await Promise.all(workers.map((worker) => worker.current())))[0]?.accessToken as string;
    for (let round = 0; round < 5; round++) {
      const renewed = await Promise.all(workers.map((worker) => worker.renew(stale)));
      expect(new Set(renewed.map(({ accessToken }) => accessToken)).size).toBe(1);
      stale = renewed[0]?.accessToken as string;
    }
    expect(logins(org)).toBe(6);
  });

  it('serves calls of several workers whose tokens expire every two requests', async () => {
    const org = await rotatingOrg({ tokenRequests: 2 });
    const settings: ConnectionSettings = {
      auth: 'refreshToken',
      loginUrl: org.url,
      clientId: 'nightload-client',
      refreshToken: new Secret(FIRST),
      tokensFolder,
      allocation: { recordsPerWindow: 1, batchesPerWindow: 1, windowMs: 1, reservedRecords: 0, maxJobs: 1 },
    };
    const workers = [openConnection(settings), openConnection(settings)];
    onTestFinished(async () => void (await Promise.all(workers.map((worker) => worker.close()))));
    const call = { apiVersion: 'v66.0' };
    const calls = Array.from({ length: 20 }, (_, i) => async () => workers[i % 2]?.limits(call));
    for (let i = 0; i < calls.length; i += 2) await Promise.all(calls.slice(i, i + 2).map((one) => one()));
    expect(logins(org)).toBeGreaterThan(8);
  });

  it('survives a worker that is killed during a renewal, and so does the lock', async () => {
    const org = await rotatingOrg();
    const stale = (await open(org).current()).accessToken;
    org.fault({ kind: 'token', action: 'hang' });
    const script = `
      const { OAuthTokens } = await import(${JSON.stringify(`${DIST}salesforce/auth/oauth.js`)});
      const { Secret } = await import(${JSON.stringify(`${DIST}salesforce/auth/secret.js`)});
      const tokens = new OAuthTokens({ loginUrl: ${JSON.stringify(org.url)}, clientId: 'nightload-client',
        refreshToken: new Secret('${FIRST}'), tokensFolder: ${JSON.stringify(tokensFolder)} });
      await tokens.renew(${JSON.stringify(stale)});`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: 'ignore' });
    await expect.poll(() => logins(org), { timeout: 20_000 }).toBe(2);
    child.kill('SIGKILL');
    const begun = performance.now();
    const survivor = open(org, { lockTimes: { staleMs: 1_500 } });
    const { accessToken } = await survivor.renew(stale);
    expect(performance.now() - begun).toBeGreaterThan(1_000);
    expect(accessToken).not.toBe(stale);
    expect(kept()).toMatchObject({ accessToken });
    expect(readdirSync(tokensFolder).filter((name) => name.endsWith('.new'))).toEqual([]);
  });

  it('with a lost reply is reported as such', async () => {
    const org = await rotatingOrg();
    const tokens = open(org);
    const stale = (await tokens.current()).accessToken;
    org.fault({ kind: 'token', action: 'resetAfterApply' });
    await errorOf(tokens.renew(stale));
    const error = (await errorOf(tokens.current())) as NightloadError;
    expect(error).toMatchObject({ code: 'AUTH_INVALID_GRANT' });
    expect(error.message).toContain('An earlier renewal got no answer');
  });

  it.each([
    [
      'an instance that is refused',
      { access_token: '00D!planted', instance_url: 'https://sf.acme.example' },
      'INSTANCE_URL_REFUSED',
    ],
    [
      'an invalid access token',
      { access_token: 'a b', instance_url: 'https://acme.my.salesforce.com' },
      'AUTH_UNEXPECTED_REPLY',
    ],
    ['no access token', {}, 'AUTH_UNEXPECTED_REPLY'],
  ])('is kept next to %s, and used once that is fixed', async (_what, access, code) => {
    let reply: Record<string, string> = access;
    let expected = FIRST;
    const org = await startOrg(async (request, response) => {
      const form = new URLSearchParams(await bodyOf(request));
      // The authorization ends once a token other than the last one is used.
      if (form.get('refresh_token') !== expected) return json(response, 400, { error: 'invalid_grant' });
      expected = `next-${Number(/\d+/.exec(expected)?.[0] ?? 0) + 1}`;
      return json(response, 200, { ...reply, refresh_token: expected });
    });
    const target = { url: org.url } as Simulator;
    for (const round of [1, 2]) {
      expect(await errorOf(open(target).current())).toMatchObject({ code });
      expect(kept()).toEqual({ refreshToken: `next-${round}`, keptAt: expect.any(String) as string });
    }
    // Either the login server replies correctly, or the settings name the host.
    if (code !== 'INSTANCE_URL_REFUSED') reply = { access_token: '00D!good', instance_url: 'https://sf.acme.example' };
    const tokens = open(target, { instanceUrlHosts: ['sf.acme.example'] });
    expect(await tokens.current()).toMatchObject({ instanceUrl: 'https://sf.acme.example' });
    expect(kept()).toMatchObject({ refreshToken: 'next-3', instanceUrl: 'https://sf.acme.example' });
  });

  it('without storage is not used up silently if its instance is refused', async () => {
    const org = await startOrg((_request, response) =>
      json(response, 200, { access_token: '00D!x', instance_url: 'https://sf.acme.example', refresh_token: 'next' }),
    );
    const settings = { loginUrl: org.url, clientId: 'a', refreshToken: new Secret(FIRST) };
    const tokens = new OAuthTokens(settings);
    onTestFinished(() => tokens.close());
    expect(await errorOf(tokens.current())).toMatchObject({ code: 'REFRESH_TOKEN_NOT_KEPT' });
  });

  it('is read from the file if a process outside of the lock renewed it', async () => {
    const org = await rotatingOrg();
    await open(org).current();
    const path = join(tokensFolder, keptFiles()[0] as string);
    const before = kept();
    const login = await startOrg((_request, response) => {
      writeFileSync(path, JSON.stringify({ ...before, refreshToken: 'newer', accessToken: '00Dx!newer' }));
      json(response, 400, { error: 'invalid_grant', error_description: 'expired access/refresh token' });
    });
    // The same authorization, by the file's name, on a server that refuses the saved token.
    const refresh = new RefreshLogin({
      origin: org.url,
      clientId: 'nightload-client',
      refreshToken: new Secret(FIRST),
      tokensFolder,
    });
    const refusing = new OAuthTokens({
      loginUrl: login.url,
      clientId: 'nightload-client',
      refreshToken: new Secret('x'),
    });
    onTestFinished(() => refusing.close());
    const ask = async (): Promise<never> => {
      await refusing.current();
      throw new Error('It should have been refused.');
    };
    expect(await refresh.login(ask, before['accessToken'])).toMatchObject({ accessToken: '00Dx!newer' });
  });
});

describe('a new authorization', () => {
  it('is used from then on if its token is read from a file', async () => {
    const org = await rotatingOrg({ oauth: { refreshTokens: ['old', 'new'] } });
    const secret = join(folder, 'refresh');
    writeFileSync(secret, 'old');
    const tokens = open(org, { refreshToken: new FileSecret(() => readFileSync(secret, 'utf8')) });
    const first = await tokens.current();
    writeFileSync(secret, 'new');
    const second = await tokens.renew(first.accessToken);
    expect(second.accessToken).not.toBe(first.accessToken);
    expect(keptFiles()).toHaveLength(2);
  });
});

describe('without storage', () => {
  it('an org that does not rotate refresh tokens works, and nothing is written', async () => {
    const org = await rotatingOrg({ oauth: { rotateRefreshTokens: false } });
    const tokens = new OAuthTokens({
      loginUrl: org.url,
      clientId: 'nightload-client',
      refreshToken: new Secret(FIRST),
    });
    onTestFinished(() => tokens.close());
    const { accessToken } = await tokens.current();
    expect((await tokens.renew(accessToken)).accessToken).not.toBe(accessToken);
    const withPlace = open(org);
    await withPlace.current();
    expect(keptFiles()).toEqual([]);
  });

  it('an org that rotates them is refused, and gets no further request with the used one', async () => {
    const org = await rotatingOrg();
    const env = { SF_LOGIN_URL: org.url, SF_CLIENT_ID: 'nightload-client', SF_REFRESH_TOKEN: FIRST };
    const connection = openConnection(connectionsFromEnvironment(env).get('default') as ConnectionSettings);
    onTestFinished(() => connection.close());
    for (let i = 0; i < 2; i++) {
      const error = (await errorOf(connection.limits({ apiVersion: 'v66.0' }))) as NightloadError;
      expect(error).toMatchObject({ code: 'REFRESH_TOKEN_NOT_KEPT' });
      expect(error.message).toContain('NIGHTLOAD_TOKENS');
    }
    expect([logins(org), org.ledger.count()]).toEqual([1, 0]);
    const placed = connectionsFromEnvironment({ ...env, NIGHTLOAD_TOKENS: tokensFolder }).get('default');
    expect(placed).toMatchObject({ tokensFolder });
  });

  it.skipIf(process.getuid?.() === 0)('a folder that is not writable is refused at startup', () => {
    chmodSync(folder, 0o500);
    onTestFinished(() => chmodSync(folder, 0o700));
    expect(() => open({ url: 'http://127.0.0.1:9' } as Simulator)).toThrow(
      /Cannot store a rotated refresh token in .*EACCES/,
    );
  });

  it('a folder that others can read, or that is not a folder, is refused at startup', () => {
    const path = join(folder, 'connections.json');
    const entry = {
      auth: 'refreshToken',
      loginUrl: 'https://acme.my.salesforce.com',
      clientId: 'a',
      refreshToken: 'env:T',
    };
    writeFileSync(path, JSON.stringify({ connections: { emea: entry } }), { mode: 0o600 });
    const settings = connectionsFromEnvironment({ NIGHTLOAD_CONNECTIONS: path, T: 'x' }).get(
      'emea',
    ) as ConnectionSettings;
    void openConnection(settings).close();
    chmodSync(tokensFolder, 0o750);
    expect(() => openConnection(settings)).toThrow(/Connection "emea" of .*other users can read it/);
    rmSync(tokensFolder, { recursive: true });
    writeFileSync(tokensFolder, '');
    expect(() => openConnection(settings)).toThrow(/Connection "emea" of .*Cannot store a rotated refresh token/);
  });
});

describe('the lock', () => {
  it('is held by one at a time, and passes on at once when it is released', async () => {
    const path = join(folder, 'lock');
    let [inside, most] = [0, 0];
    await Promise.all(
      Array.from({ length: 12 }, async () => {
        const lock = await acquireLock(path);
        most = Math.max(most, ++inside);
        await new Promise((done) => setTimeout(done, 2));
        expect(await lock.isHeld()).toBe(true);
        inside--;
        await lock.release();
      }),
    );
    expect(most).toBe(1);
    expect(readdirSync(folder)).toHaveLength(1);
  });

  it('of a holder that is gone is taken over by one that waits', async () => {
    const path = join(folder, 'lock');
    writeFileSync(`${path}.7`, '');
    let [inside, most, inherited] = [0, 0, 0];
    await Promise.all(
      Array.from({ length: 8 }, async () => {
        const lock = await acquireLock(path, { staleMs: 300 });
        most = Math.max(most, ++inside);
        if (lock.inherited) inherited++;
        await new Promise((done) => setTimeout(done, 2));
        inside--;
        await lock.release();
      }),
    );
    expect([most, inherited]).toEqual([1, 1]);
  });

  it('that others hold for too long is reported as such', async () => {
    const path = join(folder, 'lock');
    const lock = await acquireLock(path);
    expect(await errorOf(acquireLock(path, { waitMs: 100 }))).toMatchObject({ code: 'LOGIN_BUSY', retryable: true });
    await lock.release();
  });
});
