/** Programs that nightload starts: what they print of their environment has no secret of ours in it. */
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { startDevServer } from '../../src/workers/dev-server.js';
import { unpackWheel } from '../../src/workers/fetch-wheel.js';
import { run } from '../../src/workers/run.js';
import { findTemporalServer } from '../../src/workers/temporal-server.js';

const SECRETS = {
  SF_ACCESS_TOKEN: '00D-planted',
  SF_CLIENT_SECRET: 'planted',
  NIGHTLOAD_CODEC_KEYS: 'planted',
  NIGHTLOAD_CONNECTIONS: 'planted',
  K2: 'planted',
  AWS_SECRET_ACCESS_KEY: 'planted',
  AWS_SESSION_TOKEN: 'planted',
  TEMPORAL_API_KEY: 'planted',
  TEMPORAL_TLS_CLIENT_KEY_DATA: 'planted',
  NODE_OPTIONS: '--no-warnings',
  NPM_TOKEN: 'planted',
  LD_PRELOAD: '',
  DATABASE_URL: 'planted',
};
const NEEDED = {
  HTTPS_PROXY: 'http://proxy.example:3128',
  no_proxy: 'localhost',
  LC_ALL: 'C.UTF-8',
  TMPDIR: tmpdir(),
  GOPROXY: 'off',
  PIP_INDEX_URL: 'https://index.example/simple',
};

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'nightload-environment-'));
});
afterAll(() => rm(folder, { recursive: true }));
afterEach(() => vi.unstubAllEnvs());

/** A program of that name that writes its environment into `<name>.seen`, then does what the script says. */
async function printer(name: string, script = 'exit 0'): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, `#!/bin/sh\nenv > '${path}.seen'\n${script}\n`);
  await chmod(path, 0o755);
  return path;
}

async function seenBy(name: string): Promise<Record<string, string>> {
  const text = await readFile(join(folder, `${name}.seen`), 'utf8');
  return Object.fromEntries(text.split('\n').map((line) => line.split(/=(.*)/s).slice(0, 2) as [string, string]));
}

function expectClean(seen: Record<string, string>): void {
  for (const name of Object.keys(SECRETS)) expect(seen).not.toHaveProperty(name);
  expect(JSON.stringify(seen)).not.toContain('planted');
  const { HTTPS_PROXY, no_proxy, LC_ALL } = NEEDED;
  expect(seen).toMatchObject({ HTTPS_PROXY, no_proxy, LC_ALL, PATH: expect.stringContaining('/') as string });
}

const polluted = (): NodeJS.ProcessEnv => ({
  ...process.env,
  ...SECRETS,
  ...NEEDED,
  PATH: `${folder}:${process.env['PATH']}`,
});

it('programs that are run to their end, with an environment that was given and with this process’s own', async () => {
  const path = await printer('some-program');
  await run(path, [], { env: polluted() });
  expectClean(await seenBy('some-program'));
  expect(await seenBy('some-program')).not.toHaveProperty('GOPROXY');
  for (const [name, value] of Object.entries({ ...SECRETS, ...NEEDED })) vi.stubEnv(name, value);
  await run(await printer('tar'), []);
  expectClean(await seenBy('tar'));
});

it('pip, python and go get what is theirs beside', async () => {
  await printer('python3', 'exit 1');
  const wheel = join(folder, 'x.whl');
  await writeFile(wheel, 'x');
  const sha256 = '2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881';
  await expect(unpackWheel(wheel, folder, polluted(), sha256)).rejects.toThrow(/python3 ended with 1/);
  expectClean(await seenBy('python3'));
  expect(await seenBy('python3')).toMatchObject({ PIP_INDEX_URL: NEEDED.PIP_INDEX_URL });
  await printer('go', 'exit 1');
  const env = { ...polluted(), NIGHTLOAD_TEMPORAL: 'go' };
  await expect(findTemporalServer({ env, cacheDir: folder })).rejects.toThrow(/go ended with 1/);
  expectClean(await seenBy('go'));
  expect(await seenBy('go')).toMatchObject({ GOPROXY: 'off', GOBIN: expect.stringContaining(folder) as string });
});

it('the Temporal server for development', async () => {
  for (const [name, value] of Object.entries({ ...SECRETS, ...NEEDED })) vi.stubEnv(name, value);
  const binary = await printer('temporal', 'exit 3');
  await expect(startDevServer({ binary, uiPort: 'off' })).rejects.toMatchObject({
    code: 'TEMPORAL_SERVER_NOT_STARTED',
  });
  expectClean(await seenBy('temporal'));
});
