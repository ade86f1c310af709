/** No load can name a file with secrets, whether the worker's environment or this user's programs refer to it. */
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { FileRoots } from '../../../../src/storage/files/file-roots.js';
import { keepSecretsOut, secretPaths } from '../../../../src/workers/startup/secret-paths.js';

let home: string;
const before = process.cwd();
beforeEach(() => {
  home = realpathSync(mkdtempSync(join(tmpdir(), 'nightload-secrets-')));
  process.chdir(home);
});
afterEach(() => {
  process.chdir(before);
  rmSync(home, { recursive: true });
});

function write(name: string, text: string): string {
  const path = join(home, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text, { mode: 0o600 });
  return path;
}

const toml = (key: string): string =>
  `[profile.default]\naddress = "a:1"\n[profile.other.tls]\nclient_key_path = "${key}"\n`;

async function closed(env: Record<string, string>): Promise<(name: string) => Promise<boolean>> {
  const roots = await FileRoots.open([home]);
  await keepSecretsOut(roots, new Map(), env);
  return (name) =>
    roots.pathOf(pathToFileURL(join(home, name)).href).then(
      () => false,
      (error: { code?: string }) => error.code === 'FILE_OUTSIDE_ROOTS',
    );
}

it("the worker's home is its folder too: secrets of the worker and of this user’s programs there are excluded", async () => {
  const env = {
    HOME: home,
    NIGHTLOAD_CONNECTIONS: 'c.json',
    NIGHTLOAD_CODEC_KEYS: write('codec.json', '{"active": "k1", "keys": {"k1": "file:keys/k1"}}'),
    NIGHTLOAD_TOKENS: 'tokens',
    SF_JWT_KEY_FILE: 'jwt.pem',
    TEMPORAL_TLS_CLIENT_KEY_PATH: 'temporal.key',
  };
  // Not a file that a worker uses: `dev` does not use it.
  write('c.json', '{"connections": {"default": {"accessToken": "file:org/token", "more": ["file:org/more"]}}}');
  write('.config/temporalio/temporal.toml', toml(join(home, 'other.key')));
  const isClosed = await closed(env);
  const secret = [
    ...['c.json', 'c.json.tokens/a.json', 'org/token', 'org/more', 'codec.json', 'keys/k1', 'tokens/a.json', 'jwt.pem'],
    ...['temporal.key', 'other.key', '.config/temporalio/temporal.toml', '.sf/alias.json', '.sfdx/key.json'],
    ...['.nightload/temporal.db', '.nightload/temporal.db-wal'],
  ];
  for (const name of secret) expect([name, await isClosed(name)]).toEqual([name, true]);
  for (const name of ['a.csv', 'org/a.csv', 'tokens.csv', 'xdg/a.csv']) expect(await isClosed(name)).toBe(false);
});

it('folders that a connection may use stay open', async () => {
  const allow = { sourcePrefixes: [`file://${home}/in/`], outputPrefixes: [`file://${home}/out/`] };
  const connections = { default: { accessToken: 'file:org/token', allow }, other: { accessToken: 'file:other/token' } };
  const NIGHTLOAD_CONNECTIONS = write('c.json', JSON.stringify({ connections }));
  const isClosed = await closed({ HOME: home, NIGHTLOAD_CONNECTIONS });
  for (const name of ['in/a.csv', 'out/x/rejected.csv']) expect([name, await isClosed(name)]).toEqual([name, false]);
  for (const name of ['org/token', 'other/token']) expect([name, await isClosed(name)]).toEqual([name, true]);
});

it('Temporal’s configuration is excluded in its other locations, even if it is unreadable', async () => {
  write('xdg/temporalio/temporal.toml', 'no [ TOML');
  expect(await (await closed({ HOME: home, XDG_CONFIG_HOME: join(home, 'xdg') }))('xdg/temporalio/temporal.toml')).toBe(
    true,
  );
  const TEMPORAL_CONFIG_FILE = write('t.toml', toml('relative.key'));
  const isClosed = await closed({ HOME: home, TEMPORAL_CONFIG_FILE });
  expect([await isClosed('t.toml'), await isClosed('relative.key')]).toEqual([true, true]);
});

it('a connections file that is not JSON, too large or missing is excluded all the same', () => {
  write('broken.json', '{"a": "file:x"');
  write('large.json', ' '.repeat(1_000_001));
  for (const name of ['broken.json', 'large.json', 'missing.json']) {
    const paths = secretPaths({ HOME: home, NIGHTLOAD_CONNECTIONS: name });
    expect(paths).toContain(join(home, name));
    expect(paths).toContain(join(home, `${name}.tokens`));
  }
});

it("the demo's folder is not excluded for the demo", async () => {
  const demo = join(home, '.nightload/demo');
  mkdirSync(demo, { recursive: true });
  const roots = await FileRoots.open([demo]);
  await keepSecretsOut(roots, new Map(), { HOME: home });
  const path = join(demo, 'accounts.csv');
  expect(await roots.pathOf(pathToFileURL(path).href)).toBe(path);
  await expect(roots.pathOf(pathToFileURL(join(home, '.nightload/temporal.db')).href)).rejects.toMatchObject({
    code: 'FILE_OUTSIDE_ROOTS',
  });
});
