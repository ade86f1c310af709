/**
 * Writes files under a temporary name, then flushes and renames them, so that an incomplete file is never mistaken for
 * a complete one, even after a power loss.
 */
import type { FileHandle } from 'node:fs/promises';
import { Folder, inFolderOf } from './folder/folder.js';
import { unfinishedName } from './folder/unfinished-names.js';
import { basename, dirname } from 'node:path';
import type { Fingerprint } from './fingerprint.js';
import { isObject } from './locations.js';
import { NewObject } from './objects/new-object.js';
import { putObject } from './objects/object-tree.js';
import type { Readable } from 'node:stream';
import { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { diskError } from './files/disk-errors.js';
import { FreeSpace } from './files/free-space.js';

/** Bytes gathered for one write. */
const LARGE_SIZE = 1024 * 1024;
/** Bytes after which the disk begins to store a file that still grows: the last flush then has little left to do. */
const FLUSH_EVERY = 8 * LARGE_SIZE;

export interface WriteOptions {
  /** Others may have write permission on the folder, for example that of results. @default false */
  shared?: boolean;
}

/** A file that is being written: it gets its name when it is complete, or disappears. */
export interface Writing {
  write(bytes: Uint8Array | string): Promise<void>;
  /** The same for several pieces at once. */
  writeAll(pieces: readonly Uint8Array[]): Promise<void>;
  publish(): Promise<void>;
  /** Does nothing if it was published or discarded before. */
  discard(): Promise<void>;
}

export function newFile(path: string, options: WriteOptions = {}): Promise<Writing> {
  return isObject(path) ? NewObject.create(path) : NewFile.create(path, options);
}

/**
 * A file that is being written next to its final path: it gets its name when it is complete, or disappears. An existing
 * file is replaced; so is a link, but not its target.
 */
class NewFile implements Writing {
  readonly #handle: FileHandle;
  readonly #folder: Folder;
  readonly #temporary: string;
  readonly #path: string;
  #ended = false;
  /** Bytes since the last flush began. */
  #unflushed = 0;
  #flushing: Promise<void> | undefined;
  /** The system reports a failed flush once. */
  #flushError: unknown;

  private constructor(folder: Folder, temporary: string, path: string, handle: FileHandle) {
    this.#folder = folder;
    this.#temporary = temporary;
    this.#path = path;
    this.#handle = handle;
  }

  static async create(path: string, { shared = false }: WriteOptions = {}): Promise<NewFile> {
    const folder = await Folder.open(dirname(path), { isPrivate: !shared });
    const temporary = unfinishedName();
    try {
      return new NewFile(folder, temporary, path, await folder.createFile(temporary));
    } catch (error) {
      await folder.close();
      throw error;
    }
  }

  async write(bytes: Uint8Array | string): Promise<void> {
    await this.#handle.writeFile(bytes);
    this.#flushAhead(bytes.length);
  }

  async writeAll(pieces: readonly Uint8Array[]): Promise<void> {
    const bytes = pieces.reduce((sum, { length }) => sum + length, 0);
    const { bytesWritten } = await this.#handle.writev(pieces);
    // A disk may take less than it is given.
    if (bytesWritten < bytes) await this.write(Buffer.concat(pieces).subarray(bytesWritten));
    this.#flushAhead(bytesWritten);
  }

  #flushAhead(bytes: number): void {
    this.#unflushed += bytes;
    if (this.#unflushed < FLUSH_EVERY || this.#flushing !== undefined) return;
    this.#unflushed = 0;
    this.#flushing = this.#handle
      .datasync()
      .catch((error: unknown) => void (this.#flushError ??= error))
      .finally(() => (this.#flushing = undefined));
  }

  async publish(): Promise<void> {
    this.#ended = true;
    try {
      await this.#flushing;
      if (this.#flushError !== undefined) throw this.#flushError;
      await this.#handle.sync();
      await this.#folder.publish(this.#temporary, basename(this.#path), this.#handle);
    } catch (error) {
      await this.#folder.remove(this.#temporary);
      throw error;
    } finally {
      await this.#close();
    }
  }

  async discard(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    try {
      await this.#folder.remove(this.#temporary);
    } finally {
      await this.#close();
    }
  }

  async #close(): Promise<void> {
    // A file is not closed during a flush.
    await this.#flushing;
    await this.#handle.close();
    await this.#folder.close();
  }
}

export interface SaveOptions extends WriteOptions {
  /** Sees each chunk before it is written, and may throw. */
  inspect?: (chunk: Buffer) => void;
  /** Stops before the disk is full, with `DISK_FULL`. An object store has no such limit. @default false */
  keepFreeSpace?: boolean;
  /** Asked once all is written, and may throw; if not, the path stays as it is. @default always */
  isWanted?: () => boolean;
}

/** Writes the whole of `source` to `path`, which appears complete or not at all. */
export async function saveStream(
  source: Readable | AsyncIterable<Uint8Array>,
  path: string,
  signal?: AbortSignal,
  options: SaveOptions = {},
): Promise<void> {
  const { inspect, keepFreeSpace = false } = options;
  const creating = newFile(path, options);
  const space = keepFreeSpace && !isObject(path) ? new FreeSpace(dirname(path)) : undefined;
  try {
    // Attached at once: the source may fail before the file is open, and its error needs a listener.
    await pipeline(source, sinkOf(creating, { inspect, space }), signal ? { signal } : {});
    const file = await creating;
    await (options.isWanted?.() === false ? file.discard() : file.publish());
  } catch (error) {
    await (await creating.catch(() => undefined))?.discard();
    signal?.throwIfAborted();
    throw diskError(error, path);
  }
}

interface SinkOptions {
  inspect: ((chunk: Buffer) => void) | undefined;
  space: FreeSpace | undefined;
}

/**
 * Bytes that arrive while the disk is busy are written together. Result files come in many small chunks: nothing is
 * awaited for each of them.
 */
function sinkOf(creating: Promise<Writing>, { inspect, space }: SinkOptions): Writable {
  const write = async (pieces: readonly Buffer[]): Promise<void> => {
    let bytes = 0;
    for (const piece of pieces) {
      inspect?.(piece);
      bytes += piece.length;
    }
    await space?.check(bytes);
    const file = await creating;
    await (pieces.length === 1 ? file.write(pieces[0] as Buffer) : file.writeAll(pieces));
  };
  return new Writable({
    highWaterMark: LARGE_SIZE,
    construct: (done) => void creating.then(() => done(), done),
    write: (chunk: Buffer, _encoding, done) => void write([chunk]).then(() => done(), done),
    writev: (chunks, done) => void write(chunks.map(({ chunk }) => chunk as Buffer)).then(() => done(), done),
  });
}

export async function saveText(text: string, path: string, options: WriteOptions = {}): Promise<void> {
  if (isObject(path)) {
    await putObject(path, text);
    return;
  }
  try {
    const file = await NewFile.create(path, options);
    try {
      await file.write(text);
    } catch (error) {
      await file.discard();
      throw error;
    }
    await file.publish();
  } catch (error) {
    throw diskError(error, path);
  }
}

/**
 * Replaces a note. In an object store only if it is still the version that was read: workers of several hosts may try.
 * @returns false if it is another version
 */
export async function replaceNote(text: string, path: string, seen: Fingerprint | undefined): Promise<boolean> {
  if (isObject(path) && seen?.etag !== undefined) return putObject(path, text, { etag: seen.etag });
  await saveText(text, path);
  return true;
}

/**
 * Writes a note that must not exist yet: completely, or not at all. It has its temporary name until it has the final
 * one.
 * @returns false if it exists
 */
export async function saveNew(
  text: string,
  path: string,
  { shared = false, mode }: WriteOptions & { mode?: number } = {},
): Promise<boolean> {
  if (isObject(path)) return putObject(path, text, 'absent');
  try {
    return await inFolderOf(path, { isPrivate: !shared }, async (folder, name) => {
      if (await folder.has(name)) return false;
      const write = async (handle: FileHandle): Promise<void> => {
        if (mode !== undefined) await handle.chmod(mode);
        await handle.writeFile(text);
        await handle.sync();
      };
      const temporary = unfinishedName();
      const published = await making(folder, temporary, async (handle) => {
        await write(handle);
        return folder.publishNew(temporary, name, handle);
      }).finally(() => folder.remove(temporary));
      // If interrupted, it may be incomplete.
      if (published === 'noLinks') await making(folder, name, write);
      return published !== 'taken';
    });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw diskError(error, path);
  }
}

async function making<T>(folder: Folder, name: string, body: (handle: FileHandle) => Promise<T>): Promise<T> {
  const handle = await folder.createFile(name);
  try {
    return await body(handle);
  } finally {
    await handle.close();
  }
}
