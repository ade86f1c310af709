/** Creates, lists, renames and removes files and folders. */
import { Folder, inFolderOf } from '../folder/folder.js';
import { removeTree } from '../folder/remove-tree.js';
import { isUnfinished } from '../folder/unfinished-names.js';
import type { WriteOptions } from '../write-files.js';
import { diskError } from './disk-errors.js';
import { randomUUID } from 'node:crypto';
import { basename, join } from 'node:path';
import { isObject } from '../locations.js';
import {
  moveObject,
  objectIsThere,
  objectsIn,
  removeObject,
  removeObjectsIn,
  removeUnfinishedObjects,
} from '../objects/object-tree.js';
import type { FolderEntry } from '../folder/folder.js';

/** Whether there is a file or a folder at this path. */
export async function isThere(path: string): Promise<boolean> {
  if (isObject(path)) return objectIsThere(path);
  try {
    return await inFolderOf(path, {}, (folder, name) => folder.has(name));
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return false;
    throw error;
  }
}

/**
 * Creates a folder and its missing parents. An existing one must be the worker's own, unless it is shared. A store of
 * objects has no folders, so there is nothing to create.
 */
export async function makeFolder(path: string, { shared = false }: WriteOptions = {}): Promise<void> {
  if (isObject(path)) return;
  try {
    await (await Folder.open(path, { create: true, isPrivate: !shared })).close();
  } catch (error) {
    throw diskError(error, path);
  }
}

/** Does nothing if it does not exist. */
export async function removeFile(path: string): Promise<void> {
  if (isObject(path)) return removeObject(path);
  try {
    await inFolderOf(path, {}, (folder, name) => folder.remove(name));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw diskError(error, path);
  }
}

/** Within one folder. */
export async function renameFile(from: string, to: string): Promise<void> {
  if (isObject(from)) return moveObject(from, to);
  await inFolderOf(from, { isPrivate: true }, (folder, name) => folder.move(name, folder, basename(to)));
}

/** Removes a folder of the worker's own with its content. */
export async function removeFolder(path: string): Promise<void> {
  if (isObject(path)) return removeObjectsIn(path);
  try {
    await inFolderOf(path, { isPrivate: true }, removeTree);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw diskError(error, path);
  }
}

/** On any error, the folder stays. */
export async function removeIfEmpty(path: string): Promise<void> {
  if (isObject(path)) return;
  await inFolderOf(path, {}, (folder, name) => folder.removeIfEmpty(name)).catch(() => undefined);
}

/** A new folder with an unpredictable name. @param prefix a path, to which random letters are added */
export async function makeTemporaryFolder(prefix: string): Promise<string> {
  if (isObject(prefix)) return `${prefix}${randomUUID().slice(0, 8)}`;
  try {
    return await inFolderOf(prefix, { isPrivate: true }, async (folder, name) =>
      join(folder.path, await folder.makeTemporary(name)),
    );
  } catch (error) {
    throw diskError(error, prefix);
  }
}

/** Entries of a folder, up to a maximum; empty if it does not exist. */
export async function listFolder(
  path: string,
  most: number,
  options: { isPrivate?: boolean } = {},
): Promise<FolderEntry[]> {
  if (isObject(path)) {
    return (await objectsIn(path, most)).map(({ name, isFolder }) => ({ name, isFolder, isFile: !isFolder }));
  }
  try {
    return await (await Folder.open(path, options)).use((folder) => folder.entries(most));
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return [];
    throw diskError(error, path);
  }
}

/**
 * Removes what killed workers left of objects that they were writing. Files are removed with their folder, or see {@link
 * removeUnfinishedFiles}.
 */
export async function removeUnfinished(folder: string): Promise<void> {
  if (isObject(folder)) await removeUnfinishedObjects(folder);
}

/** A killed step leaves a few at most. */
const MAX_ENTRIES = 1_000;

/** Removes the files that killed workers were writing in a folder. No other step may be writing there. */
export async function removeUnfinishedFiles(folder: string): Promise<void> {
  if (isObject(folder)) return;
  for (const { name, isFile } of await listFolder(folder, MAX_ENTRIES)) {
    if (isFile && isUnfinished(name)) await removeFile(join(folder, name));
  }
}

/** A new, empty folder of the worker's own. */
export async function emptyFolder(path: string): Promise<void> {
  if (isObject(path)) return removeObjectsIn(path);
  try {
    await inFolderOf(path, { create: true, isPrivate: true }, removeTree);
    await makeFolder(path);
  } catch (error) {
    throw diskError(error, path);
  }
}
