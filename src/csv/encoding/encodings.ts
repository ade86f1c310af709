/** The supported encodings and their names. */
import { NightloadError } from '../../errors.js';

/** One byte per character. */
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

/** One or several bytes per character. */
const SEVERAL_BYTES = ['shift_jis', 'euc-jp', 'iso-2022-jp', 'gb18030', 'gbk', 'big5', 'euc-kr'] as const;

export type OneByte = (typeof ONE_BYTE)[number];
export type SeveralBytes = (typeof SEVERAL_BYTES)[number];
/** Encodings with a decoder. `utf-16` is either byte order, as detected from the file. */
export type Encoding = 'utf-8' | 'utf-16' | 'utf-16le' | 'utf-16be' | OneByte | SeveralBytes;

/** Letters and digits of a name: spellings differ in the rest. */
function squash(name: string): string {
  return name.toLowerCase().replace(/[-_ ]/g, '');
}

/** Latin 1 is read as Windows-1252, as on the web: files labeled Latin 1 mostly have the euro sign and curly quotes. */
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
  // Microsoft's code page numbers.
  ['cp874', 'windows-874'],
  ['cp932', 'shift_jis'],
  ['cp936', 'gbk'],
  ['cp949', 'euc-kr'],
  ['cp950', 'big5'],
]);

/** Names shown in messages; {@link encodingOf} accepts them in any spelling ("UTF8", "ISO_8859-1"), and others. */
export const ENCODINGS: readonly string[] = [
  ...['utf-8', 'utf-16', 'utf-16le', 'utf-16be', 'latin1', 'iso-8859-1'],
  ...[...ONE_BYTE, ...SEVERAL_BYTES].filter(isDecodable),
];

function isDecodable(name: string): boolean {
  try {
    new TextDecoder(name, { fatal: true });
    return true;
  } catch {
    // Node may be built without full ICU.
    return false;
  }
}

/** Looks up our own names, then all web names of the same encodings: `sjis`, `windows-31j`, `gb2312`, `tis-620`. */
export function encodingOf(name: string): Encoding | undefined {
  const known = BY_NAME.get(squash(name.trim())) ?? webName(name);
  return known === undefined || (known !== 'utf-16' && !isDecodable(known)) ? undefined : known;
}

function webName(name: string): Encoding | undefined {
  try {
    const { encoding } = new TextDecoder(name.trim());
    // The web reads ASCII like this, which would be a guess.
    return encoding === 'windows-1252' ? undefined : BY_NAME.get(squash(encoding));
  } catch {
    return undefined;
  }
}

const ONE_BYTE_NAMES = new Set<string>(ONE_BYTE);

export function isOneByte(encoding: OneByte | SeveralBytes): encoding is OneByte {
  return ONE_BYTE_NAMES.has(encoding);
}

export function encodingUnknown(said: string): NightloadError {
  return new NightloadError(
    'ENCODING_UNKNOWN',
    `Unknown encoding ${JSON.stringify(said)}. Use one of ${ENCODINGS.join(', ')}.`,
  );
}
