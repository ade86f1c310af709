/** Who may write to a folder: whether its files are the worker's own, or may expose another user's. */
import type { Stats } from 'node:fs';
import { basename, dirname } from 'node:path';
import { shownPath } from '../../domain/text/shown.js';
import { isRunFolder } from '../../domain/result-layout.js';
import { NightloadError } from '../../errors.js';
import { notPrivate } from './folder-errors.js';

/** Write permission for others. */
const WRITABLE_BY_OTHERS = 0o022;

/**
 * Anyone with write permission could replace the worker's files.
 * @param ownerOfNewFiles the user that a new file in the folder belongs to
 * @throws NightloadError `WORK_FOLDER_NOT_PRIVATE`
 */
export async function refuseOthers(
  path: string,
  { uid, mode }: Stats,
  ownerOfNewFiles: () => Promise<number | undefined>,
): Promise<void> {
  if ((mode & WRITABLE_BY_OTHERS) !== 0) throw notPrivate(path, `its mode is ${(mode & 0o777).toString(8)}`);
  const self = process.geteuid?.();
  // A folder that only root can write to is as good; and some shares assign all of the worker's files to one user.
  if (self === undefined || uid === self || uid === 0 || uid === (await ownerOfNewFiles())) return;
  throw notPrivate(path, `it belongs to user ${uid}, and the worker is user ${self}`);
}

/**
 * A hard link may expose a file that its creator could not read. Anyone who may write to the folder may have created
 * it; it exposes nothing new only if the file's owner alone may write there.
 */
export function refuseBorrowed(path: string, file: Stats, folder: Stats): void {
  if (folder.uid === file.uid && (folder.mode & WRITABLE_BY_OTHERS) === 0) return;
  throw new NightloadError(
    'SOURCE_NOT_A_FILE',
    `${shownPath(path)} is a hard link in a folder that users other than its owner can write, so it may be ` +
      "another user's file. Copy it there instead.",
  );
}

/** The folder of the load that a path inside of a run's folder belongs to; undefined for any other path. */
export function loadFolderOf(path: string): string | undefined {
  for (let at = path; dirname(at) !== at; at = dirname(at)) {
    if (isRunFolder(basename(at))) return dirname(at);
  }
  return undefined;
}
