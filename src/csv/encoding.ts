/**
 * Which encoding a file is in, and where it stops being UTF-8. What is not Unicode is never guessed: its bytes look alike in
 * many encodings, so a person has to specify which one it is.
 */
import { isAscii, isUtf8 } from 'node:buffer';
import { constants, gunzipSync } from 'node:zlib';
import { NightloadError } from '../errors.js';

/** Each byte is a character. */
const ONE_BYTE = [
  'windows-1250',
  'windows-1251',
  'windows-1252',
  'windows-1253',
  'windows-1254',
  'windows-1255',
  'windows-1256',
  'windows-1257',
  'windows-1258',
  'windows-874',
  'iso-8859-2',
  'iso-8859-3',
  'iso-8859-4',
  'iso-8859-5',
  'iso-8859-6',
  'iso-8859-7',
  'iso-8859-8',
  'iso-8859-8-i',
  'iso-8859-10',
  'iso-8859-13',
  'iso-8859-14',
  'iso-8859-15',
  'koi8-r',
  'koi8-u',
  'ibm866',
  'macintosh',
  'x-mac-cyrillic',
] as const;

/** Letters take one byte or several. */
const SEVERAL_BYTES = ['shift_jis', 'euc-jp', 'iso-2022-jp', 'gb18030', 'gbk', 'big5', 'euc-kr'] as const;

export type OneByte = (typeof ONE_BYTE)[number];
export type SeveralBytes = (typeof SEVERAL_BYTES)[number];
/** What a decoder exists for. `utf-16` is either byte order, as the file itself shows. */
export type Encoding = 'utf-8' | 'utf-16' | 'utf-16le' | 'utf-16be' | OneByte | SeveralBytes;

/** Letters and digits of a name: people differ in the rest. */
function squash(name: string): string {
  return name.toLowerCase().replace(/[-_ ]/g, '');
}

/** Latin 1 is read as Windows-1252, as the web does: what says Latin 1 mostly has the euro sign and curly quotes. */
const BY_NAME = new Map<string, Encoding>([
  ...[...ONE_BYTE, ...SEVERAL_BYTES].map((name): [string, Encoding] => [squash(name), name]),
  ['utf8', 'utf-8'],
  ['utf16', 'utf-16'],
  ['utf16le', 'utf-16le'],
  ['utf16be', 'utf-16be'],
  ['cp1252', 'windows-1252'],
  ['latin1', 'windows-1252'],
  ['iso88591', 'windows-1252'],
  ['latin9', 'iso-8859-15'],
  ['macroman', 'macintosh'],
  // Microsoft's numbers.
  ['cp874', 'windows-874'],
  ['cp932', 'shift_jis'],
  ['cp936', 'gbk'],
  ['cp949', 'euc-kr'],
  ['cp950', 'big5'],
]);

/** Names that messages show; {@link encodingOf} takes them in any spelling ("UTF8", "ISO_8859-1"), and others. */
export const ENCODINGS: readonly string[] = [
  ...['utf-8', 'utf-16', 'utf-16le', 'utf-16be', 'latin1', 'iso-8859-1'],
  ...[...ONE_BYTE, ...SEVERAL_BYTES].filter(isDecodable),
];

function isDecodable(name: string): boolean {
  try {
    new TextDecoder(name, { fatal: true });
    return true;
  } catch {
    // A Node that was built with less than all of ICU.
    return false;
  }
}

/** By our own names, then by all names that the web knows for the same encodings: `sjis`, `windows-31j`, `gb2312`, `tis-620`. */
export function encodingOf(name: string): Encoding | undefined {
  const known = BY_NAME.get(squash(name.trim())) ?? webName(name);
  return known === undefined || (known !== 'utf-16' && !isDecodable(known)) ? undefined : known;
}

function webName(name: string): Encoding | undefined {
  try {
    const { encoding } = new TextDecoder(name.trim());
    // The web reads ASCII so, which would be a guess.
    return encoding === 'windows-1252' ? undefined : BY_NAME.get(squash(encoding));
  } catch {
    return undefined;
  }
}

