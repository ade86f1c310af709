/**
 * Files as the load needs them: written beside, flushed and renamed, so that half a file is never taken for a whole one,
 * not even after a power cut. Each is opened as `folder.ts` does it: by handle, through no link.
 */
import type { FileHandle } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { randomUUID } from 'node:crypto';
import { NightloadError } from '../errors.js';
import { streamFrom } from './file-stream.js';
import type { OpenFile } from './file-stream.js';
import { Folder, inFolderOf } from './folder.js';
import type { FolderEntry } from './folder.js';

/** What a stream reads at once. */
const READ_SIZE = 256 * 1024;
/** What is gathered for one write, read at once for several ranges, or read into memory that is used again. */
const LARGE_SIZE = 1024 * 1024;

/**
 * A file to be read, by its path with links resolved. A bare path is one of the worker's own: nobody else may be able to
 * write to its folder. What people put down, sources and corrections, is a {@link ForeignFile}.
 */
export type FileRef = string | ForeignFile;

export class ForeignFile {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }
}

/** A file that is open for a while: whatever comes into its place meanwhile, the same bytes are read. */
class HeldFile extends ForeignFile {
  readonly handle: FileHandle;

  constructor(path: string, handle: FileHandle) {
    super(path);
    this.handle = handle;
  }
}

export function pathOfFile(file: FileRef): string {
  return typeof file === 'string' ? file : file.path;
}

/** Opens a file once for all that `body` reads of it. */
export async function holding<T>(file: FileRef, body: (held: ForeignFile) => Promise<T>): Promise<T> {
  const handle = await openFile(file);
  try {
    return await body(new HeldFile(pathOfFile(file), handle));
  } finally {
    await handle.close();
  }
}

function openFile(file: FileRef): Promise<FileHandle> {
  return inFolderOf(pathOfFile(file), { own: typeof file === 'string' }, (folder, name) => folder.openFile(name));
}

/** Opens a file for one reader; that of one that is held stays open. */
async function openToRead(file: FileRef): Promise<OpenFile> {
  if (file instanceof HeldFile) return { handle: file.handle, close: () => Promise.resolve() };
  const handle = await openFile(file);
  return { handle, close: () => handle.close() };
}

/** Out of space, read-only, no permission: a person can mend it, and then the step goes on. */
export function diskError(error: unknown, path: string): unknown {
  const code = (error as NodeJS.ErrnoException | undefined)?.code ?? '';
  if (!['ENOSPC', 'EDQUOT', 'EROFS', 'EACCES', 'EPERM', 'EIO', 'EMFILE'].includes(code)) return error;
  return new NightloadError(
    'DISK_NOT_WRITABLE',
    `${path} cannot be written or read (${code}). Mend it; the load goes on by itself.`,
    {
      retryable: true,
      cause: error,
    },
  );
}

/**
 * A file or a folder that the step counted on is not there. It waits, since a disk may be mounted late; but unlike a
 * passing fault it may stay so, and then a person has to know.
 */
export function missingFile(error: unknown): NightloadError | undefined {
  const { code, path } = (error ?? {}) as NodeJS.ErrnoException;
  if (!['ENOENT', 'ENOTDIR'].includes(code ?? '') || typeof path !== 'string') return undefined;
  // The file may have a name of this attempt; what people are told must stay the same.
  return incompleteFolder(dirname(path), error);
}

/** Working files are gone, or are not what was written. */
export function incompleteFolder(folder: string, cause?: unknown): NightloadError {
  return new NightloadError(
    'WORK_FILES_MISSING',
    `${folder} does not have what the load needs: it came back empty or incomplete, or is not mounted. ` +
      'Bring it back as it was: the load resumes by itself. If it is lost, cancel the load, and load its file again ' +
      'after checking what landed.',
    { retryable: true, cause },
  );
}

export interface WriteOptions {
  /** The folder may be one that others may write to, as that of results may be. @default false */
  shared?: boolean;
}

/**
 * A file that is being written beside its place: it gets its name when it is complete, or disappears. Whatever has the
 * name then is replaced, a link too, and not what it leads to.
 */
export class NewFile {
  readonly handle: FileHandle;
  readonly #folder: Folder;
  readonly #temporary: string;
  readonly #path: string;
  #ended = false;

