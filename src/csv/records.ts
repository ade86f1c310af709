/** Yields records one by one, as bytes or cells, from chunks that may end anywhere. */
import { inSlices } from '../runtime/time-slice.js';
import { readCells } from './cells.js';
import { lineBreaks } from './line-breaks.js';
import { asBuffer, Scanner } from './scanner.js';
import { MAX_ROW_BYTES, rowTooLarge, unclosedQuote } from './row-limits.js';
import type { LineBreaks } from './line-breaks.js';

export interface ScanOptions {
  delimiter: string;
  /** Absolute offset of the first byte. @default 0 */
  base?: number;
  /** The bytes may end within a record, which is then left out. @default false */
  partial?: boolean;
  /** Rows without any value are not records: set it for a source, but not for a rewritten copy. @default false */
  leaveOutBlank?: boolean;
}

export interface ScanSummary {
  records: number;
  bytes: number;
  lineBreaks: LineBreaks;
}

/**
 * Position of the first record, or undefined if there is none. Bytes that end before the record does are treated as its
 * end.
 * @throws NightloadError `CSV_UNCLOSED_QUOTE`
 */
export function firstRecord(bytes: Buffer, delimiter: string): { start: number; end: number } | undefined {
  let first: { start: number; end: number } | undefined;
  const scanner = new Scanner(delimiter, 0, (start, end) => (first ??= { start, end }));
  scanner.push(bytes);
  if (first === undefined && scanner.finish() !== undefined) unclosedQuote('The header line');
  return first;
}

/** Emits records with their bytes; pieces of chunks are joined only once the record that spans them ends. */
class RecordReader {
  readonly scanner: Scanner;
  #pieces: Buffer[] = [];
  #piecesStart: number;
  #position: number;

  constructor(options: ScanOptions, visit: (record: Buffer, start: number, end: number) => void) {
    const { delimiter, base = 0 } = options;
    this.#piecesStart = base;
    this.#position = base;
    const onRecord = (start: number, end: number): void => {
      if (this.#pieces.length > 1) this.#pieces = [Buffer.concat(this.#pieces)];
      visit((this.#pieces[0] as Buffer).subarray(start - this.#piecesStart, end - this.#piecesStart), start, end);
    };
    const { leaveOutBlank = false } = options;
    this.scanner = new Scanner(delimiter, base, onRecord, { leaveOutBlank });
  }

  get position(): number {
    return this.#position;
  }

  /** @throws NightloadError `CSV_ROW_TOO_LARGE` */
  push(piece: Uint8Array): void {
    const chunk = asBuffer(piece);
    this.#pieces.push(chunk);
    this.scanner.push(chunk);
    if (this.scanner.recordStart >= this.#position) {
      this.#pieces = [chunk.subarray(this.scanner.recordStart - this.#position)];
      this.#piecesStart = this.scanner.recordStart;
    }
    this.#position += chunk.length;
    // Checked before the record ends: until then its bytes are kept.
    const { records, recordStart } = this.scanner;
    if (this.#position - recordStart > MAX_ROW_BYTES) throw rowTooLarge(`Row ${records + 1}`);
  }

  /** @throws NightloadError `CSV_UNCLOSED_QUOTE` */
  finish(): void {
    const open = this.scanner.finish();
    if (open !== undefined) unclosedQuote(`Data row ${open}`);
  }
}

/**
 * Calls the visitor for each record with its bytes, line ending included, and its absolute offsets.
 * @throws NightloadError `CSV_UNCLOSED_QUOTE`, `CSV_ROW_TOO_LARGE`
 */
export async function scanRecords(
  chunks: AsyncIterable<Uint8Array>,
  options: ScanOptions,
  visit: (record: Buffer, start: number, end: number) => void,
): Promise<ScanSummary> {
  const reader = new RecordReader(options, visit);
  for await (const piece of inSlices(chunks)) reader.push(piece);
  reader.finish();
  const { scanner, position } = reader;
  return { records: scanner.records, bytes: position - (options.base ?? 0), lineBreaks: lineBreaks(scanner) };
}

/**
 * The cells of each record, for an asynchronous reader. Accepts any quoting.
 * @throws NightloadError `CSV_UNCLOSED_QUOTE`, `CSV_ROW_TOO_LARGE`, `CSV_RAGGED_ROW`
 */
export function eachRecord(chunks: AsyncIterable<Uint8Array>, options: ScanOptions): AsyncGenerator<string[]> {
  return each(chunks, options, (record) => readCells(record, options.delimiter));
}

/**
 * The bytes of each record, line ending included, for an asynchronous reader. Each chunk must have its own memory.
 * @throws NightloadError `CSV_UNCLOSED_QUOTE`, `CSV_ROW_TOO_LARGE`
 */
export function eachRecordBytes(chunks: AsyncIterable<Uint8Array>, options: ScanOptions): AsyncGenerator<Buffer> {
  return each(chunks, options, (record) => record);
}

async function* each<T>(
  chunks: AsyncIterable<Uint8Array>,
  options: ScanOptions,
  make: (record: Buffer) => T,
): AsyncGenerator<T> {
  let batch: T[] = [];
  const reader = new RecordReader(options, (record) => void batch.push(make(record)));
  for await (const piece of inSlices(chunks)) {
    reader.push(piece);
    yield* batch;
    batch = [];
  }
  if (options.partial === true) return;
  reader.finish();
  yield* batch;
}
