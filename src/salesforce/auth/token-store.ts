/**
 * Stores rotated refresh tokens in a folder that only this user can read (`<connections file>.tokens/`, or
 * `NIGHTLOAD_TOKENS`), with one file for each authorization. All workers of the folder share it: an org that rotates
 * refresh tokens accepts each of them once, and ends the authorization when one is used again.
 */
import { createHash, randomUUID } from 'node:crypto';
import { closeSync, constants, fsyncSync, lstatSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import { open, readdir, readFile, rename, rm } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { NightloadError } from '../../errors.js';
import { asObject, asText, parseJson } from '../resources/json.js';
import { acquireLock } from './renewal-lock.js';
import type { HeldLock, LockTimes } from './renewal-lock.js';

/** The stored part of the login server's last reply. */
export interface StoredToken {
  refreshToken: string;
  /** Absent if the reply had no usable one. */
  access?: { accessToken: string; instanceUrl: string };
}

/** Identifies an authorization: the configured refresh token, and where it is used. */
export interface Authorization {
  origin: string;
  clientId: string;
  refreshToken: string;
}

/** A refresh token has about a hundred characters; a larger file is something else. */
const MAX_FILE = 16 * 1024;

/**
 * Opens the folder, and checks that a token could be stored there before one is needed.
 * @throws NightloadError `TOKENS_FOLDER_UNUSABLE`
 */
export function openTokenFolder(folder: string): string {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const found = lstatSync(folder);
    if (!found.isDirectory()) throw unusable(folder, 'it is not a folder');
    const own = process.getuid?.();
    if (own !== undefined && found.uid !== own && own !== 0) throw unusable(folder, 'it belongs to another user');
    if (own !== undefined && (found.mode & 0o077) !== 0) {
      throw unusable(folder, `other users can read it. Restrict it: chmod 700 ${folder}`);
    }
    const probe = join(folder, `probe-${randomUUID()}`);
    const handle = openSync(probe, 'wx', 0o600);
    try {
      writeSync(handle, Buffer.alloc(MAX_FILE));
      fsyncSync(handle);
    } finally {
      closeSync(handle);
      rmSync(probe, { force: true });
    }
    return folder;
  } catch (error) {
    if (error instanceof NightloadError) throw error;
    throw unusable(folder, `it cannot be written (${(error as NodeJS.ErrnoException).code ?? 'unknown'})`);
  }
}

function unusable(folder: string, why: string): NightloadError {
  return new NightloadError(
    'TOKENS_FOLDER_UNUSABLE',
    `Cannot store a rotated refresh token in ${folder}: ${why}. Let the worker's user write there, or set ` +
      'NIGHTLOAD_TOKENS to a separate persistent folder; or log in with client credentials or JWT.',
  );
}

/** The stored token of one authorization. */
export class StoredTokens {
  readonly #folder: string;
  readonly #file: string;
  readonly #times: Partial<LockTimes>;

  constructor(folder: string, { origin, clientId, refreshToken }: Authorization, times: Partial<LockTimes> = {}) {
    const name = createHash('sha256')
      .update(JSON.stringify([origin, clientId, refreshToken]))
      .digest('hex');
    this.#folder = folder;
    this.#file = join(folder, `${name.slice(0, 32)}.json`);
    this.#times = times;
  }

  /** Until the lock is released, no other process renews this authorization. */
  async lock(): Promise<HeldLock> {
    return acquireLock(`${this.#file}.lock`, this.#times);
  }

  /** @throws NightloadError `KEPT_TOKEN_UNREADABLE` */
  async read(): Promise<StoredToken | undefined> {
    let text: string;
    try {
      const handle = await open(this.#file, constants.O_RDONLY | constants.O_NOFOLLOW);
      try {
        const { size } = await handle.stat();
        text = size > MAX_FILE ? '' : await readFile(handle, 'utf8');
      } finally {
        await handle.close();
      }
    } catch (error) {
      const { code = 'unknown' } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT') return undefined;
      throw this.#unreadable(`it cannot be read (${code})`);
    }
    const kept = asObject(parseJson(text));
    const refreshToken = asText(kept?.['refreshToken']);
    const accessToken = asText(kept?.['accessToken']);
    const instanceUrl = asText(kept?.['instanceUrl']);
    if (refreshToken === undefined || (accessToken === undefined) !== (instanceUrl === undefined)) {
      throw this.#unreadable('it is damaged');
    }
    if (accessToken === undefined || instanceUrl === undefined) return { refreshToken };
    return { refreshToken, access: { accessToken, instanceUrl } };
  }

  /**
   * Reserves space for the next token: a full disk is detected before the login server is asked, not after. Only for
   * the holder of the lock.
   */
  async prepare(): Promise<PreparedToken> {
    await this.#sweep();
    const path = `${this.#file}.${randomUUID().slice(0, 8)}.new`;
    const handle = await open(path, 'wx', 0o600);
    try {
      await handle.write(Buffer.alloc(MAX_FILE, ' '));
      await handle.sync();
    } catch (error) {
      await handle.close();
      await rm(path, { force: true });
      throw error;
    }
    return new PreparedToken(this.#folder, path, this.#file, handle);
  }

  /** Removes files of killed processes. */
  async #sweep(): Promise<void> {
    const prefix = `${basename(this.#file)}.`;
    const left = (await readdir(this.#folder)).filter((name) => name.startsWith(prefix) && name.endsWith('.new'));
    await Promise.all(left.map((name) => rm(join(this.#folder, name), { force: true })));
  }

  #unreadable(why: string): NightloadError {
    return new NightloadError(
      'KEPT_TOKEN_UNREADABLE',
      `The rotated refresh token is stored in ${this.#file}, but ${why}. Let the worker's user read it. If it is lost, ` +
        'authorize the app again, set the new refresh token, and delete that file.',
      { retryable: true },
    );
  }
}

/** A file that is ready for its token. */
export class PreparedToken {
  readonly #folder: string;
  readonly #path: string;
  readonly #target: string;
  readonly #handle: FileHandle;

  constructor(folder: string, path: string, target: string, handle: FileHandle) {
    this.#folder = folder;
    this.#path = path;
    this.#target = target;
    this.#handle = handle;
  }

  /** When this returns, the token is on disk under its name. */
  async keep({ refreshToken, access }: StoredToken): Promise<void> {
    const text = Buffer.from(
      `${JSON.stringify({ refreshToken, ...access, keptAt: new Date().toISOString() }, null, 2)}\n`,
    );
    await this.#handle.write(text, 0, text.length, 0);
    await this.#handle.truncate(text.length);
    await this.#handle.sync();
    await rename(this.#path, this.#target);
    // The file name, too, survives a power loss.
    const folder = await open(this.#folder, constants.O_RDONLY);
    await folder.sync().catch(() => undefined);
    await folder.close();
    await this.#handle.close();
  }

  async drop(): Promise<void> {
    await this.#handle.close().catch(() => undefined);
    await rm(this.#path, { force: true });
  }
}
