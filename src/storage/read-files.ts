/** Reads a range of a file, several ranges, or a whole small file. */
import type { FileRef } from './file-ref.js';
import { Readable } from 'node:stream';
import { streamFrom } from './file-stream.js';
import { ForeignFile, openToRead, pathOfFile } from './file-ref.js';
import type { FileHandle } from 'node:fs/promises';
import { NightloadError } from '../errors.js';
import type { OpenFile } from './file-stream.js';
import { defined } from '../domain/defined.js';
import { shownPath } from '../domain/text/shown.js';

/** Bytes per read of a stream. */
const READ_SIZE = 256 * 1024;
/** Bytes per read for several ranges, or into reused memory. */
const LARGE_SIZE = 1024 * 1024;

/** Reads a range of a file in large chunks. */
export function readRange(file: FileRef, start: number, end?: number, signal?: AbortSignal): Readable {
  if (end !== undefined && end <= start) return Readable.from([]);
  return streamFrom(() => openToRead(file), {
    start,
    highWaterMark: READ_SIZE,
    ...defined({ end: end === undefined ? undefined : end - 1, signal }),
  });
}

/**
 * Reads a range for a caller that processes each chunk once and keeps none of it: two buffers are filled in turn, so a
 * chunk is valid only until the next one is requested. New memory for each chunk would cost more than the reading.
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
      // The error is thrown when the chunk is awaited.
      reading.catch(() => undefined);
      return reading;
    };
    coming = fill(buffers[0], start);
    for (let at = start, turn = 1; ; turn ^= 1) {
      const piece: Buffer = await (coming as Promise<Buffer>);
      signal?.throwIfAborted();
      at += piece.length;
      const last: boolean = piece.length === 0 || at >= end;
      // Reads ahead while the chunk is processed.
      coming = last ? undefined : fill(buffers[turn] as Buffer, at);
      if (piece.length > 0) yield piece;
      if (last) return;
    }
  } finally {
    // A file is not closed during a read.
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

/**
 * The content of a small file that others may have written; undefined if it is not a file, is a link, or exceeds the
 * limit.
 */
export async function readSmallFile(path: string, mostBytes: number): Promise<Buffer | undefined> {
  try {
    return await readAtMost(new ForeignFile(path), mostBytes);
  } catch (error) {
    if (error instanceof NightloadError) return undefined;
    throw error;
  }
}

/** The content of a note of the worker's own; undefined if it is longer than any valid one. */
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

/** Gaps up to this size are read along: that takes less time than another read. */
const WIDEST_GAP = 64 * 1024;

/** Ranges of a file, in ascending order. Adjacent ones are read together; at most 1 MB, or one range, is in memory. */
export async function* readRanges(
  source: FileRef,
  ranges: Iterable<{ start: number; end: number }>,
  signal?: AbortSignal,
): AsyncGenerator<Buffer> {
  // Opened for the first range: without ranges, the file need not exist.
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

/** Groups ranges for one read. */
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
    if (bytesRead === 0)
      throw new NightloadError(
        'SOURCE_CHANGED',
        `${shownPath(path)} became shorter while it was being read. Start the load again once it is complete.`,
      );
    filled += bytesRead;
  }
  return bytes;
}
