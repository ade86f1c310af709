/**
 * The folders that a worker may read from and write to, and its prefixes of object stores. Anyone who can start a workflow names files by URI, so every
 * path is checked against these folders: links in paths from people are resolved once; the worker's own paths contain
 * none. `folder.ts` detects folders that are replaced afterwards.
 */
import { randomBytes } from 'node:crypto';
import { realpath } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, dirname, join, parse, resolve, sep } from 'node:path';
import { shownPath } from '../../domain/text/shown.js';
import { NightloadError } from '../../errors.js';
import { realOrPlanned } from '../../runtime/real-path.js';
import { readSmallFile } from '../read-files.js';
import { saveNew } from '../write-files.js';
import { ForeignFile } from './file-ref.js';
import { pathOfUri } from './resolved-file.js';
import { fileModes } from './file-modes.js';
import { isBelow, isObject } from '../locations.js';
import { checkedObject, objectOf, objectRootsFrom } from '../objects/object-roots.js';

const ID_FILE = '.nightload-id';
const MAX_ID_BYTES = 200;
/** Remembered locations of secrets; each rotation adds some. */
const MAX_CLOSED = 10_000;

export class FileRoots {
  /** Absolute, symbolic links resolved. */
  readonly folders: readonly [string, ...string[]];
  /** Locations of the prefixes in object stores; none: loads may not use one. */
  readonly objects: readonly string[];
  /** Files and folders inside of them that loads may not name. */
  readonly #secrets = new Set<string>();
  /** The same, and their resolved locations at the last check. */
  #closed: ReadonlySet<string> = new Set();

  private constructor(folders: [string, ...string[]], objects: readonly string[]) {
    this.folders = folders;
    this.objects = objects;
  }

  /**
   * @param env `NIGHTLOAD_S3_ROOTS` of it is used
   * @throws NightloadError `FILE_ROOT_NOT_FOUND`, `INVALID_S3_ROOTS`
   */
  static async open(folders: readonly [string, ...string[]], env: NodeJS.ProcessEnv = {}): Promise<FileRoots> {
    const objects = objectRootsFrom(env);
    const real = await Promise.all(
      folders.map(async (folder) => {
        try {
          return await realpath(resolve(folder));
        } catch (error) {
          throw new NightloadError(
            'FILE_ROOT_NOT_FOUND',
            `NIGHTLOAD_FILE_ROOTS names ${folder}, which does not exist. Create it or correct the setting.`,
            { cause: error },
          );
        }
      }),
    );
    return new FileRoots(real as [string, ...string[]], objects);
  }

  /**
   * From `NIGHTLOAD_FILE_ROOTS`, else the working directory.
   * @param warn is told that the working directory is the user's home
   * @throws NightloadError `FILE_ROOT_NOT_FOUND`, `FILE_ROOTS_NOT_SET`
   */
  static async fromEnvironment(
    env: NodeJS.ProcessEnv,
    workingDirectory: string,
    warn: (text: string) => void,
  ): Promise<FileRoots> {
    // Fails before the first result is written.
    fileModes(env['NIGHTLOAD_FILE_MODE']);
    const [first, ...others] = (env['NIGHTLOAD_FILE_ROOTS'] ?? '').split(delimiter).filter((folder) => folder !== '');
    return first === undefined
      ? FileRoots.ofWorkingDirectory(workingDirectory, env, warn)
      : FileRoots.open([first, ...others], env);
  }

  /**
   * The working directory, which nobody has named: not the whole disk, and not a home without a word.
   * @throws NightloadError `FILE_ROOTS_NOT_SET`
   */
  static async ofWorkingDirectory(
    folder: string,
    env: NodeJS.ProcessEnv,
    warn: (text: string) => void,
  ): Promise<FileRoots> {
    const roots = await FileRoots.open([folder], env);
    const [real] = roots.folders;
    if (parse(real).root === real) {
      throw new NightloadError(
        'FILE_ROOTS_NOT_SET',
        `The working directory is ${real}, so loads could use every file of this machine. ` +
          "Set the worker's NIGHTLOAD_FILE_ROOTS to the folders that loads use, or start in another folder.",
      );
    }
    const home = await realpath(env['HOME'] || homedir()).catch(() => undefined);
    if (home !== undefined && isBelow(home, real)) {
      warn(
        `Loads may use every file below ${real}, which ${home === real ? 'is' : 'contains'} your home directory, except hidden ones. ` +
          "It is safer to set the worker's NIGHTLOAD_FILE_ROOTS to the folders that loads use, or to start in another folder.",
      );
    }
    return roots;
  }

  /**
   * Excludes secrets of the worker within its folders, for example a connections file in its working directory: a load
   * could otherwise read or overwrite them.
   */
  async keepOut(paths: Iterable<string>): Promise<void> {
    for (const path of paths) this.#secrets.add(resolve(path));
    await this.#findSecrets();
  }

