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

export interface ScannerOptions {
  /** Cells that each record must have; 0 skips the count, which is faster. @default 0 */
  width?: number;
  /** Rows without any value are not records, however many cells they have. @default false */
  leaveOutBlank?: boolean;
  /**
   * Takes many records at once: `count` of them, one right after the other. If it returns false, each of them is reported
   * instead. @default each is reported
   */
  onRun?: (start: number, end: number, count: number) => boolean;
}
