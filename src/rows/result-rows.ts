/** The rows of result files: `sf__Id`, then `sf__Created` or `sf__Error`, then the columns as uploaded. */
import { CsvError, parse } from 'csv-parse';
import { Readable } from 'node:stream';
import { MAX_CELLS, readCell, readCells } from '../csv/cells.js';
import type { Delimiter } from '../csv/dialect.js';
import { eachRecord } from '../csv/records.js';
import { MAX_ROW_BYTES } from '../csv/row-limits.js';
import { NightloadError } from '../errors.js';
import { inSlices } from '../runtime/time-slice.js';

export interface ResultRow {
  /** `sf__Id`; empty in unprocessed rows. */
  id: string;
  /** `sf__Created` or `sf__Error`; empty in unprocessed rows. */
  note: string;
  /** In the order of the uploaded columns. */
  cells: string[];
  /** The file has all uploaded columns; otherwise the cells of the others are blank, and the row cannot be sent. */
  complete: boolean;
}

/**
 * Reads a succeeded or failed file row by row.
 * @param names columns as uploaded
 * @throws NightloadError `RESULT_UNREADABLE`
 */
export async function* readResultRows(
  chunks: Readable,
  delimiter: Delimiter,
  names: readonly string[],
): AsyncGenerator<ResultRow> {
  // It may fail before it is read; the reader then gets the error.
  chunks.on('error', () => undefined);
  const slices = Readable.from(withFewCells(inSlices(chunks), delimiter), { objectMode: false });
  const parser = slices.pipe(
    parse({
      delimiter,
      relax_column_count: true,
      skip_empty_lines: true,
      bom: true,
      record_delimiter: ['\r\n', '\n'],
      max_record_size: MAX_ROW_BYTES,
    }),
  );
  slices.on('error', (error) => parser.destroy(error));
  let order: Columns | undefined;
  let row = 0;
  try {
    for await (const record of parser as AsyncIterable<string[]>) {
      if (order === undefined) {
        order = columnsOf(record, OWN_COLUMNS, names);
        continue;
      }
      row++;
      yield { id: record[0] ?? '', note: record[1] ?? '', ...pick(record, order) };
    }
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    // Rows that were read but not yet returned count too; the header does not. The parser's own message contains cells.
    const read = Math.max(row, Number(error.records) - 1);
    throw new NightloadError(
      'RESULT_UNREADABLE',
      `A result file from Salesforce is not valid CSV after row ${read} (${error.code}). Download it in Setup and check it.`,
    );
  } finally {
    // Otherwise a reader that stops early leaves the file open.
    chunks.destroy();
    slices.destroy();
    parser.destroy();
  }
}

/**
 * Reads rows from the bytes of records, and their cells only when they are needed. The first record is the header.
 * Records must be well-formed.
 */
export class ResultRecords {
  readonly delimiter: Delimiter;
  readonly #own: number;
  readonly #order: Columns;
  /** The file has all uploaded columns. */
  readonly complete: boolean;

  /** @param own columns before the uploaded ones */
  constructor(
    header: Buffer,
    { delimiter, names, own }: { delimiter: Delimiter; names: readonly string[]; own: number },
  ) {
    this.delimiter = delimiter;
    this.#own = own;
    this.#order = columnsOf(readCells(header, delimiter), own, names);
    this.complete = isComplete(this.#order);
  }

  /** Position of an uploaded column in the file, or undefined if the file lacks it. */
  placeOf(column: number): number | undefined {
    return this.#order[column];
  }

  /** @param record must stay valid while the row is used */
  row(record: Buffer): ResultRow {
    return new RecordRow(record, this);
  }

  ownCell(record: Buffer, at: number): string {
    return at < this.#own ? readCell(record, at, this.delimiter) : '';
  }

  cells(record: Buffer): string[] {
    return inOrder(readCells(record, this.delimiter), this.#order);
  }
}

class RecordRow implements ResultRow {
  readonly #record: Buffer;
  readonly #records: ResultRecords;
  #note: string | undefined;
  #cells: string[] | undefined;

  constructor(record: Buffer, records: ResultRecords) {
    this.#record = record;
    this.#records = records;
  }

  get id(): string {
    return this.#records.ownCell(this.#record, 0);
  }

  get note(): string {
    return (this.#note ??= this.#records.ownCell(this.#record, 1));
  }

  get cells(): string[] {
    return (this.#cells ??= this.#records.cells(this.#record));
  }

  get complete(): boolean {
    return this.#records.complete;
  }
}

const QUOTE = 0x22;
const LF = 0x0a;

/**
 * A row of only delimiters has as many cells as bytes, and the parser would create a string for each.
 * @throws NightloadError `RESULT_UNREADABLE`
 */
async function* withFewCells(chunks: AsyncIterable<Buffer>, delimiter: Delimiter): AsyncGenerator<Buffer> {
  const separator = delimiter.charCodeAt(0);
  let inQuotes = false;
  let cells = 0;
  for await (const chunk of chunks) {
    for (const byte of chunk) {
      if (byte === QUOTE) inQuotes = !inQuotes;
      else if (inQuotes) continue;
      else if (byte === separator) cells++;
      else if (byte === LF) cells = 0;
      if (cells > MAX_CELLS) {
        throw new NightloadError(
          'RESULT_UNREADABLE',
          `A result file from Salesforce has a row of more than ${MAX_CELLS} cells. Download it in Setup and check it.`,
        );
      }
    }
    yield chunk;
  }
}

/** Reads an unprocessed file: there the platform repeats the uploaded bytes, with any quoting. */
export async function* readUnprocessedRows(
  chunks: Readable,
  delimiter: Delimiter,
  names: readonly string[],
): AsyncGenerator<ResultRow> {
  let order: Columns | undefined;
  for await (const cells of eachRecord(chunks, { delimiter })) {
    if (order === undefined) order = columnsOf(cells, 0, names);
    else yield { id: '', note: '', ...pick(cells, order) };
  }
}

/** `sf__Id`, and `sf__Created` or `sf__Error`. */
export const OWN_COLUMNS = 2;

/** Positions of the uploaded columns in a result file. */
type Columns = readonly (number | undefined)[];

/**
 * Columns come back in upload order; otherwise they are found by name. A file with only unknown names is read by
 * position, if it has as many columns.
 */
function columnsOf(header: readonly string[], own: number, names: readonly string[]): Columns {
  // The first column with a name counts.
  const places = new Map<string, number>();
  for (let at = header.length - 1; at >= own; at--) {
    places.set((header[at] as string).replace(/^\uFEFF/, '').toLowerCase(), at);
  }
  const found = names.map((name) => places.get(name.toLowerCase()));
  const foreign = found.every((at) => at === undefined);
  return foreign && header.length === own + names.length ? names.map((_, position) => own + position) : found;
}

function pick(record: readonly string[], columns: Columns): Pick<ResultRow, 'cells' | 'complete'> {
  return { cells: inOrder(record, columns), complete: isComplete(columns) };
}

function inOrder(record: readonly string[], columns: Columns): string[] {
  return columns.map((at) => (at === undefined ? '' : (record[at] ?? '')));
}

function isComplete(columns: Columns): boolean {
  return columns.every((at) => at !== undefined);
}
