/** Lists the files below a folder with sizes and times, without following a link. */
import { Folder } from './folder/folder.js';
import type { SizedFolderEntry } from './folder/folder.js';
import { diskError } from './files/disk-errors.js';
import { isObject, join } from './locations.js';
import { objectsIn } from './objects/object-tree.js';

export interface SizedTree {
  /** Names from the folder down. */
  files: { path: string[]; bytes: number; modifiedMs: number }[];
  /** Folders below it, each after those inside of it. */
  folders: string[][];
}

interface WalkOptions {
  /** Upper bound for the number of entries. */
  most: number;
  /** Deeper folders are left out. */
  depth: number;
  /** Whether to list a folder directly below. */
  enters: (name: string) => boolean;
  signal: AbortSignal;
}

/**
 * In this machine's file system, only the worker may have write permission on the folders.
 * @returns undefined if there are more entries than allowed
 */
export async function sizedTree(folder: string, options: WalkOptions): Promise<SizedTree | undefined> {
  const found: SizedTree = { files: [], folders: [] };
  let left = options.most;
  const walk = async (path: string[]): Promise<void> => {
    options.signal.throwIfAborted();
    const entries = await sizedEntries(join(folder, ...path), left + 1);
    left -= entries.length;
    for (const { name, isFolder, file } of entries) {
      if (left < 0) return;
      const inner = [...path, name];
      if (file !== undefined) found.files.push({ path: inner, ...file });
      if (!isFolder || path.length >= options.depth || (path.length === 0 && !options.enters(name))) continue;
      await walk(inner);
      found.folders.push(inner);
    }
  };
  await walk([]);
  return left < 0 ? undefined : found;
}

/** Empty if the folder does not exist. */
async function sizedEntries(path: string, most: number): Promise<SizedFolderEntry[]> {
  if (isObject(path)) {
    return (await objectsIn(path, most)).map(({ name, isFolder, version }) => ({
      name,
      isFolder,
      ...(version && { file: { bytes: version.size, modifiedMs: version.modifiedMs } }),
    }));
  }
  try {
    return await (await Folder.open(path, { isPrivate: true })).use((folder) => folder.sizedEntries(most));
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return [];
    throw diskError(error, path);
  }
}
