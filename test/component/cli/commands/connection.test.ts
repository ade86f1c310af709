/** `nightload connection`: the built command, against simulated orgs. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { startSimulator } from '../../../../src/simulator/index.js';
import type { Simulator } from '../../../../src/simulator/index.js';
import { nightload } from '../../../helpers/run-cli.js';
import { fakeSf } from '../../../helpers/fake-sf.js';

const SECRET = 'nightload-secret';
let org: Simulator;
let folder: string;
let NIGHTLOAD_CONNECTIONS: string;
beforeAll(async () => {
  org = await startSimulator({ hardDelete: false, oauth: { rotateRefreshTokens: true } });
  folder = mkdtempSync(join(tmpdir(), 'nightload-connection-'));
  NIGHTLOAD_CONNECTIONS = join(folder, 'connections.json');
  const login = { loginUrl: org.url, clientId: 'nightload-client' };
  const connections = {
    default: { auth: 'clientCredentials', ...login, clientSecret: 'env:SECRET' },
    rotating: { auth: 'refreshToken', ...login, refreshToken: 'env:REFRESH', allow: { objects: ['Account'] } },
  };
  writeFileSync(NIGHTLOAD_CONNECTIONS, JSON.stringify({ connections }), { mode: 0o600 });
});
afterAll(async () => {
  await org.close();
  rmSync(folder, { recursive: true });
});
afterEach(() => org.clearFaults());

interface Ended {
  code: number | string;
  out: string;
  err: string;
  json: unknown;
}

async function run(args: string[], more: NodeJS.ProcessEnv = {}): Promise<Ended> {
  const env = { NIGHTLOAD_CONNECTIONS, SECRET, REFRESH: 'nightload-refresh', ...more };
  const command = nightload(['connection', ...args], env);
  const code = await command.ended;
  const [out, err] = [command.stdout(), command.stderr()];
  for (const secret of [SECRET, 'nightload-refresh', '00Dsm0000000001AAB!', org.token])
    expect(out + err).not.toContain(secret);
  return { code, out, err, json: out === '' ? undefined : JSON.parse(out) };
}

it('list shows names, login forms and hosts, and makes no request', async () => {
  const { host } = new URL(org.url);
  expect((await run(['list', '--json'])).json).toEqual({
    connections: [
      { name: 'default', auth: 'clientCredentials', host },
      { name: 'rotating', auth: 'refreshToken', host, allow: { objects: ['Account'] } },
    ],
  });
  expect(org.ledger.requests).toEqual([]);
});

it('test logs in, and shows what the login gives access to', async () => {
  const { code, json, err } = await run(['test', '--json']);
  const shown = {
    ok: true,
    instanceUrl: org.url,
    organization: { id: expect.stringMatching(/^00D/) as string },
    user: { id: expect.stringMatching(/^005/) as string, username: 'integration@nightload.example' },
    apiVersion: 'v66.0',
    limits: {
      apiRequests: { max: expect.any(Number) as number, remaining: expect.any(Number) as number },
      batches: { max: 15_000, remaining: 15_000 },
    },
    permissions: { apiEnabled: true, bulkApiHardDelete: false, modifyAllData: false },
  };
  expect(json).toMatchObject({
    ok: true,
    connections: [
      { name: 'default', auth: 'clientCredentials', ...shown },
      { name: 'rotating', auth: 'refreshToken', ...shown },
    ],
  });
  expect(code).toBe(0);
  expect(err).toContain('Bulk API Hard Delete: no (for hardDelete)');
  // The refresh token rotated, and the command kept it: a worker or another command can continue.
  expect((await run(['test', 'rotating'])).code).toBe(0);
});

it('test exits with 1 if the login fails, and reports why', async () => {
  org.failLogins('invalidClient');
  const { code, json, err } = await run(['test', 'default', '--json']);
  expect(code).toBe(1);
  expect(json).toMatchObject({
    ok: false,
    connections: [{ name: 'default', ok: false, error: { code: 'AUTH_INVALID_CLIENT' } }],
  });
  expect(err).toContain('default (clientCredentials): AUTH_INVALID_CLIENT: ');
});

it('test exits with 1 if the connection does not exist, or none does', async () => {
  const unknown = await run(['test', 'emea', '--json']);
  expect([unknown.code, unknown.json]).toMatchObject([1, { error: { code: 'CONNECTION_NOT_CONFIGURED' } }]);
  expect(unknown.err).toContain('(it has: default, rotating)');
  const none = await run(['test'], { NIGHTLOAD_CONNECTIONS: '' });
  expect([none.code, none.err]).toMatchObject([1, expect.stringContaining('--from-sf')]);
});

it('test --from-sf uses the login of the Salesforce CLI', async () => {
  const sf = fakeSf(mkdtempSync(join(folder, 'sf-')), { alias: 'acme', instanceUrl: org.url, accessToken: org.token });
  const { code, json } = await run(['test', '--from-sf', 'acme', '--json'], { PATH: sf.folder });
  expect([code, json]).toMatchObject([
    0,
    { ok: true, connections: [{ name: 'acme', auth: 'sfCli', alias: 'acme', ok: true }] },
  ]);
  const other = await run(['test', '--from-sf', 'emea', '--json'], { PATH: sf.folder });
  expect([other.code, other.json]).toMatchObject([
    1,
    { connections: [{ error: { code: 'SALESFORCE_CLI_LOGIN_NOT_FOUND' } }] },
  ]);
});

it('a user that sees neither limits nor the org gets a report of the rest', async () => {
  for (const kind of ['limits', 'query'] as const)
    org.fault({ kind, times: 9, action: { status: 403, errorCode: 'INSUFFICIENT_ACCESS' } });
  const { code, json, err } = await run(['test', 'default', '--json']);
  expect([code, json]).toMatchObject([0, { connections: [{ ok: true, limits: {}, permissions: {} }] }]);
  expect(err).toContain('API Enabled: unknown (needed)');
});
