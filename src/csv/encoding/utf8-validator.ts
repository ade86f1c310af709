/** Finds where a file stops being UTF-8. */
import { isAscii, isUtf8 } from 'node:buffer';

/** Finds the first invalid UTF-8 byte; a character may be split between two chunks. */
export class Utf8Finder {
  /** An incomplete character. */
  #cut: Buffer = Buffer.alloc(0);
  /** Offset of the first byte that is not known to be valid. */
  #at: number;
  /** Valid characters that only UTF-8 has were found: the file is not in a one-byte encoding. */
  sawText = false;

  /** @param at offset of the first byte */
  constructor(at = 0) {
    this.#at = at;
  }

  /** @returns the offset of the first invalid byte so far, if any; then stop calling it */
  push(chunk: Buffer): number | undefined {
    // Mostly the only check that a file needs, and the fastest.
    if (!this.sawText && this.#cut.length === 0 && isAscii(chunk)) {
      this.#at += chunk.length;
      return undefined;
    }
    const bytes = this.#cut.length === 0 ? chunk : Buffer.concat([this.#cut, chunk]);
    const whole = bytes.subarray(0, wholeCharacters(bytes));
    if (!isUtf8(whole)) {
      const bad = firstBad(whole);
      this.sawText ||= !isAscii(whole.subarray(0, bad));
      return this.#at + bad;
    }
    // A copy, so that three bytes do not keep a whole chunk in memory.
    this.#cut = Buffer.from(bytes.subarray(whole.length));
    this.sawText ||= !isAscii(whole);
    this.#at += whole.length;
    return undefined;
  }

  /** @returns the offset of the last character if it is incomplete */
  finish(): number | undefined {
    return this.#cut.length === 0 ? undefined : this.#at;
  }
}

/** Length without an incomplete character at the end. */
function wholeCharacters(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back] as number;
    if ((byte & 0xc0) === 0x80) continue;
    const size = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return size > back ? bytes.length - back : bytes.length;
  }
  return bytes.length;
}

/** @param bytes invalid somewhere */
function firstBad(bytes: Buffer): number {
  // Valid before `good`, which is the beginning of a character; invalid somewhere before `bad`.
  let good = 0;
  let bad = bytes.length;
  while (bad - good > 8) {
    const half = bytes.subarray(good, (good + bad) >> 1);
    const whole = wholeCharacters(half);
    if (isUtf8(half.subarray(0, whole))) good += whole;
    else bad = good + whole;
  }
  for (;;) {
    const size = [1, 2, 3, 4].find((length) => good + length <= bad && isUtf8(bytes.subarray(good, good + length)));
    if (size === undefined) return good;
    good += size;
  }
}
