/**
 * The folders that a worker may read from and write to. Whoever can start a workflow names files by URI, so every path
 * is checked against them: links in what people name are resolved once, in the worker's own paths there is none. What
 * comes into the place of a folder afterwards, `folder.ts` notices.
 */
import { randomBytes } from 'node:crypto';
import { realpath } from 'node:fs/promises';
import { delimiter, join, resolve, sep } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { NightloadError } from '../errors.js';
import { realOrPlanned } from '../real-path.js';
import { ForeignFile, readSmallFile, saveNew } from './files.js';
import { fileModes } from './folder.js';

const ID_FILE = '.nightload-id';
const MOST_ID_BYTES = 200;

export class FileRoots {
  /** Absolute, symbolic links resolved. */
  readonly folders: readonly [string, ...string[]];
  /** Files and folders inside of them that nobody may name, links resolved. */
  readonly #closed = new Set<string>();

  private constructor(folders: [string, ...string[]]) {
    this.folders = folders;
  }

  /** @throws NightloadError `FILE_ROOT_NOT_FOUND` */
  static async open(folders: readonly [string, ...string[]]): Promise<FileRoots> {
    const real = await Promise.all(
      folders.map(async (folder) => {
        try {
          return await realpath(resolve(folder));
        } catch (error) {
          throw new NightloadError(
            'FILE_ROOT_NOT_FOUND',
            `NIGHTLOAD_FILE_ROOTS names ${folder}, which is not there. Create it or correct the setting.`,
            { cause: error },
          );
        }
      }),
    );
    return new FileRoots(real as [string, ...string[]]);
  }

  /** From `NIGHTLOAD_FILE_ROOTS`, else the working directory. */
  static async fromEnvironment(env: NodeJS.ProcessEnv, workingDirectory: string): Promise<FileRoots> {
    // Told before the first result is written.
    fileModes(env['NIGHTLOAD_FILE_MODE']);
    const [first, ...others] = (env['NIGHTLOAD_FILE_ROOTS'] ?? '').split(delimiter).filter((folder) => folder !== '');
    return FileRoots.open(first === undefined ? [workingDirectory] : [first, ...others]);
  }

  /**
   * Secrets of the worker that lie in its folders all the same, for example a connections file in its working directory:
   * whoever starts a load could load them, or have results written over them.
   */
  async keepOut(paths: Iterable<string>): Promise<void> {
    for (const path of paths) {
      this.#closed.add(resolve(path));
      this.#closed.add(await realOrPlanned(resolve(path)));
    }
  }

  /**
   * The path behind a `file:` URI that somebody names, links resolved; the file need not exist.
   * @throws NightloadError `INVALID_FILE_URI`, `FILE_OUTSIDE_ROOTS`, `SOURCE_NOT_READABLE`
   */
  async pathOf(uri: string): Promise<string> {
    const path = pathOfUri(uri);
    return this.#inside(await realOrPlanned(path), path);
  }

  /** A file that somebody else put down. */
  async foreignFile(uri: string): Promise<ForeignFile> {
    return new ForeignFile(await this.pathOf(uri));
  }

  /**
   * The path behind a URI that the worker wrote itself, of working files and results. There is no link in it, so none is
   * resolved: one that somebody puts there is noticed when the file is opened.
   * @throws NightloadError `INVALID_FILE_URI`, `FILE_OUTSIDE_ROOTS`
   */
  ownPathOf(uri: string): string {
    return this.checked(pathOfUri(uri));
  }

  /** A path of a note. @throws NightloadError `FILE_OUTSIDE_ROOTS` */
  checked(path: string): string {
    return this.#inside(resolve(path), path);
  }

  #inside(real: string, path: string): string {
    const isBelow = (folder: string): boolean =>
      real === folder || real.startsWith(folder.endsWith(sep) ? folder : folder + sep);
    if (!this.folders.some(isBelow) || [...this.#closed].some(isBelow)) {
      throw new NightloadError(
        'FILE_OUTSIDE_ROOTS',
        `${path} lies outside the folders that this worker may use (${this.folders.join(', ')}). ` +
          'Move the file there, or name its folder in NIGHTLOAD_FILE_ROOTS and restart the worker.',
      );
    }
    return real;
  }

  /**
   * Names the group of workers that share these folders: an id kept in the first one. Workers that start together
   * agree on it, because the file is created only once.
   */
  async id(): Promise<string> {
    const file = join(this.folders[0], ID_FILE);
    const fresh = randomBytes(5).toString('hex');
    try {
      // It is no secret, and workers of other users read it too.
      if (await saveNew(`${fresh}\n`, file, { shared: true, mode: 0o644 })) return fresh;
    } catch (error) {
      throw new NightloadError('FILE_ROOT_NOT_WRITABLE', `Cannot write ${file}: ${(error as Error).message}`, {
        cause: error,
      });
    }
    for (let attempt = 0; ; attempt++) {
      const id = (await readSmallFile(file, MOST_ID_BYTES))?.toString().trim() ?? '';
      if (/^[A-Za-z0-9._-]{1,100}$/.test(id)) return id;
      // Another worker has created the file and not written it yet.
      if (attempt === 20) {
        throw new NightloadError(
          'FILE_ROOT_ID_UNREADABLE',
          `${file} holds no id. Delete it and start the worker again.`,
        );
      }
      await new Promise((done) => setTimeout(done, 50));
    }
  }
}

/** A file of the caller's own, wherever it lies; links in its path are resolved. */
export async function resolvedFile(uri: string): Promise<ForeignFile> {
  return new ForeignFile(await realOrPlanned(pathOfUri(uri)));
}

/** A folder's URI, with a slash at its end, so that names can be resolved against it. */
export function folderUri(path: string): string {
  return pathToFileURL(path.endsWith(sep) ? path : path + sep).href;
}

/** @throws NightloadError `INVALID_FILE_URI` */
export function pathOfUri(uri: string): string {
  try {
    const path = fileURLToPath(uri);
    // No file system has it, and its calls would fail in words of their own.
    if (!path.includes('\0')) return path;
  } catch (error) {
    throw notAFileUri(uri, error);
  }
  throw notAFileUri(uri);
}

function notAFileUri(uri: string, cause?: unknown): NightloadError {
  return new NightloadError('INVALID_FILE_URI', `${String(uri).slice(0, 200)} is not a file: URI of this machine.`, {
    cause,
  });
}
