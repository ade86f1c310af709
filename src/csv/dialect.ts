/** Detects a CSV file's dialect from its first bytes: byte order mark, delimiter, line ending, header. */
import { NightloadError } from '../errors.js';
import { readCells, withoutLineEnd } from './cells.js';
import { firstRecord } from './records.js';
import { headerDetail, titlesOf } from './shown-titles.js';
import { notUtf8At } from './encoding/encoding-errors.js';
import { utf16Order } from './encoding/byte-order.js';
import { Utf8Finder } from './encoding/utf8-validator.js';

/** The platform's delimiter names, by character. */
export const DELIMITER_NAMES = {
  ',': 'COMMA',
  ';': 'SEMICOLON',
  '\t': 'TAB',
  '|': 'PIPE',
  '^': 'CARET',
  '`': 'BACKQUOTE',
} as const;
export type Delimiter = keyof typeof DELIMITER_NAMES;

export interface Dialect {
  delimiter: Delimiter;
  /** Of the first record; whether all agree is known only after the whole file was read. */
  lineEnding: 'LF' | 'CRLF';
  header: string[];
  /** Offset of the first data byte, after the byte order mark and the header line. */
  dataStart: number;
}

/** A header may have 32,000 characters; this many bytes always contain it. */
export const HEAD_BYTES = 256 * 1024;

const BOM = Buffer.from([0xef, 0xbb, 0xbf]);
const CR = 0x0d;
const LF = 0x0a;

/**
 * Reads the dialect from the first {@link HEAD_BYTES} bytes.
 * @throws NightloadError `SOURCE_EMPTY`, `SOURCE_NOT_CSV`, `CSV_SEP_LINE`, `CSV_NOT_UTF8`, `CSV_UNCLOSED_QUOTE`, `CSV_LINE_ENDING`, `HEADER_TOO_LONG`,
 *   `HEADER_EMPTY_NAME`, `HEADER_DUPLICATE_COLUMN`
 */
export async function detectDialect(head: Buffer, said: { delimiter?: string } = {}): Promise<Dialect> {
  const bad = new Utf8Finder().push(head) ?? (utf16Order(head) === undefined ? undefined : 0);
  if (bad !== undefined) throw notUtf8At(bad, undefined, head);
  const bom = head.subarray(0, 3).equals(BOM) ? 3 : 0;
  const bytes = head.subarray(bom);
  refuseOtherFormats(bytes);
  const delimiter = (said.delimiter as Delimiter | undefined) ?? guessDelimiter(bytes);
  const first = firstRecord(bytes, delimiter);
  if (first === undefined) throw new NightloadError('SOURCE_EMPTY', 'The file is empty: it has no header line.');
  const record = bytes.subarray(first.start, first.end);
  const line = record.subarray(0, withoutLineEnd(record));
  if (line.includes(CR) && !line.includes(LF)) {
    throw new NightloadError(
      'CSV_LINE_ENDING',
      'The lines of the file end with CR alone. Salesforce accepts only LF or CRLF: convert the file and load it again.',
    );
  }
  if (line.toString().length > 32_000) {
    throw new NightloadError(
      'HEADER_TOO_LONG',
      'The header line is longer than the 32,000 characters that Salesforce accepts. Use fewer columns.',
    );
  }
  if (record.includes(0)) {
    throw new NightloadError(
      'CSV_NUL',
      `The header line has a NUL byte at byte offset ${bom + first.start + record.indexOf(0)}. Salesforce rejects NUL bytes: remove it, or correct the program that wrote it.`,
    );
  }
  const header = readCells(record, delimiter);
  checkNames(header);
  const lineEnding = record.length - line.length === 2 ? 'CRLF' : 'LF';
  return { delimiter, lineEnding, header, dataStart: bom + first.end };
}