  private constructor(folder: Folder, temporary: string, path: string, handle: FileHandle) {
    this.#folder = folder;
    this.#temporary = temporary;
    this.#path = path;
    this.handle = handle;
  }

  static async create(path: string, { shared = false }: WriteOptions = {}): Promise<NewFile> {
    const folder = await Folder.open(dirname(path), { own: !shared });
    // Nobody can know the name before, and so put something there.
    const temporary = `.${randomUUID()}.tmp`;
    try {
      return new NewFile(folder, temporary, path, await folder.createFile(temporary));
    } catch (error) {
      await folder.close();
      throw error;
    }
  }

  async publish(): Promise<void> {
    this.#ended = true;
    try {
      await this.handle.sync();
      await this.#folder.publish(this.#temporary, basename(this.#path), this.handle);
    } catch (error) {
      await this.#folder.remove(this.#temporary);
      throw error;
    } finally {
      await this.#close();
    }
  }

  /** Nothing when it was published, or discarded before. */
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
    await this.handle.close();
    await this.#folder.close();
  }
}

/** Writes the whole of `source` to `path`, which appears complete or not at all. */
export async function saveStream(
  source: Readable | AsyncIterable<Uint8Array>,
  path: string,
  signal?: AbortSignal,
  options: WriteOptions = {},
): Promise<void> {
  const creating = NewFile.create(path, options);
  try {
    // At once: a source may fail before the file is open, and somebody has to listen.
    await pipeline(source, sinkOf(creating), signal ? { signal } : {});
    await (await creating).publish();
  } catch (error) {
    await (await creating.catch(() => undefined))?.discard();
    signal?.throwIfAborted();
    throw diskError(error, path);
  }
}

/** What has come while the disk took the last bytes is written at once. */
function sinkOf(creating: Promise<NewFile>): Writable {
  const write = (bytes: Buffer, done: (error?: Error | null) => void): void => {
    creating.then(({ handle }) => handle.writeFile(bytes)).then(() => done(), done);
  };
  return new Writable({
    highWaterMark: LARGE_SIZE,
    construct: (done) => void creating.then(() => done(), done),
    write: (chunk: Buffer, _encoding, done) => write(chunk, done),
    writev: (chunks, done) => write(Buffer.concat(chunks.map(({ chunk }) => chunk as Buffer)), done),
  });
}

