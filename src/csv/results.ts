/** The platform's result files: `sf__Id`, then `sf__Created` or `sf__Error`, then the columns as they were uploaded. */
import { CsvError, parse } from 'csv-parse';
import { NightloadError } from '../errors.js';
import { readCell } from './cells.js';
import type { Delimiter } from './dialect.js';
import { classify, mayPassUnchanged, parseRowError } from './row-errors.js';
import { RecordCounter, scanRecords } from './scanner.js';

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
        this.#counter.push(chunk);
      } else {
        this.#head = Buffer.concat([this.#head, chunk]);
        if (this.#head.length >= enough) this.#begin();
      }
      yield chunk;
    }
  }

  #begin(): RecordCounter {
    const counter = new RecordCounter(resultDelimiter(this.#head, this.#firstColumn, this.#uploaded));
    counter.push(this.#head);
    this.#counter = counter;
    return counter;
  }

  get rows(): number {
    return Math.max(0, (this.#counter ?? this.#begin()).finish() - 1);
  }
}

/** Rows of a failed file whose error will not go away by itself. */
export async function countFailedForGood(chunks: AsyncIterable<Uint8Array>, delimiter: Delimiter): Promise<number> {
  let rows = 0;
  let count = 0;
  await scanRecords(chunks, { delimiter }, (record) => {
    if (rows++ === 0) return;
    if (!mayPassUnchanged(classify(parseRowError(readCell(record, 1, delimiter))))) count++;
  });
  return count;
}

export interface ResultRow {
  /** `sf__Id`; empty in unprocessed rows. */
  id: string;
  /** `sf__Created` or `sf__Error`; empty in unprocessed rows. */
  note: string;
  /** In the order of the columns that were uploaded. */
  cells: string[];
}

/**
 * Reads a result file row by row.
 * @param names columns as they were uploaded
 * @throws NightloadError `RESULT_UNREADABLE`
 */
export async function* readResultRows(
  chunks: NodeJS.ReadableStream,
  delimiter: Delimiter,
  names: readonly string[],
): AsyncGenerator<ResultRow> {
  const parser = chunks.pipe(
    parse({ delimiter, relax_column_count: true, skip_empty_lines: true, bom: true, record_delimiter: ['\r\n', '\n'] }),
  );
  chunks.on('error', (error) => parser.destroy(error));
  let own = 0;
  let order: number[] | undefined;
  let row = 0;
  try {
    for await (const record of parser as AsyncIterable<string[]>) {
      if (order === undefined) {
        own = record[0] === 'sf__Id' ? 2 : 0;
        order = columnOrder(record, own, names);
        continue;
      }
      row++;
      const from = own;
      yield {
        id: own === 0 ? '' : (record[0] ?? ''),
        note: own === 0 ? '' : (record[1] ?? ''),
        cells: order.map((index) => record[from + index] ?? ''),
      };
    }
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    // Rows that were read but not yet handed out count too; the header does not.
    const read = Math.max(row, Number(error.records) - 1);
    throw new NightloadError(
      'RESULT_UNREADABLE',
      `A result file of Salesforce is no CSV after row ${read}: ${error.message}`,
      { cause: error },
    );
  }
}

/** Columns come back in the order of the upload; where they do not, their names tell. */
function columnOrder(header: readonly string[], own: number, names: readonly string[]): number[] {
  const returned = header.slice(own).map((name) => name.toLowerCase());
  return names.map((name, position) => {
    const found = returned.indexOf(name.toLowerCase());
    return found === -1 ? position : found;
  });
}
