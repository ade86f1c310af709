/**
 * The folders that a worker may read from and write to. Whoever can start a workflow names files by URI, so every path
 * is checked against them, symbolic links resolved.
 */
import { randomBytes } from 'node:crypto';
import { readFile, realpath, writeFile } from 'node:fs/promises';
import { delimiter, dirname, join, resolve, sep } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { NightloadError } from '../errors.js';

const ID_FILE = '.nightload-id';

export class FileRoots {
  /** Absolute, symbolic links resolved. */
  readonly folders: readonly [string, ...string[]];

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
    const [first, ...others] = (env['NIGHTLOAD_FILE_ROOTS'] ?? '').split(delimiter).filter((folder) => folder !== '');
    return FileRoots.open(first === undefined ? [workingDirectory] : [first, ...others]);
  }

  /**
   * The path behind a `file:` URI; the file need not exist.
   * @throws NightloadError `INVALID_FILE_URI`, `FILE_OUTSIDE_ROOTS`
   */
  async pathOf(uri: string): Promise<string> {
    const path = pathOfUri(uri);
    const real = await realOrPlanned(path);
    if (!this.folders.some((root) => real === root || real.startsWith(root.endsWith(sep) ? root : root + sep))) {
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
      await writeFile(file, `${fresh}\n`, { flag: 'wx' });
      return fresh;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') {
        throw new NightloadError('FILE_ROOT_NOT_WRITABLE', `Cannot write ${file}: ${(error as Error).message}`, {
          cause: error,
        });
      }
    }
    for (let attempt = 0; ; attempt++) {
      const id = (await readFile(file, 'utf8')).trim();
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

/** Resolves links in the part of a path that exists. */
async function realOrPlanned(path: string): Promise<string> {
  const absolute = resolve(path);
  try {
    return await realpath(absolute);
  } catch (error) {
    const parent = dirname(absolute);
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || parent === absolute) throw error;
    return join(await realOrPlanned(parent), absolute.slice(parent.length));
  }
}

/** A folder's URI, with a slash at its end, so that names can be resolved against it. */
export function folderUri(path: string): string {
  return pathToFileURL(path.endsWith(sep) ? path : path + sep).href;
}

/** @throws NightloadError `INVALID_FILE_URI` */
export function pathOfUri(uri: string): string {
  try {
    return fileURLToPath(uri);
  } catch (error) {
    throw new NightloadError('INVALID_FILE_URI', `${uri} is not a file: URI of this machine.`, { cause: error });
  }
}
