/**
 * Opens the file that a load is started with: unpacks and decodes it where it must be, and finds its dialect. What is
 * UTF-8 already is not copied.
 */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { decodeStream } from '../csv/decode.js';
import { FOR_PEOPLE_TITLE } from '../csv/defuse.js';
import { detectDialect, HEAD_BYTES, refuseOtherFormats } from '../csv/dialect.js';
import type { Dialect } from '../csv/dialect.js';
import {
  encodingOf,
  encodingUnknown,
  notDecodable,
  notUtf8At,
  recogniseEncoding,
  unpackedHead,
  Utf8Finder,
} from '../csv/encoding.js';
import { raggedRow } from '../csv/parts.js';
import { NightloadError } from '../errors.js';
import { eachRecord } from '../csv/records.js';
import type { RaggedRecord } from '../csv/scanner.js';
import { makeFolder, readHead, readRange, removeFile, saveStream } from '../storage/files.js';
import type { FileRef, ForeignFile } from '../storage/files.js';
import { withinFreeSpace } from '../storage/free-space.js';
import { DEFAULT_MAX_UNPACKED } from '../storage/unpacked-limit.js';
import { countingBytes } from './step.js';
import type { Step } from './step.js';

/** What was found out about a source, for the report of a check. */
export interface FoundSource {
  encoding: string;
  byteOrderMark: boolean;
  gzip: boolean;
  delimiter: string;
  lineEnding: 'LF' | 'CRLF';
  columns: number;
}

export interface OpenSource {
  /** UTF-8 text: the source itself, or what was decoded from it. */
  path: FileRef;
  dialect: Dialect;
  found: FoundSource;
}

/** Rows at the beginning whose cells are counted: a wrong delimiter or a stray quote shows there. */
const FIRST_ROWS = 1_000;

/**
 * @param work folder for the decoded text
 * @throws NightloadError `ENCODING_UNKNOWN`, `CSV_NOT_UTF8`, `CSV_NOT_DECODABLE`, `SOURCE_GZIP_INVALID`,
 *   `SOURCE_GZIP_TRUNCATED`, `UNPACKED_TOO_LARGE`, `DISK_FULL`, `CSV_RAGGED_ROW`, and those of `detectDialect`
 */
export async function openSource(
  source: ForeignFile,
  work: string,
  said: { delimiter?: string; encoding?: string; skipBadRows?: boolean; maxUnpackedBytes?: number | undefined },
  step: Step,
): Promise<OpenSource> {
  const head = await readHead(source, HEAD_BYTES);
  // Before the encoding: what is no text has none.
  refuseOtherFormats(head);
  const recognised = recogniseEncoding(head);
  const text = recognised.gzip ? unpackedHead(head) : head;
  if (recognised.gzip) refusePacked(text);
  const encoding = said.encoding === undefined ? undefined : encodingOf(said.encoding);
  if (said.encoding !== undefined && encoding === undefined) {
    throw encodingUnknown(said.encoding);
  }
  const said16 = encoding?.startsWith('utf-16') === true;
  // Its line ends and delimiters have one byte that is NUL.
  if (said16 && recognised.encoding === 'utf-8' && text.length > 0 && !text.includes(0)) {
    throw notDecodable(encoding, 0, 'begins text that is UTF-8', 'Load it without --encoding.');
  }
  // Never guessed: the caller says it, or the bytes are UTF-8.
  if (encoding === undefined && recognised.encoding !== 'utf-8') {
    throw notUtf8At(new Utf8Finder().push(text) ?? 0, undefined, text);
  }
  const path =
    recognised.gzip || (encoding ?? 'utf-8') !== 'utf-8'
      ? await decoded(
          source,
          work,
          {
            encoding: encoding ?? 'utf-8',
            gzip: recognised.gzip,
            maxUnpackedBytes: said.maxUnpackedBytes ?? DEFAULT_MAX_UNPACKED,
          },
          step,
        )
      : source;
  return withoutCopy(path, async () => {
    const dialect = await detectDialect(path === source ? head : await readHead(path, HEAD_BYTES), said);
    if (dialect.header.includes(FOR_PEOPLE_TITLE)) throw forPeople();
    await checkFirstRows(path, dialect, said.skipBadRows === true);
    return {
      path,
      dialect,
      found: {
        encoding: encoding ?? 'utf-8',
        byteOrderMark: recognised.bom > 0,
        gzip: recognised.gzip,
        delimiter: dialect.delimiter,
        lineEnding: dialect.lineEnding,
        columns: dialect.header.length,
      },
    };
  });
}

/** Its cells have apostrophes that no record should get. */
function forPeople(): NightloadError {
  return new NightloadError(
    'SOURCE_FOR_PEOPLE',
    'The file is a copy for reading (--defuse), in which cells may have an apostrophe in front. Take the file without ' +
      '"-for-people" in its name, which lies beside it.',
  );
}

/** What is no text inside of a gzip file either. */
function refusePacked(text: Buffer): void {
  if (text[0] === 0x1f && text[1] === 0x8b) {
    throw new NightloadError(
      'SOURCE_NOT_CSV',
      'The file is packed twice: a gzip file lies in the gzip file. Unpack it once.',
    );
  }
  refuseOtherFormats(text);
}

/** Removes a decoded copy when what follows fails: an outage of hours, tried every minute, would fill the disk with them. */
export async function withoutCopy<T>(text: FileRef, next: () => Promise<T>): Promise<T> {
  try {
    return await next();
  } catch (error) {
    // The source itself is somebody else's.
    if (typeof text === 'string') await removeFile(text);
    throw error;
  }
}

async function decoded(
  source: ForeignFile,
  work: string,
  how: { encoding: string; gzip: boolean; maxUnpackedBytes: number },
  step: Step,
): Promise<string> {
  await makeFolder(work);
  const path = join(work, `text-${randomUUID().slice(0, 8)}.csv`);
  const text = countingBytes(decodeStream(readRange(source, 0), how), step);
  await saveStream(withinFreeSpace(text, work), path, step.signal);
  return path;
}

/** @throws NightloadError `CSV_RAGGED_ROW` */
async function checkFirstRows(
  path: FileRef,
  { delimiter, header, dataStart }: Dialect,
  tolerant: boolean,
): Promise<void> {
  const width = header.length;
  let row = 0;
  let ragged = 0;
  let first: RaggedRecord | undefined;
  // Quotes that stay open are the scanner's to tell, with the row in which they were opened.
  for await (const cells of eachRecord(readRange(path, dataStart, dataStart + HEAD_BYTES), {
    delimiter,
    partial: true,
    leaveOutBlank: true,
  })) {
    row++;
    if (cells.length !== width) {
      ragged++;
      first ??= { record: row, cells: cells.length };
    }
    if (row >= FIRST_ROWS) break;
  }
  // Most of them: that is no matter of rows, but of the delimiter.
  if (first !== undefined && (!tolerant || ragged * 2 > row)) throw raggedRow(first, width);
}
