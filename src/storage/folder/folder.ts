/**
 * Folders by handle: the only place where the worker's steps access the file system. Another user may own a folder
 * inside of the worker's roots and swap files, folders and links in it at any moment. So a folder is opened once,
 * without following a link, and the location of the handle is compared with the intended path; everything in it is then
 * opened, created, renamed and removed relative to that handle, also without following links.
 */
import { constants } from 'node:fs';
import { link, lstat, mkdir, mkdtemp, open, opendir, rename, rmdir, unlink } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileModes } from '../files/file-modes.js';
import { notAFile, swapped } from './folder-errors.js';
import { FolderHandle, HAS_PROC } from './folder-handle.js';
import { unfinishedName } from './unfinished-names.js';
import { loadFolderOf, refuseBorrowed, refuseOthers } from './folder-owner.js';

const { O_RDONLY, O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = constants;

/** Errors of file systems without hard links. */
const WITHOUT_LINKS: readonly string[] = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'];

export interface FolderOptions {
  /** Create it and its missing parents. */
  create?: boolean;
  /** Only the worker may have write permission, because the content is trusted. */
  isPrivate?: boolean;
  /** `false`: behave as on a system without /proc. For tests. */
  proc?: boolean;
}

export interface FolderEntry {
  name: string;
  isFolder: boolean;
  isFile: boolean;
}

export interface SizedFolderEntry {
  name: string;
  isFolder: boolean;
  /** Of a regular file. */
  file?: { bytes: number; modifiedMs: number };
}

export class Folder {
  readonly path: string;
  readonly #handle: FolderHandle;
  #isPrivate = false;

  private constructor(handle: FolderHandle) {
    this.path = handle.path;
    this.#handle = handle;
  }

  /**
   * @param path absolute, links resolved
   * @throws NightloadError `FILE_OUTSIDE_ROOTS` if a link or another folder has replaced one in the path,
   *   `WORK_FOLDER_NOT_PRIVATE`; ENOENT if it does not exist
   */
  static async open(path: string, options: FolderOptions = {}): Promise<Folder> {
    const { create = false, isPrivate = false, proc = HAS_PROC } = options;
    const handle = await FolderHandle.open(path, path, { proc }).catch((error: unknown) => {
      const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT' && dirname(path) !== path;
      if (create && isMissing) return Folder.#make(path, proc);
      throw error;
    });
    const folder = new Folder(handle);
    try {
      await folder.check();
      if (isPrivate) {
        await folder.requireOwn();
        // Anyone with write permission on the load's folder could replace a run's folder, with all its notes.
        const load = loadFolderOf(path);
        if (load !== undefined) await (await Folder.open(load, { proc })).use((above) => above.requireOwn());
      }
      folder.#isPrivate = isPrivate;
      return folder;
    } catch (error) {
      await folder.close();
      throw error;
    }
  }

  static async #make(path: string, proc: boolean): Promise<FolderHandle> {
    const parent = await Folder.open(dirname(path), { create: true, proc });
    try {
      const name = basename(path);
      const isNew = await parent.#handle
        .named(name, (at) => mkdir(at, 0o700))
        .then(
          () => true,
          (error: NodeJS.ErrnoException) => {
            // Another step creates it at the same time.
            if (error.code === 'EEXIST') return false;
            throw error;
          },
        );
      const folder = await FolderHandle.open(parent.at(name), path, { proc, readable: isNew });
      if (isNew) await folder.setMode();
      return folder;
    } finally {
      await parent.close();
    }
  }

  /** Path to a name in this folder. */
  at(name: string): string {
    return this.#handle.at(name);
  }

  /** Checks that the folder is still at its path. @throws NightloadError `FILE_OUTSIDE_ROOTS` */
  async check(): Promise<void> {
    await this.#handle.check();
  }

  /** Anyone with write permission could replace the worker's files. */
  async requireOwn(): Promise<void> {
    await refuseOthers(this.path, await this.#handle.stat(), () => this.#ownerOfNewFiles());
  }

  async #ownerOfNewFiles(): Promise<number | undefined> {
    const name = unfinishedName();
    const probe = await this.createFile(name).catch(() => undefined);
    if (probe === undefined) return undefined;
    try {
      return (await probe.stat()).uid;
    } finally {
      await probe.close();
      await this.remove(name);
    }
  }

  /** Opens a regular file for reading. Links, pipes and devices are neither opened nor waited for. */
  async openFile(name: string): Promise<FileHandle> {
    const path = join(this.path, name);
    let handle: FileHandle;
    try {
      handle = await this.#handle.named(name, (at) => open(at, O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ELOOP') throw swapped(path, error);
      if (code === 'ENXIO') throw notAFile(path);
      throw error;
    }
    try {
      const found = await handle.stat();
      if (!found.isFile()) throw notAFile(path);
      if (found.nlink > 1) refuseBorrowed(path, found, await this.#handle.stat());
      await this.#handle.checkOpened(name, handle);
      return handle;
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /** Creates a new file with the mode of results. @throws EEXIST */
  async createFile(name: string): Promise<FileHandle> {
    const handle = await this.#handle.named(name, (at) => open(at, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600));
    try {
      await handle.chmod(fileModes().file);
      await this.#handle.checkOpened(name, handle);
      return handle;
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /**
   * Moves a file that was created here to its name, replacing an existing one; a link itself is replaced, not its
   * target.
   */
  async publish(temporary: string, name: string, handle: FileHandle): Promise<void> {
    await this.check();
    await this.#handle.named(temporary, (at) => rename(at, this.at(name)));
    await this.#requirePublished(name, handle);
  }

  /** Like `publish`, but replaces nothing. */
  async publishNew(temporary: string, name: string, handle: FileHandle): Promise<'done' | 'taken' | 'noLinks'> {
    await this.check();
    try {
      await this.#handle.named(temporary, (at) => link(at, this.at(name)));
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EEXIST') return 'taken';
      if (WITHOUT_LINKS.includes(code ?? '')) return 'noLinks';
      throw error;
    }
    await this.#requirePublished(name, handle);
    return 'done';
  }

  /** Another user's folder may have been moved, or another file may have replaced ours. */
  async #requirePublished(name: string, handle: FileHandle): Promise<void> {
    await this.check();
    // In the worker's own folder, only another attempt of the same step can have replaced it, with an equivalent file.
    if (this.#isPrivate) return;
    const [there, here] = await Promise.all([this.#handle.named(name, (at) => lstat(at)), handle.stat()]);
    if (there.ino !== here.ino || there.dev !== here.dev) throw swapped(join(this.path, name));
  }

  /** Whether the name exists. */
  async has(name: string): Promise<boolean> {
    return (await this.kindOf(name)) !== undefined;
  }

  async kindOf(name: string): Promise<'file' | 'folder' | 'other' | undefined> {
    const found = await this.#handle.named(name, (at) => lstat(at)).catch(unlessMissing);
    if (found === undefined) return undefined;
    return found.isFile() ? 'file' : found.isDirectory() ? 'folder' : 'other';
  }

  /** Entries of the folder, in no order, up to a maximum. */
  async entries(most: number): Promise<FolderEntry[]> {
    const found: FolderEntry[] = [];
    const entries = await this.#handle.named('.', (at) => opendir(at));
    for await (const entry of entries) {
      if (found.length === most) break;
      found.push({ name: entry.name, isFolder: entry.isDirectory(), isFile: entry.isFile() });
    }
    return found;
  }

  /** Like `entries`, with the size and the time of each file. */
  async sizedEntries(most: number): Promise<SizedFolderEntry[]> {
    const found: SizedFolderEntry[] = [];
    for (const { name } of await this.entries(most)) {
      const stats = await this.#handle.named(name, (at) => lstat(at)).catch(unlessMissing);
      if (stats === undefined) continue;
      const file = stats.isFile() ? { bytes: stats.size, modifiedMs: stats.mtimeMs } : undefined;
      found.push({ name, isFolder: stats.isDirectory(), ...(file && { file }) });
    }
    return found;
  }

  async move(name: string, to: Folder, newName: string): Promise<void> {
    await this.#handle.named(name, (at) => rename(at, to.at(newName)));
  }

  /** Removes a file, or a link itself; does nothing if it does not exist. */
  async remove(name: string): Promise<void> {
    await this.#handle.named(name, (at) => unlink(at)).catch(unlessMissing);
  }

  /** Opens a folder in this one. */
  async openFolder(name: string): Promise<Folder> {
    const { proc } = this.#handle;
    return new Folder(await FolderHandle.open(this.at(name), join(this.path, name), { proc }));
  }

  async removeIfEmpty(name: string): Promise<void> {
    await this.#handle.named(name, (at) => rmdir(at));
  }

  /** A new folder with an unpredictable name. */
  async makeTemporary(prefix: string): Promise<string> {
    return basename(await this.#handle.named(prefix, (at) => mkdtemp(at)));
  }

  /** Closes it afterwards. */
  async use<T>(body: (folder: this) => Promise<T>): Promise<T> {
    try {
      return await body(this);
    } finally {
      await this.close();
    }
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }
}

/** Opens the folder of a path for one operation. */
export async function inFolderOf<T>(
  path: string,
  options: FolderOptions,
  body: (folder: Folder, name: string) => Promise<T>,
): Promise<T> {
  return (await Folder.open(dirname(path), options)).use((folder) => body(folder, basename(path)));
}

function unlessMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code === 'ENOENT') return undefined;
  throw error;
}
