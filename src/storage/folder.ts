/**
 * Folders by handle: the one place where the worker's steps reach the file system. Somebody may own a folder inside of
 * the worker's roots and swap files, folders and links in it at any moment. So a folder is opened once, without
 * following a link, and the place of the handle is compared with the path that was meant; everything in it is then
 * opened, made, renamed and removed relative to that handle, and no link is followed there either.
 *
 * On Linux `/proc/self/fd/<handle>/<name>` is what openat is elsewhere, which Node does not have. Without /proc the path
 * itself is used and compared again afterwards, which leaves a moment for a swap: SECURITY.md says so.
 */
import { constants, existsSync } from 'node:fs';
import {
  link,
  lstat,
  mkdir,
  mkdtemp,
  open,
  opendir,
  readlink,
  realpath,
  rename,
  rm,
  rmdir,
  stat,
  unlink,
} from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { randomUUID } from 'node:crypto';
import { basename, dirname, join } from 'node:path';
import { NightloadError } from '../errors.js';

const { O_RDONLY, O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW = 0, O_NONBLOCK = 0, O_DIRECTORY = 0 } = constants;
/** Linux: a handle that only names a place. A folder that may be entered and not listed can be opened so. */
const O_PATH = 0o10000000;
/** Others may write. */
const WRITABLE_BY_OTHERS = 0o022;
/** A folder whose files belong to its group, as teams set it up; a plain chmod would take it away. */
const SET_GROUP = 0o2000;

/** A file system that has no hard links says so. */
const WITHOUT_LINKS: readonly string[] = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'];

const HAS_PROC = process.platform === 'linux' && existsSync('/proc/self/fd');

/** How files and folders are made, whatever the umask says: for the worker alone, or for a group to read. */
export function fileModes(said = process.env['NIGHTLOAD_FILE_MODE']): { file: number; folder: number } {
  if (said === '640') return { file: 0o640, folder: 0o750 };
  if (said === undefined || said === '' || said === '600') return { file: 0o600, folder: 0o700 };
  throw new NightloadError(
    'FILE_MODE_INVALID',
    `NIGHTLOAD_FILE_MODE is ${JSON.stringify(said.slice(0, 20))}; it may be 600 (only the worker reads results) or 640 (its group reads them too).`,
  );
}

export interface FolderOptions {
  /** Make it, and the folders above it that are missing. */
  create?: boolean;
  /** Nobody but the worker may be able to write there: what lies there is believed. */
  own?: boolean;
  /** `false`: as on a system without /proc. For tests. */
  proc?: boolean;
}

export interface FolderEntry {
  name: string;
  isFolder: boolean;
  isFile: boolean;
}

export class Folder {
  readonly path: string;
  readonly #handle: FileHandle;
  readonly #proc: boolean;
  #isOwn = false;

  private constructor(path: string, handle: FileHandle, proc: boolean) {
    this.path = path;
    this.#handle = handle;
    this.#proc = proc;
  }

