/** Detects that a file was replaced or changed. */
import type { FileRef } from './files/file-ref.js';
import { objectToRead, openToRead, pathOfFile } from './files/file-ref.js';
import { isObject } from './locations.js';
import { NightloadError } from '../errors.js';
import { shownPath } from '../domain/text/shown.js';

/** Size and time of the last change: a quick check for a changed source; its checksum covers the rest. */
export interface Fingerprint {
  size: number;
  modifiedMs: number;
  /** Of an object: it changes with the content. */
  etag?: string;
}

export function sameFingerprint(one: Fingerprint, other: Fingerprint): boolean {
  if (one.etag !== other.etag || one.size !== other.size) return false;
  // Written again with the same content, an object is the same.
  return one.etag !== undefined || one.modifiedMs === other.modifiedMs;
}

/** The fingerprint, and the identity of the file itself. */
export async function identityOf(file: FileRef): Promise<Fingerprint & { inode: number }> {
  if (isObject(pathOfFile(file))) return { ...(await objectToRead(file)).version, inode: 0 };
  const { handle, close } = await openToRead(file);
  try {
    const { size, mtimeMs, ino } = await handle.stat();
    return { size, modifiedMs: Math.round(mtimeMs), inode: ino };
  } finally {
    await close();
  }
}

/** @throws NightloadError `SOURCE_NOT_FOUND`, `SOURCE_NOT_A_FILE`, `SOURCE_NOT_READABLE` */
export async function fingerprint(file: FileRef): Promise<Fingerprint> {
  const path = pathOfFile(file);
  try {
    const { inode: _inode, ...found } = await identityOf(file);
    return found;
  } catch (error) {
    // A dangling link; any other was resolved.
    const isLink =
      error instanceof NightloadError && (error.cause as NodeJS.ErrnoException | undefined)?.code === 'ELOOP';
    if (error instanceof NightloadError && !isLink) throw error;
    if (isLink || (error as NodeJS.ErrnoException).code === 'ENOENT') {
      throw new NightloadError('SOURCE_NOT_FOUND', `The worker cannot find the file ${shownPath(path)}.`, {
        cause: error,
      });
    }
    // Node's message repeats the path.
    const why = (error as NodeJS.ErrnoException).code ?? (error as Error).name;
    throw new NightloadError('SOURCE_NOT_READABLE', `${shownPath(path)} cannot be read (${why}).`, { cause: error });
  }
}
