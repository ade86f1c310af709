/**
 * Identifies a file to read, and how to open it: a file of this machine by handle, without following links, as in
 * `folder.ts`; an object by its version.
 */
import type { FileHandle } from 'node:fs/promises';
import { inFolderOf } from '../folder/folder.js';
import type { OpenFile } from './file-stream.js';
import { isObject } from '../locations.js';
import { openObject } from '../objects/object-reads.js';
import type { OpenObject } from '../objects/object-reads.js';

/**
 * A file to read, by its location: a path has its links resolved. A bare location is one of the worker's own; in this
 * machine's file system, it lies in a folder that only the worker can write to. Files from people, sources and
 * corrections, are {@link ForeignFile}s.
 */
export type FileRef = string | ForeignFile;

export class ForeignFile {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }
}

/** A file that is open for a while: even if it is replaced meanwhile, the same bytes are read. */
class HeldFile extends ForeignFile {
  readonly handle: FileHandle;

  constructor(path: string, handle: FileHandle) {
    super(path);
    this.handle = handle;
  }
}

/** An object of which one version is read. */
class HeldObject extends ForeignFile {
  readonly object: OpenObject;

  constructor(object: OpenObject) {
    super(object.location);
    this.object = object;
  }
}

export function pathOfFile(file: FileRef): string {
  return typeof file === 'string' ? file : file.path;
}

/** Opens a file once for all reads in `body`. */
export async function holding<T>(file: FileRef, body: (held: ForeignFile) => Promise<T>): Promise<T> {
  if (isObject(pathOfFile(file))) return body(new HeldObject(await objectToRead(file)));
  const handle = await openFile(file);
  try {
    return await body(new HeldFile(pathOfFile(file), handle));
  } finally {
    await handle.close();
  }
}

function openFile(file: FileRef): Promise<FileHandle> {
  return inFolderOf(pathOfFile(file), { isPrivate: typeof file === 'string' }, (folder, name) => folder.openFile(name));
}

/** Opens a file for one reader; the handle of a held file stays open. */
export async function openToRead(file: FileRef): Promise<OpenFile> {
  if (file instanceof HeldFile) return { handle: file.handle, close: () => Promise.resolve() };
  const handle = await openFile(file);
  return { handle, close: () => handle.close() };
}

/** @throws ENOENT if it does not exist */
export async function objectToRead(file: FileRef): Promise<OpenObject> {
  if (file instanceof HeldObject) return file.object;
  return openObject(pathOfFile(file), { isOwn: typeof file === 'string' });
}
