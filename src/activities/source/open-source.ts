/**
 * Opens a load's source file: unpacks and decodes it if necessary, and detects its dialect. UTF-8 files are not copied.
 */
import { randomUUID } from 'node:crypto';
import { FOR_PEOPLE } from '../../domain/result-layout.js';
import { decodeStream } from '../../csv/encoding/decode.js';
import { FOR_PEOPLE_TITLE } from '../../csv/defuse-formulas.js';
import { detectDialect, HEAD_BYTES, refuseOtherFormats } from '../../csv/dialect.js';
import type { Dialect } from '../../csv/dialect.js';
import { encodingOf, encodingUnknown } from '../../csv/encoding/encodings.js';
import { recogniseEncoding, unpackedHead } from '../../csv/encoding/recognise-encoding.js';
import { notDecodable, notUtf8At } from '../../csv/encoding/encoding-errors.js';
import { Utf8Finder } from '../../csv/encoding/utf8-validator.js';
import { raggedRow } from '../../csv/plan-parts.js';
import type { SourceRows } from '../../contract/load-result.js';
import { NightloadError } from '../../errors.js';
import { eachRecord } from '../../csv/records.js';
import type { RaggedRecord } from '../../csv/scanner-types.js';
import { join } from '../../storage/locations.js';
import { readHead, readRange } from '../../storage/read-files.js';
import { makeFolder, removeFile } from '../../storage/files/file-tree.js';
import { saveStream } from '../../storage/write-files.js';
import type { FileRef, ForeignFile } from '../../storage/files/file-ref.js';
import { withinFreeSpace } from '../../storage/files/free-space.js';
import { DEFAULT_MAX_UNPACKED } from '../../storage/unpacked-limit.js';
import { countingBytes } from '../run-activity.js';
import type { ActivityRun } from '../run-activity.js';

/** Facts about a source, for the report of a check. */
interface FoundSource {
  encoding: string;
  byteOrderMark: boolean;
  gzip: boolean;
  delimiter: string;
  lineEnding: 'LF' | 'CRLF';
  columns: number;
}

export interface OpenSource {
  /** UTF-8 text: the source itself, or its decoded copy. */
  path: FileRef;
  dialect: Dialect;
  found: FoundSource;
  /** Of many files: the rows of each. */
  rows?: SourceRows[];
}

export interface SourceOptions {
  delimiter?: string;
  encoding?: string;
  checkRows?: boolean;
  skipBadRows?: boolean;
  maxUnpackedBytes?: number | undefined;
}

/** Number of first rows whose cells are counted, to detect a wrong delimiter or a stray quote. */
const FIRST_ROWS = 1_000;

/**
 * @param work folder for the decoded text
 * @throws NightloadError `ENCODING_UNKNOWN`, `CSV_NOT_UTF8`, `CSV_NOT_DECODABLE`, `SOURCE_GZIP_INVALID`,
 *   `SOURCE_GZIP_TRUNCATED`, `UNPACKED_TOO_LARGE`, `DISK_FULL`, `CSV_RAGGED_ROW`, and those of `detectDialect`
 */
export async function openSource(
  source: ForeignFile,
  work: string,
  said: SourceOptions,
  step: ActivityRun,
): Promise<OpenSource> {
  const head = await readHead(source, HEAD_BYTES);
  // Before the encoding: a binary file has none.
  refuseOtherFormats(head);
  const recognised = recogniseEncoding(head);
  const text = recognised.gzip ? unpackedHead(head) : head;
  if (recognised.gzip) refusePacked(text);
  const encoding = said.encoding === undefined ? undefined : encodingOf(said.encoding);
  if (said.encoding !== undefined && encoding === undefined) {
    throw encodingUnknown(said.encoding);
  }
  const said16 = encoding?.startsWith('utf-16') === true;
  // In UTF-16, line endings and delimiters contain a NUL byte.
  if (said16 && recognised.encoding === 'utf-8' && text.length > 0 && !text.includes(0)) {
    throw notDecodable(encoding, 0, 'UTF-8 text', 'Load it without --encoding.');
  }
  // Never guessed: the caller specifies it, or the bytes are UTF-8.
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
    'The file is a copy for reading (--defuse), in which cells may begin with an added apostrophe. Use the file without ' +
      `"${FOR_PEOPLE}" in its name, in the same folder.`,
  );
}

/** Also refuses binary content inside a gzip file. */
function refusePacked(text: Buffer): void {
  if (text[0] === 0x1f && text[1] === 0x8b) {
    throw new NightloadError(
      'SOURCE_NOT_CSV',
      'The file is compressed twice: the gzip file contains a gzip file. Unpack it once.',
    );
  }
  refuseOtherFormats(text);
}

/**
 * Removes a decoded copy if the next step fails: retries every minute during an outage of hours would fill the disk.
 */
export async function withoutCopy<T>(text: FileRef, next: () => Promise<T>): Promise<T> {
  try {
    return await next();
  } catch (error) {
    // The source itself belongs to the user.
    if (typeof text === 'string') await removeFile(text);
    throw error;
  }
}

async function decoded(
  source: ForeignFile,
  work: string,
  how: { encoding: string; gzip: boolean; maxUnpackedBytes: number },
  step: ActivityRun,
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
  // The scanner reports unclosed quotes, with the row in which they were opened.
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
  // If most rows differ, the delimiter is wrong, not the rows.
  if (first !== undefined && (!tolerant || ragged * 2 > row)) throw raggedRow(first, width);
}