export async function saveText(text: string, path: string, options: WriteOptions = {}): Promise<void> {
  try {
    const file = await NewFile.create(path, options);
    try {
      await file.handle.writeFile(text);
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
 * Writes a note that must not be there yet: whole, or not at all. It has its first name until it has the right one.
 * @returns false when there is one
 */
export async function saveNew(
  text: string,
  path: string,
  { shared = false, mode }: WriteOptions & { mode?: number } = {},
): Promise<boolean> {
  try {
    return await inFolderOf(path, { own: !shared }, async (folder, name) => {
      if (await folder.has(name)) return false;
      const write = async (handle: FileHandle): Promise<void> => {
        if (mode !== undefined) await handle.chmod(mode);
        await handle.writeFile(text);
        await handle.sync();
      };
      const temporary = `.${randomUUID()}.tmp`;
      const published = await making(folder, temporary, async (handle) => {
        await write(handle);
        return folder.publishNew(temporary, name, handle);
      }).finally(() => folder.remove(temporary));
      // Cut off, it may be there half.
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

/** Reads a range of a file in large pieces. */
export function readRange(file: FileRef, start: number, end?: number, signal?: AbortSignal): Readable {
  if (end !== undefined && end <= start) return Readable.from([]);
  return streamFrom(() => openToRead(file), {
    start,
    highWaterMark: READ_SIZE,
    ...(end === undefined ? {} : { end: end - 1 }),
    ...(signal === undefined ? {} : { signal }),
  });
}

/**
 * Reads a range for somebody who looks at each piece once and keeps none of it: two buffers are filled in turn, so a
 * piece holds only until the next one is asked for. Memory that is new for each piece costs more than the reading.
 */
export async function* scanRange(
  source: FileRef,
  start: number,
  end = Infinity,
  signal?: AbortSignal,
): AsyncGenerator<Buffer> {
  if (end <= start) return;
  const { handle: file, close } = await openToRead(source);
  let coming: Promise<Buffer> | undefined;
  try {
    const buffers = [Buffer.allocUnsafeSlow(LARGE_SIZE), Buffer.allocUnsafeSlow(LARGE_SIZE)] as const;
    const fill = (buffer: Buffer, at: number): Promise<Buffer> => {
      const reading = file
        .read(buffer, 0, Math.min(buffer.length, end - at), at)
        .then(({ bytesRead }) => buffer.subarray(0, bytesRead));
      // Its error is thrown when its turn comes.
      reading.catch(() => undefined);
      return reading;
    };
    coming = fill(buffers[0], start);
    for (let at = start, turn = 1; ; turn ^= 1) {
      const piece: Buffer = await (coming as Promise<Buffer>);
      signal?.throwIfAborted();
      at += piece.length;
      const last: boolean = piece.length === 0 || at >= end;
      // Read ahead while the piece is looked at.
      coming = last ? undefined : fill(buffers[turn] as Buffer, at);
      if (piece.length > 0) yield piece;
      if (last) return;
    }
  } finally {
    // A file is not closed under a read.
    await coming?.catch(() => undefined);
    await close();
  }
}

export async function readHead(source: FileRef, bytes: number): Promise<Buffer> {
  const { handle, close } = await openToRead(source);
  try {
    return await readUpTo(handle, bytes);
  } finally {
    await close();
  }
}

async function readUpTo(handle: FileHandle, bytes: number): Promise<Buffer> {
  const buffer = Buffer.alloc(bytes);
  let filled = 0;
  while (filled < bytes) {
    const { bytesRead } = await handle.read(buffer, filled, bytes - filled, filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return buffer.subarray(0, filled);
}

/** The whole of a file that others may have written; undefined when it is none, or a link, or longer than it may be. */
export async function readSmallFile(path: string, mostBytes: number): Promise<Buffer | undefined> {
  try {
    return await readAtMost(new ForeignFile(path), mostBytes);
  } catch (error) {
    if (error instanceof NightloadError) return undefined;
    throw error;
  }
}

/** A note of the worker's own; undefined when it is longer than any. */
export function readNote(path: string, mostBytes: number): Promise<Buffer | undefined> {
  return readAtMost(path, mostBytes);
}

async function readAtMost(file: FileRef, mostBytes: number): Promise<Buffer | undefined> {
  const { handle, close } = await openToRead(file);
  try {
    const { size } = await handle.stat();
    return size > mostBytes ? undefined : await readUpTo(handle, size);
  } finally {
    await close();
  }
}

/** Whether there is a file of this path. */
export async function isThere(path: string): Promise<boolean> {
  try {
    return await inFolderOf(path, {}, (folder, name) => folder.has(name));
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return false;
    throw error;
  }
}

/** Makes a folder and those above it that are missing. One that is there must be the worker's own, unless it is shared. */
export async function makeFolder(path: string, { shared = false }: WriteOptions = {}): Promise<void> {
  try {
    await (await Folder.open(path, { create: true, own: !shared })).close();
  } catch (error) {
    throw diskError(error, path);
  }
}

/** Nothing when it is not there. */
export async function removeFile(path: string): Promise<void> {
  try {
    await inFolderOf(path, {}, (folder, name) => folder.remove(name));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw diskError(error, path);
  }
}

/** Within one folder. */
export async function renameFile(from: string, to: string): Promise<void> {
  await inFolderOf(from, { own: true }, (folder, name) => folder.move(name, folder, basename(to)));
}

/** A folder of the worker's own with all that is in it. */
export async function removeFolder(path: string): Promise<void> {
  try {
    await inFolderOf(path, {}, (folder, name) => folder.removeAll(name));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw diskError(error, path);
  }
}

/** Whatever hinders it, the folder stays. */
export async function removeIfEmpty(path: string): Promise<void> {
  await inFolderOf(path, {}, (folder, name) => folder.removeIfEmpty(name)).catch(() => undefined);
}

/** A new folder that nobody else can know. @param prefix a path, to which random letters are added */
export async function makeTemporaryFolder(prefix: string): Promise<string> {
  try {
    return await inFolderOf(prefix, { own: true }, async (folder, name) =>
      join(folder.path, await folder.makeTemporary(name)),
    );
  } catch (error) {
    throw diskError(error, prefix);
  }
}

/** What lies in a folder, at most so much; nothing when it is not there. */
export async function listFolder(path: string, most: number, options: { own?: boolean } = {}): Promise<FolderEntry[]> {
  try {
    return await (await Folder.open(path, options)).use((folder) => folder.entries(most));
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return [];
    throw diskError(error, path);
  }
}

/** A new folder of the worker's own, with nothing in it. */
export async function emptyFolder(path: string): Promise<void> {
  try {
    await (await Folder.open(dirname(path), { create: true })).use((parent) => parent.removeAll(basename(path)));
    await makeFolder(path);
  } catch (error) {
    throw diskError(error, path);
  }
}

/** Size and time of the last change: tells quickly that a source changed; its checksum tells the rest. */
export interface Fingerprint {
  size: number;
  modifiedMs: number;
}

export function sameFingerprint(one: Fingerprint, other: Fingerprint): boolean {
  return one.size === other.size && one.modifiedMs === other.modifiedMs;
}

/** As a fingerprint, and whether it is the very same file. */
export async function identityOf(file: FileRef): Promise<Fingerprint & { inode: number }> {
  const { handle, close } = await openToRead(file);
  try {
    const { size, mtimeMs, ino } = await handle.stat();
    return { size, modifiedMs: Math.round(mtimeMs), inode: ino };
  } finally {
    await close();
  }
}

/** @throws NightloadError `SOURCE_NOT_FOUND`, `SOURCE_NOT_A_FILE`, `SOURCE_NOT_READABLE` */
export async function fingerprint(file: FileRef): Promise<Fingerprint> {
  const path = pathOfFile(file);
  try {
    const { size, modifiedMs } = await identityOf(file);
    return { size, modifiedMs };
  } catch (error) {
    // A link that leads nowhere; any other was resolved.
    const isLink =
      error instanceof NightloadError && (error.cause as NodeJS.ErrnoException | undefined)?.code === 'ELOOP';
    if (error instanceof NightloadError && !isLink) throw error;
    if (isLink || (error as NodeJS.ErrnoException).code === 'ENOENT') {
      throw new NightloadError('SOURCE_NOT_FOUND', `There is no file ${path}, as the worker sees it.`, {
        cause: error,
      });
    }
    throw new NightloadError('SOURCE_NOT_READABLE', `${path} cannot be read: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

/** Bytes between two ranges that are read along with them: that takes less time than another read. */
const WIDEST_GAP = 64 * 1024;

/** Ranges of a file, given in ascending order. Those near each other are read at once; at most 1 MB, or one range, is held. */
export async function* readRanges(
  source: FileRef,
  ranges: Iterable<{ start: number; end: number }>,
  signal?: AbortSignal,
): AsyncGenerator<Buffer> {
  // Opened for the first range: without any, the file need not be there.
  let file: OpenFile | undefined;
  try {
    for (const near of inReads(ranges)) {
      signal?.throwIfAborted();
      file ??= await openToRead(source);
      const from = near[0]?.start ?? 0;
      const bytes = await readWhole(file.handle, pathOfFile(source), from, near[near.length - 1]?.end ?? from);
      for (const { start, end } of near) yield bytes.subarray(start - from, end - from);
    }
  } finally {
    await file?.close();
  }
}

/** Ranges that one read brings in. */
function* inReads(ranges: Iterable<{ start: number; end: number }>): Generator<{ start: number; end: number }[]> {
  let near: { start: number; end: number }[] = [];
  let from = 0;
  let to = 0;
  for (const range of ranges) {
    const joins = range.start >= to && range.start - to <= WIDEST_GAP && range.end - from <= LARGE_SIZE;
    if (near.length > 0 && !joins) {
      yield near;
      near = [];
    }
    if (near.length === 0) from = range.start;
    near.push(range);
    to = range.end;
  }
  if (near.length > 0) yield near;
}

/** A range that fits into memory. */
export async function readBytes(source: FileRef, start: number, end: number): Promise<Buffer> {
  const { handle, close } = await openToRead(source);
  try {
    return await readWhole(handle, pathOfFile(source), start, end);
  } finally {
    await close();
  }
}

async function readWhole(file: FileHandle, path: string, start: number, end: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(end - start);
  for (let filled = 0; filled < bytes.length;) {
    const { bytesRead } = await file.read(bytes, filled, bytes.length - filled, start + filled);
    if (bytesRead === 0) throw new NightloadError('SOURCE_CHANGED', `${path} is shorter than it was.`);
    filled += bytesRead;
  }
  return bytes;
}