  /**
   * @param path absolute, links resolved
   * @throws NightloadError `FILE_OUTSIDE_ROOTS` when a link or another folder has come into the place of one in the path,
   *   `WORK_FOLDER_NOT_PRIVATE`; ENOENT when it is not there
   */
  static async open(path: string, options: FolderOptions = {}): Promise<Folder> {
    const { create = false, own = false, proc = HAS_PROC } = options;
    const folder = await Folder.#openAt(path, path, proc).catch((error: unknown) => {
      const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT' && dirname(path) !== path;
      if (create && isMissing) return Folder.#make(path, proc);
      throw error;
    });
    try {
      await folder.check();
      if (own) {
        await folder.requireOwn();
        await requireOwnLoad(path, proc);
      }
      folder.#isOwn = own;
      return folder;
    } catch (error) {
      await folder.close();
      throw error;
    }
  }

  static async #openAt(at: string, path: string, proc: boolean, readable = false): Promise<Folder> {
    const how = proc && !readable ? O_PATH : O_RDONLY | O_NONBLOCK;
    try {
      return new Folder(path, await open(at, how | O_DIRECTORY | O_NOFOLLOW), proc);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'ENOTDIR' && code !== 'ELOOP') throw named(error, at, path);
      // A link is no folder: some systems say the one, some the other. It may be gone again by now.
      const found = await lstat(at).catch(() => undefined);
      throw found?.isFile() === true ? named(error, at, path) : swapped(path, error);
    }
  }

  static async #make(path: string, proc: boolean): Promise<Folder> {
    const parent = await Folder.open(dirname(path), { create: true, proc });
    try {
      const name = basename(path);
      const isNew = await parent
        .#named(name, (at) => mkdir(at, 0o700))
        .then(
          () => true,
          (error: NodeJS.ErrnoException) => {
            // Another step makes it at the same time.
            if (error.code === 'EEXIST') return false;
            throw error;
          },
        );
      const folder = await Folder.#openAt(parent.at(name), path, proc, isNew);
      if (isNew) await folder.#handle.chmod(fileModes().folder | ((await folder.#handle.stat()).mode & SET_GROUP));
      return folder;
    } finally {
      await parent.close();
    }
  }

  /** Where a name of this folder is reached. */
  at(name: string): string {
    return join(this.#proc ? `/proc/self/fd/${this.#handle.fd}` : this.path, name);
  }

  /** Whether the folder still is where its path says. @throws NightloadError `FILE_OUTSIDE_ROOTS` */
  async check(): Promise<void> {
    if (this.#proc) {
      if ((await readlink(`/proc/self/fd/${this.#handle.fd}`)) !== this.path) throw swapped(this.path);
      return;
    }
    const [real, there, here] = await Promise.all([
      realpath(this.path).catch(() => undefined),
      stat(this.path).catch(() => undefined),
      this.#handle.stat(),
    ]);
    if (real !== this.path || there?.ino !== here.ino || there.dev !== here.dev) throw swapped(this.path);
  }

  /** Whoever may write here could put files of their own in the place of the worker's. */
  async requireOwn(): Promise<void> {
    const { uid, mode } = await this.#handle.stat();
    if ((mode & WRITABLE_BY_OTHERS) !== 0) throw notPrivate(this.path, `its mode is ${(mode & 0o777).toString(8)}`);
    const self = process.geteuid?.();
    // What root alone may write is as good; and some shares give all files of the worker to one user of theirs.
    if (self === undefined || uid === self || uid === 0 || uid === (await this.#ownerOfNewFiles())) return;
    throw notPrivate(this.path, `it belongs to user ${uid}, and the worker is user ${self}`);
  }

  async #ownerOfNewFiles(): Promise<number | undefined> {
    const name = `.${randomUUID()}.tmp`;
    const probe = await this.createFile(name).catch(() => undefined);
    if (probe === undefined) return undefined;
    try {
      return (await probe.stat()).uid;
    } finally {
      await probe.close();
      await this.remove(name);
    }
  }

  /** Opens a regular file to be read. Neither a link nor a pipe nor a device is opened; none is waited for. */
  async openFile(name: string): Promise<FileHandle> {
    const path = join(this.path, name);
    let handle: FileHandle;
    try {
      handle = await this.#named(name, (at) => open(at, O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ELOOP') throw swapped(path, error);
      if (code === 'ENXIO') throw notAFile(path);
      throw error;
    }
    try {
      const found = await handle.stat();
      if (!found.isFile()) throw notAFile(path);
      if (found.nlink > 1) await this.#refuseBorrowed(path, found.uid);
      await this.#checkOpened(name, handle);
      return handle;
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /**
   * A hard link may show a file that its maker could not read. Who may write to the folder may have made it: only where
   * that is the owner of the file alone, it tells nothing new.
   */
  async #refuseBorrowed(path: string, uid: number): Promise<void> {
    const folder = await this.#handle.stat();
    if (folder.uid === uid && (folder.mode & WRITABLE_BY_OTHERS) === 0) return;
    throw new NightloadError(
      'SOURCE_NOT_A_FILE',
      `${path} is one of several names of the same file (a hard link), in a folder that others than its owner may write, so it may be ` +
        'the file of somebody else. Copy it there instead.',
    );
  }

  /** Makes a file that was not there, with the mode of results. @throws EEXIST */
  async createFile(name: string): Promise<FileHandle> {
    const handle = await this.#named(name, (at) => open(at, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600));
    try {
      await handle.chmod(fileModes().file);
      await this.#checkOpened(name, handle);
      return handle;
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /** Puts a file that was made here under its name. Whatever has the name is replaced, a link itself and not its target. */
  async publish(temporary: string, name: string, handle: FileHandle): Promise<void> {
    await this.check();
    await this.#named(temporary, (at) => rename(at, this.at(name)));
    await this.#requirePublished(name, handle);
  }

  /** As `publish`, but nothing is replaced. */
  async publishNew(temporary: string, name: string, handle: FileHandle): Promise<'done' | 'taken' | 'noLinks'> {
    await this.check();
    try {
      await this.#named(temporary, (at) => link(at, this.at(name)));
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EEXIST') return 'taken';
      if (WITHOUT_LINKS.includes(code ?? '')) return 'noLinks';
      throw error;
    }
    await this.#requirePublished(name, handle);
    return 'done';
  }

  /** The folder of somebody else may have been moved, or another file have come into the place of ours. */
  async #requirePublished(name: string, handle: FileHandle): Promise<void> {
    await this.check();
    // There only another attempt of the same step can have done so, with as good a file.
    if (this.#isOwn) return;
    const [there, here] = await Promise.all([this.#named(name, (at) => lstat(at)), handle.stat()]);
    if (there.ino !== here.ino || there.dev !== here.dev) throw swapped(join(this.path, name));
  }

  /** Without /proc: the name must lead to what was opened. */
  async #checkOpened(name: string, handle: FileHandle): Promise<void> {
    if (this.#proc) return;
    await this.check();
    const [there, here] = await Promise.all([lstat(this.at(name)), handle.stat()]);
    if (there.ino !== here.ino || there.dev !== here.dev) throw swapped(join(this.path, name));
  }

  /** Whether anything has the name. */
  async has(name: string): Promise<boolean> {
    return (await this.kindOf(name)) !== undefined;
  }

  async kindOf(name: string): Promise<'file' | 'folder' | 'other' | undefined> {
    const found = await this.#named(name, (at) => lstat(at)).catch(unlessMissing);
    if (found === undefined) return undefined;
    return found.isFile() ? 'file' : found.isDirectory() ? 'folder' : 'other';
  }

  /** What lies in the folder, in no order, at most so many. */
  async entries(most: number): Promise<FolderEntry[]> {
    const found: FolderEntry[] = [];
    const entries = await this.#named('.', (at) => opendir(at));
    for await (const entry of entries) {
      if (found.length === most) break;
      found.push({ name: entry.name, isFolder: entry.isDirectory(), isFile: entry.isFile() });
    }
    return found;
  }

  async move(name: string, to: Folder, newName: string): Promise<void> {
    await this.#named(name, (at) => rename(at, to.at(newName)));
  }

  /** A file, or a link itself; nothing when it is not there. */
  async remove(name: string): Promise<void> {
    await this.#named(name, (at) => unlink(at)).catch(unlessMissing);
  }

  /** A folder with all that is in it; links in it are removed, not followed. */
  async removeAll(name: string): Promise<void> {
    await this.#named(name, (at) => rm(at, { recursive: true, force: true }));
  }

  async removeIfEmpty(name: string): Promise<void> {
    await this.#named(name, (at) => rmdir(at));
  }

  /** A new folder of an unpredictable name. */
  async makeTemporary(prefix: string): Promise<string> {
    return basename(await this.#named(prefix, (at) => mkdtemp(at)));
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

  /** Errors name the file as people know it, not by the number of a handle. */
  async #named<T>(name: string, body: (at: string) => Promise<T>): Promise<T> {
    const at = this.at(name);
    try {
      return await body(at);
    } catch (error) {
      throw named(error, at, join(this.path, name));
    }
  }
}

/** Opens the folder of a path for a moment. */
export async function inFolderOf<T>(
  path: string,
  options: FolderOptions,
  body: (folder: Folder, name: string) => Promise<T>,
): Promise<T> {
  return (await Folder.open(dirname(path), options)).use((folder) => body(folder, basename(path)));
}

function named(error: unknown, at: string, path: string): unknown {
  const failed = error as NodeJS.ErrnoException;
  if (typeof failed.path !== 'string' || at === path) return error;
  failed.path = path;
  failed.message = failed.message.replaceAll(at, path);
  return failed;
}

function unlessMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code === 'ENOENT') return undefined;
  throw error;
}

function swapped(path: string, cause?: unknown): NightloadError {
  return new NightloadError(
    'FILE_OUTSIDE_ROOTS',
    `${path} is a link, or was replaced or moved while it was used. Nothing is read or written through it. Put the file or folder ` +
      'itself there; the load resumes by itself.',
    { retryable: true, cause },
  );
}

function notPrivate(path: string, why: string): NightloadError {
  return new NightloadError(
    'WORK_FOLDER_NOT_PRIVATE',
    `${path} could be written by others than the worker (${why}), so what lies there is not believed. Give it back to the worker's ` +
      'user with mode 700; the load resumes by itself.',
    { retryable: true },
  );
}

function notAFile(path: string): NightloadError {
  return new NightloadError('SOURCE_NOT_A_FILE', `${path} is not a file.`);
}

/** The folder of one run of a load: it lies in the folder of the load. */
const RUN_FOLDER = /^run-/;

/** Whoever may write into the folder of a load could put another run's folder, with all that it notes, in the place of one. */
async function requireOwnLoad(path: string, proc: boolean): Promise<void> {
  let above = path;
  while (!RUN_FOLDER.test(basename(above))) {
    if (dirname(above) === above) return;
    above = dirname(above);
  }
  const load = await Folder.open(dirname(above), { proc });
  try {
    await load.requireOwn();
  } finally {
    await load.close();
  }
}
