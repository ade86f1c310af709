/** Decoders to UTF-8, one per family of encodings. Each reports the byte at which a file is invalid. */
import type { Encoding, OneByte, SeveralBytes } from './encodings.js';
import { byteOrderMark, utf16Order } from './byte-order.js';
import { isOneByte } from './encodings.js';
import { Utf8Finder } from './utf8-validator.js';
import { notDecodable, remedy } from './encoding-errors.js';
import { isNoCharacter, upperHalf } from './invalid-characters.js';
import { isAscii } from 'node:buffer';
import { MAX_ROW_BYTES, rowTooLarge } from '../row-limits.js';

/** Bytes that are checked before decoding starts: for byte order, and for formats that cannot be decoded. */
export const HEAD_BYTES = 64 * 1024;

export const NOTHING = Buffer.alloc(0);

export interface Decoder {
  push(bytes: Buffer): Buffer;
  /**
   * Returns the bytes that were held back.
   * @throws if the last character is incomplete
   */
  finish(): Buffer;
}

export function decoderFor(encoding: Encoding, head: Buffer, at: number): Decoder {
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
      throw notDecodable('utf-8', offset, 'invalid character', remedy(this.#head, this.#finder.sawText));
    }
  }
}

class FromUtf16 implements Decoder {
  readonly #encoding: 'utf-16le' | 'utf-16be';
  readonly #text = new TextDecoder('utf-16le', { fatal: true, ignoreBOM: true });
  /** Up to three bytes of an incomplete character. */
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
    // Swapped in a copy: the caller owns the chunk.
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
      throw notDecodable(this.#encoding, this.#at + 2 * lone, 'half of a surrogate pair');
    }
  }

  finish(): Buffer {
    if (this.#cut.length > 0) {
      throw notDecodable(this.#encoding, this.#at, 'truncated character');
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
    // Every character of these encodings fits into three bytes.
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
        throw notDecodable(this.#encoding, start + n, `invalid byte (0x${byte.toString(16)})`);
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

/** Bytes up to this value never continue a character, so a text may be split after them. */
const LAST_BORDER = 0x2f;

const LF = 0x0a;

const MAX_CHARACTER = 4;

/** Decodes stretches between character borders separately, so that it can report where one is wrong. */
class FromSeveralBytes implements Decoder {
  readonly #encoding: SeveralBytes;
  readonly #text: InstanceType<typeof TextDecoder>;
  /** Its lines begin in ASCII; within a line, escape sequences decide what bytes mean. */
  readonly #hasEscapes: boolean;
  /** Bytes after the last border. */
  #held: Buffer[] = [];
  #heldBytes = 0;
  /** Offset of the first held byte. */
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
      if (this.#heldBytes > MAX_ROW_BYTES) throw rowTooLarge(`The row at byte ${this.#at} of the file`);
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
      throw notDecodable(this.#encoding, this.#at + this.#firstBad(bytes), 'invalid character');
    }
    this.#at += bytes.length;
    return Buffer.from(text);
  }

  /** Undefined if it contains an invalid byte. */
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

  /** The offset after the last border in [from, to), or `from`. */
  #borderBefore(bytes: Buffer, to: number, from: number): number {
    for (let at = to - 1; at >= from; at--) {
      const byte = bytes[at] as number;
      if (this.#hasEscapes ? byte === LF : byte <= LAST_BORDER) return at + 1;
    }
    return from;
  }

  /** @param bytes invalid somewhere */
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
    // Only the beginning of such a line is certain.
    if (this.#hasEscapes) return good;
    for (;;) {
      const at = good;
      for (let size = 1; size <= MAX_CHARACTER && good === at && at + size <= bad; size++) {
        if (this.#textOf(bytes.subarray(at, at + size)) !== undefined) good += size;
      }
      if (good === at) return good;
    }
  }
}

/** Candidates for {@link isNoCharacter}. */
const SUSPECT = /[\u0080-\u009f\uf8f0-\uf8ff\ufffd]/g;
