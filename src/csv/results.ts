/** The platform's result files: `sf__Id`, then `sf__Created` or `sf__Error`, then the columns as they were uploaded. */
import { CsvError, parse } from 'csv-parse';
import { Readable } from 'node:stream';
import type { Operation } from '../contract.js';
import { NightloadError } from '../errors.js';
import { MOST_CELLS, readCell } from './cells.js';
import type { Delimiter } from './dialect.js';
import { classify, isDone, mayPassUnchanged, parseRowError } from './row-errors.js';
import type { RowError } from './row-errors.js';
import { RecordCounter } from './record-counter.js';
import { eachRecord, scanRecords } from './records.js';
import { MOST_ROW_BYTES } from './scanner.js';
import { inSlices } from '../time-slice.js';

/**
 * The delimiter of a result file. Documentation does not say whether jobs with another delimiter than a comma get it
 * back, so it is read from the file: it follows the first column's name, which is ours to know.
 */
export function resultDelimiter(head: Buffer, firstColumn: string, uploaded: Delimiter): Delimiter {
  const line = head.toString('utf8', 0, 4096);
  for (const name of [`"${firstColumn}"`, firstColumn]) {
    if (line.startsWith(name) && [uploaded, ','].includes(line.charAt(name.length))) {
      return line.charAt(name.length) as Delimiter;
    }
  }
  return uploaded;
}

/** Passes a result file on while counting its rows, the header not among them. */
export class RowCount {
  readonly #firstColumn: string;
  readonly #uploaded: Delimiter;
  /** What came before the delimiter could be told: a first chunk may be a few bytes long. */
  #head: Buffer = Buffer.alloc(0);
  #counter: RecordCounter | undefined;

  constructor(firstColumn: string, uploaded: Delimiter) {
    this.#firstColumn = firstColumn;
    this.#uploaded = uploaded;
  }

  async *through(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    const enough = Buffer.byteLength(this.#firstColumn) + '"",'.length;
    for await (const chunk of chunks) {
      if (this.#counter !== undefined) {
        this.#count(this.#counter, chunk);
      } else {
        this.#head = Buffer.concat([this.#head, chunk]);
        if (this.#head.length >= enough) this.#begin();
      }
      yield chunk;
    }
  }

  #begin(): RecordCounter {
    const counter = new RecordCounter(resultDelimiter(this.#head, this.#firstColumn, this.#uploaded));
    this.#count(counter, this.#head);
    this.#counter = counter;
    return counter;
  }

  #count(counter: RecordCounter, chunk: Uint8Array): void {
    counter.push(chunk);
    if (counter.openBytes <= MOST_ROW_BYTES) return;
    throw new NightloadError(
      'RESULT_UNREADABLE',
      `A result file of Salesforce has a row of more than ${MOST_ROW_BYTES / 1e6} MB, which no row that was sent has. It is fetched again.`,
      { retryable: true },
    );
  }

  /**
   * How many rows came.
   * @throws NightloadError `RESULT_TRUNCATED` when the file ends inside a cell; a reply without length or chunks may
   *   break off unnoticed
   */
  finish(): number {
    const { records, whole } = (this.#counter ?? this.#begin()).finish();
    if (!whole) {
      throw new NightloadError(
        'RESULT_TRUNCATED',
        `A result file of Salesforce broke off after ${Math.max(0, records - 1)} rows. It is fetched again.`,
        { retryable: true },
      );
    }
    return Math.max(0, records - 1);
  }
}

export interface FailedRows {
  forGood: number;
  /** The error that a row was told when the org took no more rows. */
  stop?: RowError;
}

/** Rows of a failed file whose error will not go away by itself; a delete of what is gone is no failure. */
export async function failuresOf(
  chunks: AsyncIterable<Uint8Array>,
  delimiter: Delimiter,
  operation: Operation,
): Promise<FailedRows> {
  let rows = 0;
  const found: FailedRows = { forGood: 0 };
  await scanRecords(chunks, { delimiter }, (record) => {
    if (rows++ === 0) return;
    const error = parseRowError(readCell(record, 1, delimiter));
    const rowClass = classify(error);
    if (!mayPassUnchanged(rowClass, operation) && !isDone(rowClass, operation)) found.forGood++;
    if (rowClass === 'stop') found.stop ??= error;
  });
  return found;
}

export interface ResultRow {
  /** `sf__Id`; empty in unprocessed rows. */
  id: string;
  /** `sf__Created` or `sf__Error`; empty in unprocessed rows. */
  note: string;
  /** In the order of the columns that were uploaded. */
  cells: string[];
  /** The file has all columns that were uploaded; else the cells of the others are blank, and the row cannot be sent. */
  complete: boolean;
}

/**
 * Reads a succeeded or failed file row by row.
 * @param names columns as they were uploaded
 * @throws NightloadError `RESULT_UNREADABLE`
 */
export async function* readResultRows(
  chunks: Readable,
  delimiter: Delimiter,
  names: readonly string[],
): AsyncGenerator<ResultRow> {
  // It may fail before anybody reads it; who reads gets the error then.
  chunks.on('error', () => undefined);
  const slices = Readable.from(withFewCells(inSlices(chunks), delimiter), { objectMode: false });
  const parser = slices.pipe(
    parse({
      delimiter,
      relax_column_count: true,
      skip_empty_lines: true,
      bom: true,
      record_delimiter: ['\r\n', '\n'],
      max_record_size: MOST_ROW_BYTES,
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
    // Rows that were read but not yet handed out count too; the header does not. The parser's own words hold cells.
    const read = Math.max(row, Number(error.records) - 1);
    throw new NightloadError(
      'RESULT_UNREADABLE',
      `A result file of Salesforce is no CSV after row ${read} (${error.code}).`,
    );
  } finally {
    // A reader that stops early leaves the file open otherwise.
    chunks.destroy();
    slices.destroy();
    parser.destroy();
  }
}

const QUOTE = 0x22;
const LF = 0x0a;

/**
 * A row of nothing but delimiters has as many cells as bytes, and the parser would make a text of each.
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
      if (cells > MOST_CELLS) {
        throw new NightloadError(
          'RESULT_UNREADABLE',
          `A result file of Salesforce has a row of more than ${MOST_CELLS} cells.`,
        );
      }
    }
    yield chunk;
  }
}

/** Reads an unprocessed file: the platform repeats the uploaded bytes there, whatever their quoting. */
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
const OWN_COLUMNS = 2;

/** Where each uploaded column is found in a result file. */
type Columns = readonly (number | undefined)[];

/**
 * Columns come back in the order of the upload; where they do not, their names tell. A file whose names are all foreign
 * is read by position, if it has as many.
 */
function columnsOf(header: readonly string[], own: number, names: readonly string[]): Columns {
  // The first of a name counts.
  const places = new Map<string, number>();
  for (let at = header.length - 1; at >= own; at--) {
    places.set((header[at] as string).replace(/^\uFEFF/, '').toLowerCase(), at);
  }
  const found = names.map((name) => places.get(name.toLowerCase()));
  const foreign = found.every((at) => at === undefined);
  return foreign && header.length === own + names.length ? names.map((_, position) => own + position) : found;
}

function pick(record: readonly string[], columns: Columns): Pick<ResultRow, 'cells' | 'complete'> {
  return {
    cells: columns.map((at) => (at === undefined ? '' : (record[at] ?? ''))),
    complete: columns.every((at) => at !== undefined),
  };
}