const ONE_BYTE_NAMES = new Set<string>(ONE_BYTE);

export function isOneByte(encoding: OneByte | SeveralBytes): encoding is OneByte {
  return ONE_BYTE_NAMES.has(encoding);
}

export interface Recognised {
  encoding: 'utf-8' | 'utf-16le' | 'utf-16be' | 'unknown';
  /** Bytes of the byte order mark. */
  bom: number;
  /** The file is packed; the encoding is that of the text in it. */
  gzip: boolean;
}

const MARKS = [
  // Before UTF-16, whose mark is the beginning of this one.
  { encoding: 'utf-32le', bytes: Buffer.from([0xff, 0xfe, 0, 0]) },
  { encoding: 'utf-32be', bytes: Buffer.from([0, 0, 0xfe, 0xff]) },
  { encoding: 'utf-8', bytes: Buffer.from([0xef, 0xbb, 0xbf]) },
  { encoding: 'utf-16le', bytes: Buffer.from([0xff, 0xfe]) },
  { encoding: 'utf-16be', bytes: Buffer.from([0xfe, 0xff]) },
] as const;

/** The byte order mark at the beginning, if there is one. UTF-32 is known only to be refused. */
export function byteOrderMark(
  head: Buffer,
): { encoding: (typeof MARKS)[number]['encoding']; length: number } | undefined {
  const mark = MARKS.find(({ bytes }) => head.subarray(0, bytes.length).equals(bytes));
  return mark && { encoding: mark.encoding, length: mark.bytes.length };
}

const OTHER_ENCODING = 'Find out what wrote it and load it with its --encoding, or save it as UTF-8.';

/** @param what goes on after "at byte offset 12" */
export function notDecodable(
  encoding: Encoding,
  offset: number,
  what: string,
  advice = OTHER_ENCODING,
): NightloadError {
  return new NightloadError(
    'CSV_NOT_DECODABLE',
    `The file is not ${encoding}: at byte offset ${offset} ${what}. ${advice}`,
  );
}

/**
 * Bytes of the byte order mark, which is no text. A mark that says something else than the caller did is refused: it
 * would end up in the first cell, and the file as gibberish.
 * @throws NightloadError `CSV_NOT_DECODABLE`
 */
export function markLength(head: Buffer, encoding: Encoding): number {
  const mark = byteOrderMark(head);
  if (mark === undefined) return 0;
  if (mark.encoding === encoding || (encoding === 'utf-16' && mark.encoding.startsWith('utf-16'))) return mark.length;
  const known = encodingOf(mark.encoding);
  const advice = known ? `Load it with --encoding ${known}.` : 'Save it as UTF-8 and load it again.';
  throw notDecodable(encoding, 0, `is the byte order mark of ${mark.encoding}`, advice);
}

export function encodingUnknown(said: string): NightloadError {
  return new NightloadError(
    'ENCODING_UNKNOWN',
    `The encoding ${JSON.stringify(said)} is not known. Use one of ${ENCODINGS.join(', ')}.`,
  );
}

/** What the first bytes say. */
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

/** Packed bytes that are looked into: at most a thousand times as much comes out of them. */
const PACKED_HEAD = 8 * 1024;

/** Empty when it cannot be unpacked: the reader of the whole file tells that. */
export function unpackedHead(head: Buffer): Buffer {
  try {
    return gunzipSync(head.subarray(0, PACKED_HEAD), { finishFlush: constants.Z_SYNC_FLUSH });
  } catch {
    return Buffer.alloc(0);
  }
}

/** UTF-16 without a mark shows by the NUL bytes of its delimiters, digits and Latin letters: all on the same side. */
export function utf16Order(head: Buffer): 'utf-16le' | 'utf-16be' | undefined {
  const pairs = Math.min(head.length, 4096) >> 1;
  let even = 0;
  let odd = 0;
  for (let n = 0; n < pairs; n++) {
    if (head[2 * n] === 0) even++;
    if (head[2 * n + 1] === 0) odd++;
  }
  const [most, least] = even > odd ? [even, odd] : [odd, even];
  // A single NUL is a slip in some other text; UTF-16 has one in its line ends too.
  if (most < 2 || most * 10 < pairs || most < least * 4) return undefined;
  return even > odd ? 'utf-16be' : 'utf-16le';
}

