/**
 * A source of any known encoding, packed or not, as UTF-8 without a byte order mark. Nothing is replaced on the way:
 * bytes that are no text of the encoding end the stream with an error.
 */
import { isAscii } from 'node:buffer';
import { pipeline, Readable, Transform } from 'node:stream';
import { createGunzip } from 'node:zlib';
import type { Gunzip } from 'node:zlib';
import { NightloadError } from '../errors.js';
import {
  byteOrderMark,
  encodingOf,
  encodingUnknown,
  isNoCharacter,
  isOneByte,
  markLength,
  notDecodable,
  remedy,
  upperHalf,
  utf16Order,
  Utf8Finder,
} from './encoding.js';
import type { Encoding, OneByte, SeveralBytes } from './encoding.js';
import { MOST_ROW_BYTES, rowTooLarge } from './scanner.js';

/** So much is looked at before the first byte is decoded: byte order, and what a file is that cannot be decoded. */
const HEAD_BYTES = 64 * 1024;
const NOTHING = Buffer.alloc(0);

/**
 * Offsets in errors are those of the text, after unpacking. Destroying either stream destroys the other.
 * @param options.encoding a name that {@link encodingOf} knows
 * @param options.maxUnpackedBytes what may come out of a packed file
 * @throws NightloadError `ENCODING_UNKNOWN`; as stream errors `CSV_NOT_DECODABLE`, `SOURCE_GZIP_INVALID`,
 *   `SOURCE_GZIP_TRUNCATED`, `UNPACKED_TOO_LARGE`
 */
export function decodeStream(
  source: Readable,
  options: { encoding: string; gzip: boolean; maxUnpackedBytes?: number },
): Readable {
  const encoding = encodingOf(options.encoding);
  if (encoding === undefined) {
    source.destroy();
    throw encodingUnknown(options.encoding);
  }
  const decoded = decoding(encoding);
  const { gzip, maxUnpackedBytes = Infinity } = options;
  const bytes = gzip ? Readable.from(unpacked(source, maxUnpackedBytes), { objectMode: false }) : source;
  // A source that waits for bytes would hold up the unpacking, and so its own end.
  decoded.once('close', () => source.destroy());
  pipeline(bytes, decoded, () => {
    // Whoever reads gets the error from the stream.
  });
  return decoded;
}

/** Several members one after the other are one file. */
async function* unpacked(source: Readable, maxBytes: number): AsyncGenerator<Buffer> {
  let size = 0;
  const gunzip = createGunzip({ chunkSize: 256 * 1024 });
  // An error that comes when its reader is gone already must not end the process.
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
 * Node ends in peace at a zero byte after a member, whatever follows it. Zeros alone are padding; after them nothing
 * may come, or rows would be lost without a word.
 */
async function feed(source: Readable, gunzip: Gunzip): Promise<void> {
  let given = 0;
  let padding = false;
  // Also when no more is taken: a write is then never answered.
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
    return new NightloadError(
      'SOURCE_GZIP_TRUNCATED',
      'The gzip file ends before its data does: it was not copied or written to its end. Make it anew.',
      { cause: error },
    );
  }
  return code === 'Z_DATA_ERROR' || code === 'Z_NEED_DICT' ? invalidGzip(message, error) : error;
}

function unpackedTooLarge(maxBytes: number): NightloadError {
  const shown = maxBytes < 1e9 ? `${maxBytes / 1e6} MB` : `${maxBytes / 1e9} GB`;
  return new NightloadError(
    'UNPACKED_TOO_LARGE',
    `The gzip file holds more than ${shown}, which is the most that this worker unpacks (NIGHTLOAD_MAX_UNPACKED). If its content ` +
      'is what it should be, raise the setting and restart the worker, or cut the file into several.',
  );
}

function invalidGzip(what: string, cause?: unknown): NightloadError {
  return new NightloadError(
    'SOURCE_GZIP_INVALID',
    `The file cannot be unpacked (${what}): it is not gzip, or it is damaged. Make it anew, or load it unpacked.`,
    { cause },
  );
}

interface Decoder {
  push(bytes: Buffer): Buffer;
  /**
   * What was kept back.
   * @throws when the last character is not complete
   */
  finish(): Buffer;
}

