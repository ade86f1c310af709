/**
 * Files as the load needs them: written beside, flushed and renamed, so that half a file is never taken for a whole one,
 * not even after a power cut.
 */
import { constants, createReadStream, createWriteStream } from 'node:fs';
import { open, rename, rm, stat, writeFile } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { randomUUID } from 'node:crypto';
import { NightloadError } from '../errors.js';

/** What a stream reads at once. */
const READ_SIZE = 256 * 1024;
/** What is gathered for one write, read at once for several ranges, or read into memory that is used again. */
const LARGE_SIZE = 1024 * 1024;

function beside(path: string): string {
  return `${path}.${randomUUID().slice(0, 8)}.tmp`;
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
  return new NightloadError(
    'WORK_FILES_MISSING',
    // The file may have a name of this attempt; what people are told must stay the same.
    `${dirname(path)} does not have what the load needs: it came back empty or incomplete, or is not mounted. ` +
      'Bring it back as it was: the load resumes by itself. If it is lost, cancel the load, and load its file again ' +
      'after checking what landed.',
    { retryable: true, cause: error },
  );
}

/** Writes the whole of `source` to `path`, which appears complete or not at all. */
export async function saveStream(
  source: Readable | AsyncIterable<Uint8Array>,
  path: string,
  signal?: AbortSignal,
): Promise<void> {
  const temporary = beside(path);
  try {
    await pipeline(
      source,
      createWriteStream(temporary, { highWaterMark: LARGE_SIZE, flush: true }),
      signal ? { signal } : {},
    );
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    signal?.throwIfAborted();
    throw diskError(error, path);
  }
}

export async function saveText(text: string, path: string): Promise<void> {
  const temporary = beside(path);
  try {
    await writeFile(temporary, text, { flush: true });
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw diskError(error, path);
  }
}

/** Reads a range of a file in large pieces. */
export function readRange(path: string, start: number, end?: number, signal?: AbortSignal): Readable {
  if (end !== undefined && end <= start) return Readable.from([]);
  return createReadStream(path, {
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
  path: string,
  start: number,
  end = Infinity,
  signal?: AbortSignal,
): AsyncGenerator<Buffer> {
  if (end <= start) return;
  const file = await open(path, 'r');
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
    await file.close();
  }
}

export async function readHead(path: string, bytes: number): Promise<Buffer> {
  const file = await open(path, 'r');
  try {
    const buffer = Buffer.alloc(bytes);
    let filled = 0;
    while (filled < bytes) {
      const { bytesRead } = await file.read(buffer, filled, bytes - filled, filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return buffer.subarray(0, filled);
  } finally {
    await file.close();
  }
}

/**
 * The whole of a file that others may have written; undefined when it is none, or a link, or longer than it may be.
 * Opening it does not wait for a writer, as that of a pipe would.
 */
export async function readSmallFile(path: string, mostBytes: number): Promise<Buffer | undefined> {
  let file: FileHandle;
  try {
    file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if (['ELOOP', 'ENXIO', 'EISDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
  try {
    const { size } = await file.stat().then((found) => (found.isFile() ? found : { size: Infinity }));
    if (size > mostBytes) return undefined;
    const buffer = Buffer.alloc(size);
    let filled = 0;
    while (filled < size) {
      const { bytesRead } = await file.read(buffer, filled, size - filled, filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return buffer.subarray(0, filled);
  } finally {
    await file.close();
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

/** @throws NightloadError `SOURCE_NOT_FOUND`, `SOURCE_NOT_A_FILE`, `SOURCE_NOT_READABLE` */
export async function fingerprint(path: string): Promise<Fingerprint> {
  try {
    const found = await stat(path);
    if (!found.isFile()) throw new NightloadError('SOURCE_NOT_A_FILE', `${path} is not a file.`);
    return { size: found.size, modifiedMs: Math.round(found.mtimeMs) };
  } catch (error) {
    if (error instanceof NightloadError) throw error;
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
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
  path: string,
  ranges: Iterable<{ start: number; end: number }>,
  signal?: AbortSignal,
): AsyncGenerator<Buffer> {
  // Opened for the first range: without any, the file need not be there.
  let file: FileHandle | undefined;
  try {
    for (const near of inReads(ranges)) {
      signal?.throwIfAborted();
      file ??= await open(path, 'r');
      const from = near[0]?.start ?? 0;
      const bytes = await readWhole(file, path, from, near[near.length - 1]?.end ?? from);
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

async function readWhole(file: FileHandle, path: string, start: number, end: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(end - start);
  for (let filled = 0; filled < bytes.length;) {
    const { bytesRead } = await file.read(bytes, filled, bytes.length - filled, start + filled);
    if (bytesRead === 0) throw new NightloadError('SOURCE_CHANGED', `${path} is shorter than it was.`);
    filled += bytesRead;
  }
  return bytes;
}
