/** Reads objects by ranges: always of one version, and resumed where a connection broke. */
import { setTimeout as pause } from 'node:timers/promises';
import { NightloadError } from '../../errors.js';
import { incompleteFolder } from '../files/disk-errors.js';
import { dirname } from '../locations.js';
import { storeOf } from './open-store.js';
import type { ByteRange, ObjectVersion } from './object-store.js';

/** Interruptions in a row without a byte in between, before the step itself is repeated. */
const MAX_INTERRUPTIONS = 5;
const FIRST_WAIT_MS = 200;

/** An object that is read: all reads get the bytes of one version. */
export interface OpenObject {
  location: string;
  version: ObjectVersion;
  /** Written by the worker itself: another attempt of a step may replace it at any time. */
  isOwn: boolean;
}

/** @throws ENOENT if it does not exist, as for files */
export async function openObject(location: string, { isOwn }: Pick<OpenObject, 'isOwn'>): Promise<OpenObject> {
  const version = await (await storeOf(location)).find(location);
  if (version === undefined) throw missingObject(location);
  return { location, version, isOwn };
}

/** The error of a missing file, so that both are handled alike. */
function missingObject(location: string): NodeJS.ErrnoException {
  const error: NodeJS.ErrnoException = new Error('ENOENT: no such object');
  error.code = 'ENOENT';
  error.path = location;
  return error;
}

/** Bytes from `start` to `end`, or to the end of the object. */
export async function* objectChunks(
  { location, version, isOwn }: OpenObject,
  { start, end }: ByteRange,
  signal?: AbortSignal,
): AsyncGenerator<Buffer> {
  const store = await storeOf(location);
  const last = Math.min(end, version.size);
  let at = start;
  for (let interruptions = 0; at < last;) {
    try {
      for await (const chunk of store.read(location, version, { start: at, end: last }, signal)) {
        at += chunk.length;
        interruptions = 0;
        yield Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
      }
      if (at < last) throw new Error(`the reply ended ${last - at} bytes early`);
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof NightloadError && !error.retryable)
        throw isOwn ? incompleteFolder(dirname(location), error) : error;
      if (++interruptions > MAX_INTERRUPTIONS) throw interrupted(error);
      await pause(FIRST_WAIT_MS * 2 ** (interruptions - 1), undefined, { ...(signal && { signal }) });
    }
  }
}

function interrupted(cause: unknown): NightloadError {
  if (cause instanceof NightloadError) return cause;
  return new NightloadError(
    'STORE_UNAVAILABLE',
    'Replies of the object store broke off several times. Check the network and the store; the load resumes by itself.',
    { retryable: true, cause },
  );
}

/** A range that fits into memory; shorter if the object ends before. */
export async function objectBytes(object: OpenObject, range: ByteRange): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of objectChunks(object, range)) chunks.push(chunk);
  return Buffer.concat(chunks);
}