function decoding(encoding: Encoding): Transform {
  let head: Buffer[] = [];
  let size = 0;
  let decoder: Decoder | undefined;

  /** Keeps bytes back until there are enough to tell by. */
  function take(chunk: Buffer, last: boolean): Buffer {
    if (decoder !== undefined) return decoder.push(chunk);
    head.push(chunk);
    size += chunk.length;
    if (size < HEAD_BYTES && !last) return NOTHING;
    const bytes = Buffer.concat(head);
    head = [];
    const skip = markLength(bytes, encoding);
    decoder = decoderFor(encoding, bytes, skip);
    return decoder.push(bytes.subarray(skip));
  }

  function answer(work: () => Buffer, done: (error: Error | null, data?: Buffer) => void): void {
    let bytes: Buffer;
    try {
      bytes = work();
    } catch (error) {
      done(error as Error);
      return;
    }
    if (bytes.length === 0) done(null);
    else done(null, bytes);
  }

  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      answer(() => take(chunk, false), done);
    },
    flush(done) {
      answer(() => {
        const bytes = take(NOTHING, true);
        return Buffer.concat([bytes, decoder?.finish() ?? NOTHING]);
      }, done);
    },
  });
}

function decoderFor(encoding: Encoding, head: Buffer, at: number): Decoder {
  switch (encoding) {
    case 'utf-8':
      return new FromUtf8(head, at);
    case 'utf-16': {
      const order = byteOrderMark(head)?.encoding ?? utf16Order(head);
      return new FromUtf16(order === 'utf-16be' ? 'utf-16be' : 'utf-16le', at);
    }
    case 'utf-16le':
    case 'utf-16be':
      return new FromUtf16(encoding, at);
    default:
      return isOneByte(encoding) ? new FromOneByte(encoding, at) : new FromSeveralBytes(encoding, at);
  }
}

class FromUtf8 implements Decoder {
  readonly #finder: Utf8Finder;
  readonly #head: Buffer;

  constructor(head: Buffer, at: number) {
    this.#finder = new Utf8Finder(at);
    this.#head = head.subarray(0, HEAD_BYTES);
  }

  push(bytes: Buffer): Buffer {
    this.#refuse(this.#finder.push(bytes));
    return bytes;
  }

  finish(): Buffer {
    this.#refuse(this.#finder.finish());
    return NOTHING;
  }

  #refuse(offset: number | undefined): void {
    if (offset !== undefined) {
      throw notDecodable('utf-8', offset, 'is no UTF-8 character', remedy(this.#head, this.#finder.sawText));
    }
  }
}

class FromUtf16 implements Decoder {
  readonly #encoding: 'utf-16le' | 'utf-16be';
  readonly #text = new TextDecoder('utf-16le', { fatal: true, ignoreBOM: true });
  /** Up to three bytes of a character that is not complete yet. */
  #cut: Buffer = Buffer.alloc(0);
  #at: number;

  constructor(encoding: 'utf-16le' | 'utf-16be', at: number) {
    this.#encoding = encoding;
    this.#at = at;
  }

