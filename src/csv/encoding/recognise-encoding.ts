/**
 * Detects the encoding from a file's first bytes. Other encodings than Unicode are never guessed: their bytes look
 * alike, so a person has to specify the encoding.
 */
import { byteOrderMark, utf16Order } from './byte-order.js';
import { Utf8Finder } from './utf8-validator.js';
import { constants, gunzipSync } from 'node:zlib';
import type { Encoding } from './encodings.js';
import { encodingOf } from './encodings.js';
import { notDecodable } from './encoding-errors.js';

export interface Recognised {
  encoding: 'utf-8' | 'utf-16le' | 'utf-16be' | 'unknown';
  /** Length of the byte order mark in bytes. */
  bom: number;
  /** The file is packed; the encoding is that of the text in it. */
  gzip: boolean;
}

/** Detects the encoding from the first bytes. */
export function recogniseEncoding(head: Buffer): Recognised {
  const gzip = head[0] === 0x1f && head[1] === 0x8b;
  const text = gzip ? unpackedHead(head) : head;
  const mark = byteOrderMark(text);
  if (mark?.encoding === 'utf-8' || mark?.encoding === 'utf-16le' || mark?.encoding === 'utf-16be') {
    return { encoding: mark.encoding, bom: mark.length, gzip };
  }
  const encoding = utf16Order(text) ?? (new Utf8Finder().push(text) === undefined ? 'utf-8' : 'unknown');
  return { encoding, bom: 0, gzip };
}

/** Packed bytes to unpack for detection: they give at most a thousand times as much. */
const PACKED_HEAD = 8 * 1024;

/** Empty if it cannot be unpacked: the reader of the whole file reports that. */
export function unpackedHead(head: Buffer): Buffer {
  try {
    return gunzipSync(head.subarray(0, PACKED_HEAD), { finishFlush: constants.Z_SYNC_FLUSH });
  } catch {
    return Buffer.alloc(0);
  }
}

/**
 * Length in bytes of the byte order mark, which is not text. A mark that contradicts the caller's encoding is refused:
 * otherwise it would end up in the first cell, and the text would be garbled.
 * @throws NightloadError `CSV_NOT_DECODABLE`
 */
export function markLength(head: Buffer, encoding: Encoding): number {
  const mark = byteOrderMark(head);
  if (mark === undefined) return 0;
  if (mark.encoding === encoding || (encoding === 'utf-16' && mark.encoding.startsWith('utf-16'))) return mark.length;
  const known = encodingOf(mark.encoding);
  const advice = known ? `Load it with --encoding ${known}.` : 'Save it as UTF-8 and load it again.';
  throw notDecodable(encoding, 0, `the byte order mark of ${mark.encoding}`, advice);
}
