/**
 * Files as the load needs them: written beside, flushed and renamed, so that half a file is never taken for a whole one,
 * not even after a power cut.
 */
import { createReadStream, createWriteStream } from 'node:fs';
import { open, rename, rm, stat, writeFile } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { randomUUID } from 'node:crypto';
import { NightloadError } from '../errors.js';

const READ_SIZE = 1024 * 1024;

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
      createWriteStream(temporary, { highWaterMark: READ_SIZE, flush: true }),
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

/** Ranges of a file, given in ascending order, read in large pieces. */
export async function* readRanges(
  path: string,
  ranges: Iterable<{ start: number; end: number }>,
): AsyncGenerator<Buffer> {
  // Opened for the first range: without any, the file need not be there.
  let file: FileHandle | undefined;
  let window: Buffer = Buffer.alloc(0);
  let windowStart = 0;
  try {
    for (const { start, end } of ranges) {
      if (start < windowStart || end > windowStart + window.length) {
        const wanted = Buffer.allocUnsafe(Math.max(end - start, 64 * 1024));
        file ??= await open(path, 'r');
        const { bytesRead } = await file.read(wanted, 0, wanted.length, start);
        if (bytesRead < end - start) throw new NightloadError('SOURCE_CHANGED', `${path} is shorter than it was.`);
        window = wanted.subarray(0, bytesRead);
        windowStart = start;
      }
      yield window.subarray(start - windowStart, end - windowStart);
    }
  } finally {
    await file?.close();
  }
}