  push(chunk: Buffer): Buffer {
    const bytes = this.#cut.length === 0 ? chunk : Buffer.concat([this.#cut, chunk]);
    let whole = bytes.length & ~1;
    const lastHigh = bytes[this.#encoding === 'utf-16le' ? whole - 1 : whole - 2] ?? 0;
    // The first half of a surrogate pair waits for the second.
    if (whole > 0 && (lastHigh & 0xfc) === 0xd8) whole -= 2;
    this.#cut = Buffer.from(bytes.subarray(whole));
    let units = bytes.subarray(0, whole);
    // Swapped in a copy: the chunk is not ours.
    if (this.#encoding === 'utf-16be') units = Buffer.from(units).swap16();
    const text = this.#decode(units);
    this.#at += whole;
    return Buffer.from(text);
  }

  #decode(units: Buffer): string {
    try {
      return this.#text.decode(units);
    } catch {
      const lone = units.toString('utf16le').search(/\p{Surrogate}/u);
      throw notDecodable(this.#encoding, this.#at + 2 * lone, 'is half of a surrogate pair');
    }
  }

  finish(): Buffer {
    if (this.#cut.length > 0) {
      throw notDecodable(this.#encoding, this.#at, 'is half of a character, and then the file ends');
    }
    return NOTHING;
  }
}

class FromOneByte implements Decoder {
  readonly #encoding: OneByte;
  readonly #upper: Uint16Array;
  #at: number;

  constructor(encoding: OneByte, at: number) {
    this.#encoding = encoding;
    this.#upper = upperHalf(encoding);
    this.#at = at;
  }

  push(bytes: Buffer): Buffer {
    const start = this.#at;
    this.#at += bytes.length;
    if (isAscii(bytes)) return bytes;
    const upper = this.#upper;
    // No character of these encodings takes more than three bytes.
    const out = Buffer.allocUnsafe(3 * bytes.length);
    let length = 0;
    for (let n = 0; n < bytes.length; n++) {
      const byte = bytes[n] as number;
      if (byte < 0x80) {
        out[length++] = byte;
        continue;
      }
      const unit = upper[byte - 0x80] as number;
      if (unit === 0) {
        throw notDecodable(this.#encoding, start + n, `is a byte that is no character (0x${byte.toString(16)})`);
      }
      if (unit < 0x800) out[length++] = 0xc0 | (unit >> 6);
      else {
        out[length++] = 0xe0 | (unit >> 12);
        out[length++] = 0x80 | ((unit >> 6) & 0x3f);
      }
      out[length++] = 0x80 | (unit & 0x3f);
    }
    return out.subarray(0, length);
  }

  finish(): Buffer {
    // Every byte is a character.
    return NOTHING;
  }
}

/** Up to this byte, none is the rest of a character: a text may be cut behind it. */
const LAST_BORDER = 0x2f;
const LF = 0x0a;
const LONGEST_CHARACTER = 4;

/**
 * Decodes stretches that begin and end between characters, each for itself, so that it can be told where one is wrong.
 */
class FromSeveralBytes implements Decoder {
  readonly #encoding: SeveralBytes;
  readonly #text: InstanceType<typeof TextDecoder>;
  /** Its lines begin in ASCII; inside of them bytes mean what an escape sequence says. */
  readonly #hasEscapes: boolean;
  /** Bytes after the last border. */
  #held: Buffer[] = [];
  #heldBytes = 0;
  /** Offset of the first byte that is held. */
  #at: number;

  constructor(encoding: SeveralBytes, at: number) {
    this.#encoding = encoding;
    this.#text = new TextDecoder(encoding, { fatal: true, ignoreBOM: true });
    this.#hasEscapes = encoding === 'iso-2022-jp';
    this.#at = at;
  }

  push(chunk: Buffer): Buffer {
    const border = this.#borderBefore(chunk, chunk.length, 0);
    const rest = Buffer.from(chunk.subarray(border));
    if (border === 0) {
      this.#held.push(rest);
      this.#heldBytes += rest.length;
      if (this.#heldBytes > MOST_ROW_BYTES) throw rowTooLarge(`The row with byte ${this.#at} of the file`);
      return NOTHING;
    }
    const bytes = Buffer.concat([...this.#held, chunk.subarray(0, border)]);
    this.#held = [rest];
    this.#heldBytes = rest.length;
    return this.#decode(bytes);
  }

  finish(): Buffer {
    return this.#decode(Buffer.concat(this.#held));
  }

  #decode(bytes: Buffer): Buffer {
    const text = this.#textOf(bytes);
    if (text === undefined) {
      throw notDecodable(this.#encoding, this.#at + this.#firstBad(bytes), 'is no character of it');
    }
    this.#at += bytes.length;
    return Buffer.from(text);
  }

  /** Undefined when it has a byte that is no text. */
  #textOf(bytes: Buffer): string | undefined {
    try {
      const text = this.#text.decode(bytes);
      for (const [suspect] of text.matchAll(SUSPECT)) {
        if (isNoCharacter(this.#encoding, suspect.charCodeAt(0))) return undefined;
      }
      return text;
    } catch {
      return undefined;
    }
  }

  /** The offset behind the last border in [from, to), or `from`. */
  #borderBefore(bytes: Buffer, to: number, from: number): number {
    for (let at = to - 1; at >= from; at--) {
      const byte = bytes[at] as number;
      if (this.#hasEscapes ? byte === LF : byte <= LAST_BORDER) return at + 1;
    }
    return from;
  }

  /** @param bytes bad somewhere */
  #firstBad(bytes: Buffer): number {
    let good = 0;
    let bad = bytes.length;
    for (;;) {
      const half = this.#borderBefore(bytes, (good + bad) >> 1, good);
      const border = half > good ? half : this.#borderBefore(bytes, bad - 1, good);
      if (border === good) break;
      if (this.#textOf(bytes.subarray(good, border)) === undefined) bad = border;
      else good = border;
    }
    // Of such a line only its beginning is sure.
    if (this.#hasEscapes) return good;
    for (;;) {
      const at = good;
      for (let size = 1; size <= LONGEST_CHARACTER && good === at && at + size <= bad; size++) {
        if (this.#textOf(bytes.subarray(at, at + size)) !== undefined) good += size;
      }
      if (good === at) return good;
    }
  }
}

/** What {@link isNoCharacter} may mean. */
const SUSPECT = /[\u0080-\u009f\uf8f0-\uf8ff\ufffd]/g;