  /** A rotated secret moves to another place behind the same link; its old place may still contain one. */
  async #findSecrets(): Promise<void> {
    const found = await Promise.all(
      [...this.#secrets].map(async (path) => [path, await realOrPlanned(path).catch(() => path)]),
    );
    this.#closed = new Set([...this.#closed, ...found.flat()].slice(-MAX_CLOSED));
  }

  /**
   * The location of a URI from people, links resolved; the file need not exist.
   * @throws NightloadError `INVALID_FILE_URI`, `FILE_OUTSIDE_ROOTS`, `SOURCE_NOT_READABLE`, and those of `checkedObject`
   */
  async pathOf(uri: string): Promise<string> {
    if (isObject(uri)) return checkedObject(objectOf(uri), this.objects);
    const path = pathOfUri(uri);
    const real = await realOrPlanned(path);
    await this.#findSecrets();
    const found = this.#inside(real, path);
    // A hidden link to what is not hidden.
    if (this.#isHidden(path)) throw hidden(path);
    return found;
  }

  /** A file that people provide. */
  async foreignFile(uri: string): Promise<ForeignFile> {
    return new ForeignFile(await this.pathOf(uri));
  }

  /**
   * The path of a URI that the worker wrote itself, of working files and results. It contains no link, so none is
   * resolved: a link that another program puts there is detected when the file is opened.
   * @throws NightloadError `INVALID_FILE_URI`, `FILE_OUTSIDE_ROOTS`
   */
  ownPathOf(uri: string): string {
    if (isObject(uri)) return checkedObject(objectOf(uri), this.objects);
    return this.checked(pathOfUri(uri));
  }

  /** A location from a note. @throws NightloadError `FILE_OUTSIDE_ROOTS`, and those of `checkedObject` */
  checked(path: string): string {
    if (isObject(path)) return checkedObject(path, this.objects);
    return this.#inside(resolve(path), path);
  }

  /** Whether it is a root, or nothing is above it. */
  isTop(folder: string): boolean {
    if (isObject(folder)) return !this.objects.some((root) => folder !== root && isBelow(folder, root));
    return this.folders.includes(folder) || dirname(folder) === folder;
  }

  #inside(real: string, path: string): string {
    if (
      !this.folders.some((root) => isBelow(real, root)) ||
      [...this.#closed].some((secret) => isBelow(real, secret))
    ) {
      throw new NightloadError(
        'FILE_OUTSIDE_ROOTS',
        `${shownPath(path)} is outside the folders that this worker may use (${this.folders.join(', ')}). ` +
          'Move the file there, or add its folder to NIGHTLOAD_FILE_ROOTS and restart the worker.',
      );
    }
    if (this.#isHidden(real)) throw hidden(path);
    return real;
  }

  /** Below every root that it lies in; `false` outside of all. */
  #isHidden(path: string): boolean {
    const roots = this.folders.filter((root) => isBelow(path, root));
    return roots.length > 0 && roots.every((root) => hasHiddenName(path.slice(root.length)));
  }

  /**
   * Identifies the group of workers that share these folders: an id stored in the first one. Workers that start
   * together agree on it, because the file is created only once.
   */
  async id(): Promise<string> {
    const file = join(this.folders[0], ID_FILE);
    const fresh = randomBytes(5).toString('hex');
    try {
      // It is not secret, and workers of other users read it too.
      if (await saveNew(`${fresh}\n`, file, { shared: true, mode: 0o644 })) return fresh;
    } catch (error) {
      throw new NightloadError(
        'FILE_ROOT_NOT_WRITABLE',
        `Cannot write ${file}: ${(error as Error).message}. Make the folder writable for the worker and start it again.`,
        {
          cause: error,
        },
      );
    }
    for (let attempt = 0; ; attempt++) {
      const id = (await readSmallFile(file, MAX_ID_BYTES))?.toString().trim() ?? '';
      if (/^[A-Za-z0-9._-]{1,100}$/.test(id)) return id;
      // Another worker has created the file but not written it yet.
      if (attempt === 20) {
        throw new NightloadError(
          'FILE_ROOT_ID_UNREADABLE',
          `${file} contains no id. Delete it and start the worker again.`,
        );
      }
      await new Promise((done) => setTimeout(done, 50));
    }
  }
}

/** Keys, logins and settings of programs lie in `.ssh`, `.aws`, `.env` and others that nobody can list in full. */
function hasHiddenName(path: string): boolean {
  return path.split(sep).some((name) => name.startsWith('.'));
}

function hidden(path: string): NightloadError {
  return new NightloadError(
    'FILE_OUTSIDE_ROOTS',
    `${shownPath(path)} is hidden: its path, or the path that a link in it points to, contains a name that begins with a dot. Hidden files and folders are never used, because programs ` +
      'keep keys and logins there. Move the file to another folder, choose another output or load id, or list that exact folder ' +
      'in NIGHTLOAD_FILE_ROOTS and restart the worker.',
  );
}
