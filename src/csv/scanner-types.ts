/** What the record scanner is told, and what it finds besides records. */

/** A misplaced quote: inside an unquoted cell, or followed by text after it closed a cell. */
export interface StrayQuote {
  /** Number of the record, from 1. */
  record: number;
  /** Absolute offset of the quote. */
  at: number;
}

/** A record with more or fewer cells than the header. */
export interface RaggedRecord {
  /** Number of the record, from 1. */
  record: number;
  cells: number;
}

/** Records one right after the other, each of them a line that ends with a line feed. */
export interface LineRun {
  start: number;
  end: number;
  count: number;
  /** In the memory of the chunk: the address after each of them. */
  ends: Uint32Array;
  /** Added to an address, the offset in the file. */
  base: number;
}

export interface ScannerOptions {
  /** Cells that each record must have; 0 skips the count, which is faster. @default 0 */
  width?: number;
  /** Rows without any value are not records, however many cells they have. @default false */
  leaveOutBlank?: boolean;
  /** Takes many records at once. If it returns false, each of them is reported instead. @default each is reported */
  onRun?: (run: LineRun) => boolean;
}
