/** What a CSV file is made of, found from its first bytes: byte order mark, delimiter, line ending, header. */
import { NightloadError } from '../errors.js';
import { readCells, withoutLineEnd } from './cells.js';
import { scanRecords } from './scanner.js';

/** Delimiters of the platform, by character. */
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

/** A header may have 32,000 characters; this many bytes always hold it. */
export const HEAD_BYTES = 256 * 1024;

const BOM = Buffer.from([0xef, 0xbb, 0xbf]);

/**
 * Reads the dialect from the first {@link HEAD_BYTES} bytes.
 * @throws NightloadError `SOURCE_EMPTY`, `CSV_NOT_UTF8`, `HEADER_TOO_LONG`, `HEADER_EMPTY_NAME`, `HEADER_DUPLICATE_COLUMN`
 */
export async function detectDialect(head: Buffer, said: { delimiter?: string } = {}): Promise<Dialect> {
  if ((head[0] === 0xff && head[1] === 0xfe) || (head[0] === 0xfe && head[1] === 0xff)) {
    throw new NightloadError(
      'CSV_NOT_UTF8',
      'The file is UTF-16. Salesforce takes UTF-8 only: save it as UTF-8 and load it again.',
    );
  }
  const bom = head.subarray(0, 3).equals(BOM) ? 3 : 0;
  const delimiter = (said.delimiter as Delimiter | undefined) ?? guessDelimiter(head.subarray(bom));
  const first = await firstRecord(head.subarray(bom), delimiter);
  if (first === undefined) throw new NightloadError('SOURCE_EMPTY', 'The file is empty: it has no header line.');
  if (first.end - first.start > 32_000 * 4 || bom + first.end > HEAD_BYTES) {
    throw new NightloadError(
      'HEADER_TOO_LONG',
      'The header line is longer than the 32,000 characters that Salesforce takes.',
    );
  }
  const record = head.subarray(bom + first.start, bom + first.end);
  const header = readCells(record, delimiter);
  checkNames(header);
  const lineEnd = record.subarray(withoutLineEnd(record)).toString();
  return { delimiter, lineEnding: lineEnd === '\r\n' ? 'CRLF' : 'LF', header, dataStart: bom + first.end };
}

async function firstRecord(bytes: Buffer, delimiter: string): Promise<{ start: number; end: number } | undefined> {
  let first: { start: number; end: number } | undefined;
  const stop = new Error('first record found');
  try {
    await scanRecords(once(bytes), { delimiter }, (_record, start, end) => {
      first = { start, end };
      throw stop;
    });
  } catch (error) {
    if (error !== stop) throw error;
  }
  return first;
}

async function* once(bytes: Buffer): AsyncGenerator<Buffer> {
  yield bytes;
}

/** The delimiter that cuts the first line, quoted cells left out, into most cells; a single column needs none. */
function guessDelimiter(bytes: Buffer): Delimiter {
  const line = (bytes.toString('utf8', 0, HEAD_BYTES).trimStart().split(/\r?\n/, 1)[0] ?? '').replace(
    /"(?:[^"]|"")*"/g,
    '',
  );
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

function checkNames(header: string[]): void {
  const seen = new Map<string, number>();
  header.forEach((name, index) => {
    if (name.trim() === '') {
      throw new NightloadError(
        'HEADER_EMPTY_NAME',
        `Column ${index + 1} of the header has no name. Name it or remove it.`,
      );
    }
    const before = seen.get(name.toLowerCase());
    if (before !== undefined) {
      throw new NightloadError(
        'HEADER_DUPLICATE_COLUMN',
        `Columns ${before + 1} and ${index + 1} of the header are both named "${name}". Keep one of them.`,
      );
    }
    seen.set(name.toLowerCase(), index);
  });
}
