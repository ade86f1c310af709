/**
 * Resolves the links in a path, even if its end does not exist yet. Another user's link is followed only to files of
 * that user: anyone with write permission on a folder could otherwise name files that they cannot read.
 */
import { lstat, readlink, stat } from 'node:fs/promises';
import { join, parse, resolve, sep } from 'node:path';
import { NightloadError } from '../errors.js';

/** The kernel's own limit. */
const MAX_LINKS = 40;
const MAX_SHOWN = 200;

/**
 * Resolves links in the part of a path that exists.
 * @throws NightloadError `SOURCE_NOT_READABLE`, `FILE_OUTSIDE_ROOTS` for another user's link to files that are not
 *   theirs
 */
export async function realOrPlanned(path: string): Promise<string> {
  const absolute = resolve(path);
  try {
    return await follow(absolute);
  } catch (error) {
    if (error instanceof NightloadError) throw error;
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown';
    throw new NightloadError('SOURCE_NOT_READABLE', `${shown(path)} cannot be reached (${code}).`, { cause: error });
  }
}

async function follow(path: string): Promise<string> {
  const { root } = parse(path);
  let real = root;
  let left = levelsOf(path, root);
  /** Owners of other users' links in the path. */
  const makers = new Set<number>();
  for (let links = 0; ;) {
    const [name, ...rest] = left;
    if (name === undefined) break;
    const next = join(real, name);
    const found = await lstat(next).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    });
    if (found === undefined) {
      await refuseBorrowed(path, makers, real);
      return join(next, ...rest);
    }
    left = rest;
    if (!found.isSymbolicLink()) {
      real = next;
      continue;
    }
    if (++links > MAX_LINKS) throw tooManyLinks();
    if (!isTrusted(found.uid)) makers.add(found.uid);
    const target = resolve(real, await readlink(next));
    real = parse(target).root;
    left = [...levelsOf(target, real), ...rest];
  }
  await refuseBorrowed(path, makers, real);
  return real;
}

function levelsOf(path: string, root: string): string[] {
  return path
    .slice(root.length)
    .split(sep)
    .filter((level) => level !== '');
}

/** Links of the worker's own user and of root: other users cannot create them. */
function isTrusted(uid: number): boolean {
  const self = process.geteuid?.();
  return self === undefined || uid === self || uid === 0;
}

async function refuseBorrowed(path: string, makers: ReadonlySet<number>, real: string): Promise<void> {
  if (makers.size === 0) return;
  const { uid } = await stat(real);
  if ([...makers].every((maker) => maker === uid)) return;
  throw new NightloadError(
    'FILE_OUTSIDE_ROOTS',
    `${shown(path)} leads through a link owned by user ${[...makers].join(', ')} to a target owned by user ${uid}. Such a link is not followed: ` +
      "put the file or folder itself there, or let the worker's user create the link.",
  );
}

function shown(path: string): string {
  return path.slice(0, MAX_SHOWN);
}

/** In the system's wording. */
function tooManyLinks(): Error {
  const error: NodeJS.ErrnoException = new Error('too many links');
  error.code = 'ELOOP';
  return error;
}
