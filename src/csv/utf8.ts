/**
 * Refuses text that is not UTF-8 before it is sent or rewritten: the platform would store replacement characters in
 * place of every accent, and no error would tell.
 */
import { isUtf8 } from 'node:buffer';
import { NightloadError } from '../errors.js';

/** Checks bytes chunk by chunk; a character may be cut by the border between two chunks. */
export class Utf8Check {
  #cut: Buffer = Buffer.alloc(0);

  /** @returns false when what came so far is not UTF-8 */
  push(chunk: Buffer): boolean {
    const bytes = this.#cut.length === 0 ? chunk : Buffer.concat([this.#cut, chunk]);
    const whole = wholeCharacters(bytes);
    this.#cut = bytes.subarray(whole);
    return isUtf8(bytes.subarray(0, whole));
  }

  /** @returns false when the last character is not complete */
  finish(): boolean {
    return this.#cut.length === 0;
  }
}

/** Length without a character that only began at the end. */
function wholeCharacters(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back] as number;
    if ((byte & 0xc0) === 0x80) continue;
    const size = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return size > back ? bytes.length - back : bytes.length;
  }
  return bytes.length;
}

/** @param where for example `data row 12` */
export function notUtf8(where: string): NightloadError {
  return new NightloadError(
    'CSV_NOT_UTF8',
    `The file is not UTF-8: ${where} has bytes of another encoding. Salesforce takes UTF-8 only: save the file as UTF-8 and load it again.`,
  );
}
