/**
 * The folder of `dev` and `demo`, and the database in it. In a folder where others may write, another user may have
 * created a link or a folder there first. It would pass for our own, and so would the loads in it.
 */
import { constants } from 'node:fs';
import type { Stats } from 'node:fs';
import { lstat, mkdir, open } from 'node:fs/promises';
import { NightloadError } from '../errors.js';

const { O_RDONLY, O_DIRECTORY = 0, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = constants;

/**
 * Creates a folder in an existing one, or uses it if it is this user's, and closes it to others.
 * @throws NightloadError `TEMPORAL_DATA_NOT_PRIVATE`; then nothing was changed
 */
export async function privateFolder(path: string): Promise<void> {
  await mkdir(path, { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
  await closeToOthers(path, 'folder');
}

/**
 * Closes a file to others if it exists.
 * @throws NightloadError `TEMPORAL_DATA_NOT_PRIVATE`; then nothing was changed
 */
export async function privateFile(path: string): Promise<void> {
  await closeToOthers(path, 'file').catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
}

async function closeToOthers(path: string, kind: 'folder' | 'file'): Promise<void> {
  refuseForeign(path, kind, await lstat(path));
  // Windows has other rights than these.
  if (process.geteuid === undefined) return;
  const how = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | (kind === 'folder' ? O_DIRECTORY : 0);
  const handle = await open(path, how).catch((error: NodeJS.ErrnoException) => {
    // Created since the check above.
    throw error.code === 'ELOOP' || error.code === 'ENOTDIR' ? notPrivate(path, 'is a link') : error;
  });
  try {
    // The open file is checked and changed, not a name that may lead elsewhere a moment later.
    refuseForeign(path, kind, await handle.stat());
    await handle.chmod(kind === 'folder' ? 0o700 : 0o600);
  } finally {
    await handle.close();
  }
}

function refuseForeign(path: string, kind: 'folder' | 'file', stats: Stats): void {
  if (stats.isSymbolicLink()) throw notPrivate(path, 'is a link');
  if (!(kind === 'folder' ? stats.isDirectory() : stats.isFile())) throw notPrivate(path, `is not a ${kind}`);
  const self = process.geteuid?.();
  if (self !== undefined && stats.uid !== self) {
    throw notPrivate(path, `belongs to user ${stats.uid}, and this process runs as user ${self}`);
  }
}

function notPrivate(path: string, why: string): NightloadError {
  return new NightloadError(
    'TEMPORAL_DATA_NOT_PRIVATE',
    `${path} ${why}. The Temporal server of this machine stores loads there, so nightload uses it only if it is yours. Nothing was changed. ` +
      'Find out who put it there and remove it, or start in a folder where only you may write.',
  );
}
