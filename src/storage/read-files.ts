/** Reads a range of a file, several ranges, or a whole small file: of this machine, or of an object store. */
import type { FileRef } from './files/file-ref.js';
import type { Fingerprint } from './fingerprint.js';
import { Readable } from 'node:stream';
import { streamFrom } from './files/file-stream.js';
import { ForeignFile, objectToRead, openToRead, pathOfFile } from './files/file-ref.js';
import { isObject } from './locations.js';
import { objectBytes, objectChunks } from './objects/object-reads.js';
import type { FileHandle } from 'node:fs/promises';
import { NightloadError } from '../errors.js';
import type { OpenFile } from './files/file-stream.js';
import { returnReadBuffers, takeReadBuffers } from '../runtime/wasm-memory.js';
import type { ReadBuffers } from '../runtime/wasm-memory.js';
import { defined } from '../domain/defined.js';
import { shownPath } from '../domain/text/shown.js';

/** Bytes per read of a stream. */
const READ_SIZE = 256 * 1024;
/** Bytes per read for several ranges. */
const LARGE_SIZE = 1024 * 1024;

/** Reads a range of a file in large chunks. */
export function readRange(file: FileRef, start: number, end?: number, signal?: AbortSignal): Readable {
  if (end !== undefined && end <= start) return Readable.from([]);
  if (isObject(pathOfFile(file))) {
    return Readable.from(chunksOf(file, { start, end: end ?? Infinity }, signal), { highWaterMark: 1 });
  }
  return streamFrom(() => openToRead(file), {
    start,
    highWaterMark: READ_SIZE,
    ...defined({ end: end === undefined ? undefined : end - 1, signal }),
  });
}

/** @param range may end beyond the end of the object */
async function* chunksOf(
  file: FileRef,
  range: { start: number; end: number },
  signal?: AbortSignal,
): AsyncGenerator<Buffer> {
  yield* objectChunks(await objectToRead(file, signal), range, signal);
}

/**
 * Reads a range for a caller that processes each chunk once and keeps none of it: two buffers are filled in turn, so a
 * chunk is valid only until the next one is requested, or the last one ends. New memory for each chunk would cost more
 * than the reading.
 * @param own buffers to use instead of shared ones; chunks of an object are not in them
 */
export async function* scanRange(
  source: FileRef,
  start: number,
  end = Infinity,
  signal?: AbortSignal,
  own?: ReadBuffers,
): AsyncGenerator<Buffer> {
  if (end <= start) return;
  if (isObject(pathOfFile(source))) {
    yield* chunksOf(source, { start, end }, signal);
    return;
  }
  const buffers = own ?? takeReadBuffers();
  const { handle: file, close } = await openToRead(source);
  let coming: Promise<Buffer> | undefined;
  try {
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
    if (own === undefined) returnReadBuffers(buffers);
    await close();
  }
}

export async function readHead(source: FileRef, bytes: number): Promise<Buffer> {
  if (isObject(pathOfFile(source))) return objectBytes(await objectToRead(source), { start: 0, end: bytes });
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
    // A store that is not reachable says nothing about the file.
    if (error instanceof NightloadError && !(isObject(path) && error.retryable)) return undefined;
    throw error;
  }
}

/** The content of a note of the worker's own; undefined if it is longer than any valid one. */
export function readNote(path: string, mostBytes: number): Promise<Buffer | undefined> {
  return readAtMost(path, mostBytes);
}

/** Of a note in an object store, also the version, for {@link replaceNote}. @throws ENOENT when there is none */
export async function readNoteVersion(
  path: string,
  mostBytes: number,
): Promise<{ bytes: Buffer | undefined; version?: Fingerprint }> {
  if (!isObject(path)) return { bytes: await readAtMost(path, mostBytes) };
  const object = await objectToRead(path);
  const { version } = object;
  const isSmall = version.size <= mostBytes;
  return { version, bytes: isSmall ? await objectBytes(object, { start: 0, end: version.size }) : undefined };
}

async function readAtMost(file: FileRef, mostBytes: number): Promise<Buffer | undefined> {
  if (isObject(pathOfFile(file))) {
    const object = await objectToRead(file);
    const { size } = object.version;
    return size > mostBytes ? undefined : objectBytes(object, { start: 0, end: size });
  }
  const { handle, close } = await openToRead(file);
  try {
    const { size } = await handle.stat();
    return size > mostBytes ? undefined : await readUpTo(handle, size);
  } finally {
    await close();
  }
}

/** Gaps up to this size are read along: that takes less time than another read. */
const NEAR_IN_FILE = { gap: 64 * 1024, together: LARGE_SIZE };
/** Each read of an object is a request. */
const NEAR_IN_OBJECT = { gap: LARGE_SIZE, together: 8 * LARGE_SIZE };

/**
 * Ranges of a file, in ascending order. Adjacent ones are read together; at most 1 MB of a file or 8 MB of an object, or
 * one range, is in memory.
 */
export async function* readRanges(
  source: FileRef,
  ranges: Iterable<{ start: number; end: number }>,
  signal?: AbortSignal,
): AsyncGenerator<Buffer> {
  // Opened for the first range: without ranges, the file need not exist.
  let file: (Pick<OpenFile, 'close'> & { read: ReadWhole }) | undefined;
  const path = pathOfFile(source);
  try {
    for (const near of inReads(ranges, isObject(path) ? NEAR_IN_OBJECT : NEAR_IN_FILE)) {
      signal?.throwIfAborted();
      file ??= await openForRanges(source);
      const from = near[0]?.start ?? 0;
      const bytes = await file.read(from, near[near.length - 1]?.end ?? from);
      for (const { start, end } of near) yield bytes.subarray(start - from, end - from);
    }
  } finally {
    await file?.close();
  }
}

type ReadWhole = (start: number, end: number) => Promise<Buffer>;

async function openForRanges(source: FileRef): Promise<Pick<OpenFile, 'close'> & { read: ReadWhole }> {
  const path = pathOfFile(source);
  if (isObject(path)) {
    const object = await objectToRead(source);
    const read: ReadWhole = async (start, end) =>
      complete(await objectBytes(object, { start, end }), end - start, path);
    return { read, close: () => Promise.resolve() };
  }
  const { handle, close } = await openToRead(source);
  return { read: (start, end) => readWhole(handle, path, start, end), close };
}

/** Groups ranges for one read. */
function* inReads(
  ranges: Iterable<{ start: number; end: number }>,
  { gap, together }: typeof NEAR_IN_FILE,
): Generator<{ start: number; end: number }[]> {
  let near: { start: number; end: number }[] = [];
  let from = 0;
  let to = 0;
  for (const range of ranges) {
    const joins = range.start >= to && range.start - to <= gap && range.end - from <= together;
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
  const { read, close } = await openForRanges(source);
  try {
    return await read(start, end);
  } finally {
    await close();
  }
}

function complete(bytes: Buffer, length: number, path: string): Buffer {
  if (bytes.length !== length) throw becameShorter(path);
  return bytes;
}

function becameShorter(path: string): NightloadError {
  return new NightloadError(
    'SOURCE_CHANGED',
    `${shownPath(path)} became shorter while it was being read. Start the load again once it is complete.`,
  );
}

async function readWhole(file: FileHandle, path: string, start: number, end: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(end - start);
  for (let filled = 0; filled < bytes.length;) {
    const { bytesRead } = await file.read(bytes, filled, bytes.length - filled, start + filled);
    if (bytesRead === 0) throw becameShorter(path);
    filled += bytesRead;
  }
  return bytes;
}
