/** Characters of encodings older than Unicode, and bytes that are invalid in them. */
import type { OneByte, SeveralBytes } from './encodings.js';

/** Whether a decoder returned this character for a byte that is invalid in the encoding. */
export function isNoCharacter(encoding: OneByte | SeveralBytes, unit: number): boolean {
  // For bytes that the encoding leaves undefined, decoders return control or private-use characters.
  const isControl =
    unit >= 0x80 && unit < 0xa0 && !encoding.startsWith('iso-8859') && !/^(?:koi8|x-mac|mac|ibm)/.test(encoding);
  return isControl || unit === 0xfffd || (unit >= 0xf8f0 && unit <= 0xf8ff && !encoding.includes('mac'));
}

/** Bytes 0x80 to 0x9f; the rest of Windows-1252 is Latin 1. Node's own decoder treats all of it as Latin 1. */
const WINDOWS_1252 = '€\0‚ƒ„…†‡ˆ‰Š‹Œ\0Ž\0\0‘’“”•–—˜™š›œ\0žŸ';

/** Characters of the bytes from 0x80 on; zero for invalid bytes. */
export function upperHalf(encoding: OneByte): Uint16Array {
  const bytes = Buffer.from(Array.from({ length: 128 }, (_, n) => n + 128));
  const text =
    encoding === 'windows-1252'
      ? WINDOWS_1252 + bytes.subarray(32).toString('latin1')
      : new TextDecoder(encoding).decode(bytes);
  return Uint16Array.from(text, (character) => {
    const unit = character.charCodeAt(0);
    return isNoCharacter(encoding, unit) ? 0 : unit;
  });
}
