/** The login of a Salesforce CLI, with a program that answers like the CLI. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, onTestFinished } from 'vitest';
import type { NightloadError } from '../../../../src/errors.js';
import { connectionsFromEnvironment, withSfCli } from '../../../../src/salesforce/config/connections-from-env.js';
import { openConnection } from '../../../../src/salesforce/config/open-connection.js';
import type { ConnectionSettings } from '../../../../src/salesforce/config/connection-settings.js';
import { sfCliTokens } from '../../../../src/salesforce/auth/sf-cli.js';
import { startSimulator } from '../../../../src/simulator/index.js';
import { fakeSf } from '../../../helpers/fake-sf.js';
import type { FakeLogin, FakeSf } from '../../../helpers/fake-sf.js';
import { errorOf } from '../../../helpers/salesforce.js';

const LOGIN: FakeLogin = {
  alias: 'acme',
  instanceUrl: 'https://acme.my.salesforce.com',
  accessToken: '00D000000000001AAA!first',
};

let sf: FakeSf;
let env: NodeJS.ProcessEnv;
beforeEach(() => {
  sf = fakeSf(mkdtempSync(join(tmpdir(), 'nightload-sf-')), LOGIN);
  env = { PATH: sf.folder, HOME: '/home/me', SF_CLIENT_SECRET: 'x', SF_ACCESS_TOKEN: 'y', NIGHTLOAD_CODEC_KEYS: 'z' };
});
afterEach(() => rmSync(sf.folder, { recursive: true }));

it.each([true, false])('gives address and token, read once for many callers (before May 2026: %s)', async (old) => {
  sf.set({ ...LOGIN, old });
  const tokens = sfCliTokens('acme', { env });
  const [one, other] = await Promise.all([tokens.current(), tokens.current()]);
  expect(one).toEqual({ instanceUrl: LOGIN.instanceUrl, accessToken: LOGIN.accessToken });
  expect(other).toBe(one);
  const display = ['org', 'display', '--target-org', 'acme', '--json'];
  const show = ['org', 'auth', 'show-access-token', '--target-org', 'acme', '--json'];
  expect(sf.calls().map(({ args }) => args)).toEqual(old ? [display] : [display, show]);
});

it('gets no secret of the worker', async () => {
  await sfCliTokens('acme', { env }).current();
  for (const call of sf.calls()) {
    expect(call.env).toContain('HOME');
    for (const name of ['SF_CLIENT_SECRET', 'SF_ACCESS_TOKEN', 'NIGHTLOAD_CODEC_KEYS'])
      expect(call.env).not.toContain(name);
  }
});

it.each([true, false])('is requested again when the token has expired (before May 2026: %s)', async (old) => {
  sf.set({ ...LOGIN, old });
  const tokens = sfCliTokens('acme', { env });
  await tokens.current();
  const expired = (await errorOf(tokens.renew(LOGIN.accessToken))) as NightloadError;
  expect(expired).toMatchObject({ code: 'SALESFORCE_CLI_LOGIN_EXPIRED', retryable: true });
  expect(expired.message).toContain('sf org login web --alias acme');
  sf.set({ ...LOGIN, old, accessToken: '00D000000000001AAA!second' });
  const renewed = await tokens.renew(LOGIN.accessToken);
  expect(renewed.accessToken).toBe('00D000000000001AAA!second');
  expect((await tokens.renew(LOGIN.accessToken)).accessToken).toBe(renewed.accessToken);
});

it.each([
  ['an unknown alias', { alias: 'other' }, 'SALESFORCE_CLI_LOGIN_NOT_FOUND', 'has no login "acme"'],
  ['an error of its own', { instead: 'error' }, 'SALESFORCE_CLI_FAILED', '(RefreshTokenAuthError)'],
  ['no JSON', { instead: 'noise' }, 'SALESFORCE_CLI_FAILED', 'sf org display --target-org acme failed'],
  ['endless output', { instead: 'flood' }, 'SALESFORCE_CLI_FAILED', 'failed'],
  ['an address in the clear', { instanceUrl: 'http://acme.example' }, 'INSECURE_URL', 'The instance URL of "acme"'],
  ['a token of several lines', { accessToken: 'a\nb' }, 'INVALID_ACCESS_TOKEN', 'of "acme" in the Salesforce CLI'],
] as [string, Partial<FakeLogin>, string, string][])('reports %s', async (_what, login, code, told) => {
  sf.set({ ...LOGIN, ...login });
  const error = (await errorOf(sfCliTokens('acme', { env }).current())) as NightloadError;
  expect(error.code).toBe(code);
  expect(error.message).toContain(told);
  expect(error.message).not.toContain(LOGIN.accessToken);
});

const LEFT_BEHIND_S = 12;

it('does not wait for a program that the CLI leaves behind with its output open', async () => {
  sf.set({ ...LOGIN, old: true, leaves: LEFT_BEHIND_S });
  const began = Date.now();
  expect(await sfCliTokens('acme', { env }).current()).toMatchObject({ accessToken: LOGIN.accessToken });
  expect(Date.now() - began).toBeLessThan((LEFT_BEHIND_S - 4) * 1_000);
}, 30_000);

it('does not wait for a CLI that does not answer, whatever it leaves behind', async () => {
  sf.set({ ...LOGIN, instead: 'silence', leaves: LEFT_BEHIND_S });
  const began = Date.now();
  const error = await errorOf(sfCliTokens('acme', { env, timeoutMs: 1_000 }).current());
  expect(error).toMatchObject({ code: 'SALESFORCE_CLI_FAILED', retryable: true });
  expect(Date.now() - began).toBeLessThan((LEFT_BEHIND_S - 4) * 1_000);
}, 30_000);

it.each([
  ['https://evil.example', false],
  ['https://acme.salesforce.com.evil.example', false],
  ['https://evilsalesforce.com', false],
  ['https://sf.acme.example', true],
  ['https://a.proxy.example', true],
  ['https://acme.my.salesforce.mil', true],
  ['http://127.0.0.1:9', true],
])(
  'sends a token only to Salesforce, to hosts that the settings name and to this machine: %s',
  async (address, may) => {
    sf.set({ ...LOGIN, instanceUrl: address });
    const tokens = sfCliTokens('acme', { env, instanceUrlHosts: ['sf.acme.example', '*.proxy.example'] });
    if (may) {
      expect((await tokens.current()).instanceUrl).toBe(address);
      return;
    }
    const error = (await errorOf(tokens.current())) as NightloadError;
    expect(error.code).toBe('INSTANCE_URL_REFUSED');
    expect(error.message).toMatch(
      /"acme".*no token was sent to it.*sf org display --target-org acme.*instanceUrlHosts/,
    );
    // Nor was the CLI asked for one.
    expect(sf.calls()).toHaveLength(1);
  },
);

it('reports that it is not installed', async () => {
  const error = await errorOf(sfCliTokens('acme', { env: { PATH: '/nowhere' } }).current());
  expect(error).toMatchObject({ code: 'SALESFORCE_CLI_NOT_FOUND' });
});

it("is a worker's connection: in a file, and with --from-sf", async () => {
  const org = await startSimulator();
  onTestFinished(() => org.close());
  sf.set({ ...LOGIN, instanceUrl: org.url, accessToken: org.token });
  const path = process.env['PATH'];
  onTestFinished(() => void (process.env['PATH'] = path));
  process.env['PATH'] = sf.folder;
  const settings = withSfCli(new Map(), 'acme');
  expect([...settings.keys()]).toEqual(['acme', 'default']);
  const connection = openConnection(settings.get('default') as ConnectionSettings);
  onTestFinished(() => connection.close());
  expect(await connection.limits({ apiVersion: 'v66.0' })).toHaveProperty('DailyApiRequests');
  const simulated = connectionsFromEnvironment({ SF_INSTANCE_URL: org.url, SF_ACCESS_TOKEN: org.token });
  expect([...withSfCli(simulated, 'me@acme.example').keys()]).toEqual(['default', 'me-acme.example']);
  for (const alias of ['default', '--json', '', 'a b', '$(id)']) expect(() => withSfCli(simulated, alias)).toThrow();
});
