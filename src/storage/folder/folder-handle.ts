/**
 * A folder held open by a handle: opened without following a link, and compared with its path as often as needed.
 *
 * On Linux `/proc/self/fd/<handle>/<name>` replaces openat, which Node lacks. Without /proc the path itself is used and
 * compared again afterwards, which leaves a moment for a swap, as SECURITY.md explains.
 */
import { constants, existsSync } from 'node:fs';
import type { Stats } from 'node:fs';
import { lstat, open, readlink, realpath, stat } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { fileModes } from '../files/file-modes.js';
import { named, swapped } from './folder-errors.js';

const { O_RDONLY, O_NOFOLLOW = 0, O_NONBLOCK = 0, O_DIRECTORY = 0 } = constants;
/** Linux: a handle that only refers to a location. It also works for a folder that may be entered but not listed. */
const O_PATH = 0o10000000;
/** New files in the folder belong to its group, as teams set it up; a plain chmod would remove this bit. */
const SET_GROUP = 0o2000;

export const HAS_PROC = process.platform === 'linux' && existsSync('/proc/self/fd');

interface OpenOptions {
  /** `false`: behave as on a system without /proc. */
  proc: boolean;
  /** Also for changes of the folder itself. */
  readable?: boolean;
}

export class FolderHandle {
  readonly path: string;
  readonly proc: boolean;
  readonly #handle: FileHandle;

  private constructor(path: string, handle: FileHandle, proc: boolean) {
    this.path = path;
    this.proc = proc;
    this.#handle = handle;
  }

  /** @param at where to open it, if not at its path: relative to another folder's handle */
  static async open(at: string, path: string, { proc, readable = false }: OpenOptions): Promise<FolderHandle> {
    const how = proc && !readable ? O_PATH : O_RDONLY | O_NONBLOCK;
    try {
      return new FolderHandle(path, await open(at, how | O_DIRECTORY | O_NOFOLLOW), proc);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'ENOTDIR' && code !== 'ELOOP') throw named(error, at, path);
      // For a link, systems report either error. The link may be gone by now.
      const found = await lstat(at).catch(() => undefined);
      throw found?.isFile() === true ? named(error, at, path) : swapped(path, error);
    }
  }

  /** Path to a name in this folder. */
  at(name: string): string {
    return join(this.proc ? `/proc/self/fd/${this.#handle.fd}` : this.path, name);
  }

  /** Checks that the folder is still at its path. @throws NightloadError `FILE_OUTSIDE_ROOTS` */
  async check(): Promise<void> {
    if (this.proc) {
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

  /** Without /proc: the name must refer to the opened file. */
  async checkOpened(name: string, handle: FileHandle): Promise<void> {
    if (this.proc) return;
    await this.check();
    const [there, here] = await Promise.all([lstat(this.at(name)), handle.stat()]);
    if (there.ino !== here.ino || there.dev !== here.dev) throw swapped(join(this.path, name));
  }

  /** Errors name the file's path instead of a handle number. */
  async named<T>(name: string, body: (at: string) => Promise<T>): Promise<T> {
    const at = this.at(name);
    try {
      return await body(at);
    } catch (error) {
      throw named(error, at, join(this.path, name));
    }
  }

  async stat(): Promise<Stats> {
    return this.#handle.stat();
  }

  /** Gives a new folder its mode. */
  async setMode(): Promise<void> {
    await this.#handle.chmod(fileModes().folder | ((await this.#handle.stat()).mode & SET_GROUP));
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }
}
