/** The platform's result files while they are saved: their delimiter, and the counts of their rows. */
import type { Operation } from '../contract/names.js';
import { NightloadError } from '../errors.js';
import { readCell } from '../csv/cells.js';
import type { Delimiter } from '../csv/dialect.js';
import { classify, isDone, isLockFailure, mayPassUnchanged, parseRowError } from '../domain/platform/row-errors.js';
import type { RowError } from '../domain/platform/row-errors.js';
import { RecordCounter } from '../csv/record-counter.js';
import { scanRecords } from '../csv/records.js';
import { MAX_ROW_BYTES } from '../csv/row-limits.js';

/**
 * The delimiter of a result file. The documentation does not say whether jobs with a delimiter other than comma get it
 * back, so it is read from the file: it follows the first column's name, which we know.
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

/** Counts the rows of a result file while it is saved, without the header. */
export class RowCount {
  readonly #firstColumn: string;
  readonly #uploaded: Delimiter;
  /** Input before the delimiter is known: a first chunk may be a few bytes long. */
  #head: Buffer = Buffer.alloc(0);
  #counter: RecordCounter | undefined;

  constructor(firstColumn: string, uploaded: Delimiter) {
    this.#firstColumn = firstColumn;
    this.#uploaded = uploaded;
  }

  push(chunk: Uint8Array): void {
    if (this.#counter !== undefined) {
      this.#count(this.#counter, chunk);
      return;
    }
    this.#head = Buffer.concat([this.#head, chunk]);
    if (this.#head.length >= Buffer.byteLength(this.#firstColumn) + '"",'.length) this.#begin();
  }

  #begin(): RecordCounter {
    const counter = new RecordCounter(resultDelimiter(this.#head, this.#firstColumn, this.#uploaded));
    this.#count(counter, this.#head);
    this.#counter = counter;
    return counter;
  }

  #count(counter: RecordCounter, chunk: Uint8Array): void {
    counter.push(chunk);
    if (counter.openBytes <= MAX_ROW_BYTES) return;
    throw new NightloadError(
      'RESULT_UNREADABLE',
      `A result file from Salesforce has a row of more than ${MAX_ROW_BYTES / 1e6} MB, larger than any row that was sent. It is fetched again.`,
      { retryable: true },
    );
  }

  /**
   * The number of rows.
   * @throws NightloadError `RESULT_TRUNCATED` when the file ends inside a cell; a reply without length or chunks may
   * end early unnoticed
   */
  finish(): number {
    const { records, whole } = (this.#counter ?? this.#begin()).finish();
    if (!whole) {
      throw new NightloadError(
        'RESULT_TRUNCATED',
        `A result file from Salesforce was cut off after ${Math.max(0, records - 1)} rows. It is fetched again.`,
        { retryable: true },
      );
    }
    return Math.max(0, records - 1);
  }
}

export interface FailedRows {
  forGood: number;
  /** Failed because of a record lock. */
  locked: number;
  /** The error of a row when the org accepted no more rows. */
  stop?: RowError;
}

/** Counts rows of a failed file whose error will not pass by itself; a delete of a missing record is not a failure. */
export async function failuresOf(
  chunks: AsyncIterable<Uint8Array>,
  delimiter: Delimiter,
  operation: Operation,
): Promise<FailedRows> {
  let rows = 0;
  const found: FailedRows = { forGood: 0, locked: 0 };
  await scanRecords(chunks, { delimiter }, (record) => {
    if (rows++ === 0) return;
    const error = parseRowError(readCell(record, 1, delimiter));
    const rowClass = classify(error);
    if (!mayPassUnchanged(rowClass, operation) && !isDone(rowClass, operation)) found.forGood++;
    if (rowClass === 'stop') found.stop ??= error;
    if (isLockFailure(error)) found.locked++;
  });
  return found;
}