/** Finds the first byte that is no UTF-8; a character may be cut by the border between two chunks. */
export class Utf8Finder {
  /** A character that is not complete yet. */
  #cut: Buffer = Buffer.alloc(0);
  /** Offset of the first byte that is not known to be good. */
  #at: number;
  /** Characters that only UTF-8 has were among the good ones: the file is no one-byte encoding. */
  sawText = false;

  /** @param at offset of the first byte that comes */
  constructor(at = 0) {
    this.#at = at;
  }

  /** @returns the offset of the first byte of what is no character, if there is any so far; nothing may follow then */
  push(chunk: Buffer): number | undefined {
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

  /** @returns the offset of the last character when it is not complete */
  finish(): number | undefined {
    return this.#cut.length === 0 ? undefined : this.#at;
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

/** @param bytes known to be bad somewhere */
function firstBad(bytes: Buffer): number {
  // Good before `good`, which is the beginning of a character; bad somewhere before `bad`.
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

/**
 * For bytes that are not UTF-8: where they are, and what the file probably is.
 * @param offset of the first such byte in the text (of a packed file: in what was packed)
 * @param row number of the data row, when known
 * @param head the bytes about there, from the beginning of a character on
 * @param afterUtf8 bytes before those had characters that only UTF-8 has
 */
export function notUtf8At(offset: number, row: number | undefined, head: Buffer, afterUtf8 = false): NightloadError {
  const where = `at byte offset ${offset}${row === undefined ? '' : `, in data row ${row},`}`;
  const advice = remedy(head, afterUtf8);
  return new NightloadError('CSV_NOT_UTF8', `The file is not UTF-8: ${where} is no UTF-8 character. ${advice}`);
}

/** What text that is not UTF-8 probably is, and what to do. */
export function remedy(head: Buffer, afterUtf8 = false): string {
  if (head.subarray(0, 4).equals(Buffer.from([0x50, 0x4b, 3, 4]))) {
    return 'It looks like an Excel workbook or another ZIP file: save it as CSV UTF-8 and load that.';
  }
  const utf16 = byteOrderMark(head)?.encoding ?? utf16Order(head);
  if (utf16 === 'utf-16le' || utf16 === 'utf-16be') return `It looks like UTF-16: load it with --encoding ${utf16}.`;
  if (head.includes(0)) return 'It looks like a binary file: load text, a CSV.';
  const bad = new Utf8Finder().push(head) ?? head.length;
  if (afterUtf8 || head.subarray(0, bad).some((byte) => byte >= 0x80)) {
    return (
      'What comes before is UTF-8, so the file is damaged there or cut off, or was put together from files of ' +
      'different encodings: mend it and load it again.'
    );
  }
  return (
    'Find out in which encoding it was written and load it with --encoding and the name of that, or save it as UTF-8. ' +
    'Then check the letters of a few rows: many encodings read the same bytes, each as other letters.'
  );
}

/** A character of an encoding that stands for a byte without one. */
export function isNoCharacter(encoding: OneByte | SeveralBytes, unit: number): boolean {
  // Decoders pass bytes on, as controls or for private use, that the encoding itself leaves open.
  const isControl =
    unit >= 0x80 && unit < 0xa0 && !encoding.startsWith('iso-8859') && !/^(?:koi8|x-mac|mac|ibm)/.test(encoding);
  return isControl || unit === 0xfffd || (unit >= 0xf8f0 && unit <= 0xf8ff && !encoding.includes('mac'));
}

/** Of the bytes 0x80 to 0x9f; the rest of Windows-1252 is Latin 1. Node's own decoder takes it all for Latin 1. */
const WINDOWS_1252 = '€\0‚ƒ„…†‡ˆ‰Š‹Œ\0Ž\0\0‘’“”•–—˜™š›œ\0žŸ';

/** Characters of the bytes from 0x80 on; zero for those that are none. */
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
