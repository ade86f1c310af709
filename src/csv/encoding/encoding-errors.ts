/** Errors for bytes that are invalid in an encoding: where they are, what the file probably is, and what to do. */
import type { Encoding } from './encodings.js';
import { NightloadError } from '../../errors.js';
import { byteOrderMark, utf16Order } from './byte-order.js';
import { Utf8Finder } from './utf8-validator.js';

const OTHER_ENCODING = 'Find out its encoding and load it with --encoding, or save it as UTF-8.';

/** @param what stands before "at byte offset 12" */
export function notDecodable(
  encoding: Encoding,
  offset: number,
  what: string,
  advice = OTHER_ENCODING,
): NightloadError {
  return new NightloadError(
    'CSV_NOT_DECODABLE',
    `The file is not ${encoding}: ${what} at byte offset ${offset}. ${advice}`,
  );
}

/**
 * For invalid UTF-8: where it is, and what the file probably is.
 * @param offset of the first such byte in the text (of a packed file: in the unpacked text)
 * @param row number of the data row, if known
 * @param head the bytes at that place, starting at the beginning of a character
 * @param afterUtf8 earlier bytes contained characters that only UTF-8 has
 */
export function notUtf8At(offset: number, row: number | undefined, head: Buffer, afterUtf8 = false): NightloadError {
  const where = `at byte offset ${offset}${row === undefined ? '' : `, in data row ${row}`}`;
  const advice = remedy(head, afterUtf8);
  return new NightloadError('CSV_NOT_UTF8', `The file is not UTF-8: invalid character ${where}. ${advice}`);
}

/** What text that is not UTF-8 probably is, and what to do. */
export function remedy(head: Buffer, afterUtf8 = false): string {
  if (head.subarray(0, 4).equals(Buffer.from([0x50, 0x4b, 3, 4]))) {
    return 'It looks like an Excel workbook or another ZIP file: save it as CSV UTF-8, then load that file.';
  }
  const utf16 = byteOrderMark(head)?.encoding ?? utf16Order(head);
  if (utf16 === 'utf-16le' || utf16 === 'utf-16be') return `It looks like UTF-16: load it with --encoding ${utf16}.`;
  if (head.includes(0)) return 'It looks like a binary file: load a CSV text file.';
  const bad = new Utf8Finder().push(head) ?? head.length;
  if (afterUtf8 || head.subarray(0, bad).some((byte) => byte >= 0x80)) {
    return (
      'The bytes before it are UTF-8, so the file is damaged there or truncated, or was assembled from files of ' +
      'different encodings: fix it and load it again.'
    );
  }
  return (
    'Find out its encoding and load it with --encoding, or save it as UTF-8. ' +
    'Then check the letters in a few rows: many encodings decode the same bytes, each to different letters.'
  );
}
