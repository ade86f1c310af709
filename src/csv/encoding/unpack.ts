/** Unpacks a gzip file to its very end: a truncated or damaged file, or one followed by other data, is an error. */
import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import type { Gunzip } from 'node:zlib';
import { NightloadError } from '../../errors.js';

/** Several consecutive members are one file. */
export async function* unpacked(source: Readable, maxBytes: number): AsyncGenerator<Buffer> {
  let size = 0;
  const gunzip = createGunzip({ chunkSize: 256 * 1024 });
  // An error after the reader is gone must not end the process.
  gunzip.on('error', () => undefined);
  const fed = feed(source, gunzip);
  fed.catch((error: Error) => gunzip.destroy(error));
  try {
    for await (const chunk of gunzip as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > maxBytes) throw unpackedTooLarge(maxBytes);
      yield chunk;
    }
    await fed;
  } catch (error) {
    throw gzipError(error);
  } finally {
    gunzip.destroy();
    source.destroy();
  }
}

/**
 * Node stops silently at a zero byte after a member, whatever follows it. Zeros alone are padding; anything after them
 * is an error, or rows would be lost silently.
 */
async function feed(source: Readable, gunzip: Gunzip): Promise<void> {
  let given = 0;
  let padding = false;
  // Also resolves if the reader stops, because a write then never completes.
  const ended = new Promise<void>((resolve) => gunzip.once('end', resolve).once('close', resolve));
  for await (const chunk of source as AsyncIterable<Uint8Array>) {
    if (chunk.length === 0) continue;
    given += chunk.length;
    let rest = chunk;
    if (!padding) {
      await Promise.race([write(gunzip, chunk), ended]);
      rest = chunk.subarray(chunk.length - (given - gunzip.bytesWritten));
    }
    if (rest.length === 0) continue;
    padding = true;
    if (rest.some((byte) => byte !== 0)) throw invalidGzip('bytes follow its end');
  }
  if (!padding) gunzip.end();
}

function write(gunzip: Gunzip, chunk: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    gunzip.write(chunk, (error) => (error ? reject(error) : resolve()));
  });
}

function gzipError(error: unknown): unknown {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'Z_BUF_ERROR') {
    return new NightloadError('SOURCE_GZIP_TRUNCATED', 'The gzip file is truncated. Create it again.', {
      cause: error,
    });
  }
  return code === 'Z_DATA_ERROR' || code === 'Z_NEED_DICT' ? invalidGzip(message, error) : error;
}

function unpackedTooLarge(maxBytes: number): NightloadError {
  const shown = maxBytes < 1e9 ? `${maxBytes / 1e6} MB` : `${maxBytes / 1e9} GB`;
  return new NightloadError(
    'UNPACKED_TOO_LARGE',
    `The gzip file contains more than ${shown}, the most that this worker unpacks (NIGHTLOAD_MAX_UNPACKED). If its content ` +
      'is correct, raise the setting and restart the worker, or split the file.',
  );
}

function invalidGzip(what: string, cause?: unknown): NightloadError {
  return new NightloadError(
    'SOURCE_GZIP_INVALID',
    `The file cannot be unpacked (${what}): it is not gzip, or it is damaged. Create it again, or load it unpacked.`,
    { cause },
  );
}