const OTHER_FORMATS = [
  [/^\s*(?:\[\s*(?:\{|\]|$)|\{\s*(?:"|\}|$))/, 'JSON'],
  [/^\s*<(?:!doctype|html|head|body|table)\b/i, 'HTML, perhaps a login page'],
  [/^\s*<\?xml/i, 'XML'],
  [/^%PDF-\d/, 'PDF'],
] as const;

const ZIP = 'a zip archive or an Excel workbook (.xlsx)';
/** Complete signatures: a column may be called PK. */
const SIGNATURES = [
  [Buffer.from('PK\x03\x04'), ZIP],
  [Buffer.from('PK\x05\x06'), ZIP],
  [Buffer.from('PK\x07\x08'), ZIP],
  [Buffer.from('d0cf11e0a1b11ae1', 'hex'), 'an old Excel workbook (.xls)'],
] as const;

/** Rejects formats that are not CSV; parsed as CSV, they would give misleading errors. */
export function refuseOtherFormats(bytes: Buffer): void {
  // One character per byte, since signatures are bytes.
  const text = bytes.subarray(0, 1000).toString('latin1');
  const other =
    SIGNATURES.find(([signature]) => bytes.subarray(0, signature.length).equals(signature)) ??
    OTHER_FORMATS.find(([pattern]) => pattern.test(text));
  if (other !== undefined) {
    throw new NightloadError(
      'SOURCE_NOT_CSV',
      `The file is not a CSV; it looks like ${other[1]}. Save it as CSV UTF-8.`,
    );
  }
  if (/^"?sep=.?"?[\r\n]/i.test(text)) {
    throw new NightloadError(
      'CSV_SEP_LINE',
      'The first line, which begins with "sep=", is meant for Excel only. Remove it; the header must come first.',
    );
  }
}

/**
 * The delimiter that splits the first line, without its quoted cells, into the most cells; a single column needs none.
 */
function guessDelimiter(bytes: Buffer): Delimiter {
  // Quoted cells are removed, because their line breaks and delimiters do not count.
  const text = bytes
    .toString()
    .replace(/^[\r\n]+/, '')
    .replace(/(?<=^|[,;\t|^`\r\n])"(?:[^"]|"")*(?:"|$)/g, '');
  const line = text.split(/[\r\n]/, 1)[0] ?? '';
  let best: Delimiter = ',';
  let most = 0;
  for (const delimiter of Object.keys(DELIMITER_NAMES) as Delimiter[]) {
    const count = line.split(delimiter).length - 1;
    if (count > most) {
      best = delimiter;
      most = count;
    }
  }
  return best;
}

/** A column without a name cannot be mapped; spreadsheets leave such columns at the end, without values. */
export function isNameless(title: string): boolean {
  return title.trim() === '';
}

/** Reports all errors of a kind at once, so that they can be fixed in one go. */
function checkNames(header: string[]): void {
  if (header.every(isNameless)) {
    throw new NightloadError(
      'HEADER_EMPTY_NAME',
      'The first line names no column. It must be the header: remove any lines before it.',
    );
  }
  const places = new Map<string, number[]>();
  header.forEach((name, index) => {
    // The rows show whether the column may be left out.
    if (isNameless(name)) return;
    const same = places.get(name.toLowerCase());
    if (same === undefined) places.set(name.toLowerCase(), [index]);
    else same.push(index);
  });
  const doubled = [...places.values()].filter(({ length }) => length > 1);
  if (doubled.length === 0) return;
  const titles = titlesOf(header);
  const told = doubled.slice(0, MAX_NAMED).map((same) => {
    const names = same.map((index) => header[index] as string);
    const which = `Columns ${listedNumbers(same.map((index) => index + 1))} of the header`;
    const many = new Set(names).size > 1;
    // The first line may be a data row.
    if (!names.every((name) => titles.shows(name))) {
      return `${which} have the same name${many ? ' (case is ignored)' : ''}.`;
    }
    const spelt = many ? ` (${names.map((name) => `"${name}"`).join(', ')}; case is ignored)` : '';
    return `${which} are ${same.length === 2 ? 'both' : 'all'} named "${names.at(-1)}"${spelt}.`;
  });
  const more = doubled.length > MAX_NAMED ? ` ${doubled.length - MAX_NAMED} more names are duplicated.` : '';
  const first = titles.isHeader ? '' : ' Check whether the first line is a header.';
  throw new NightloadError(
    'HEADER_DUPLICATE_COLUMN',
    `${told.join(' ')}${more} Keep one column of each name.${first}`,
    {
      detail: headerDetail(header),
    },
  );
}

const MAX_NAMED = 20;

/** `2, 4 and 6` */
export function listedNumbers(numbers: readonly number[]): string {
  const named = numbers.slice(0, MAX_NAMED);
  if (named.length < numbers.length) return `${named.join(', ')} and ${numbers.length - named.length} more`;
  return named.length === 1 ? String(named[0]) : `${named.slice(0, -1).join(', ')} and ${named.at(-1)}`;
}
