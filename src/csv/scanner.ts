/**
 * The record scanner: finds the ends of records in raw bytes, without parsing cells. A quote opens a quoted cell only
 * at the start of a cell, or right after a quote that closed one (a doubled quote); line breaks inside quotes belong to
 * the record. Blank lines are not records.
 */
import { BlankRowFinder } from './blank-rows.js';
import type { BlankRows } from './blank-rows.js';
import {
  BLOCK,
  cellsOf,
  CR,
  found,
  inputBytes,
  isBlank,
  isPlain,
  leaveMemory,
  LF,
  lineEnds,
  QUOTE,
  scanInput,
  ScanState,
  setInput,
  STRETCH,
  takeMemory,
  WINDOW,
  WORTH_BLOCKS,
} from './simd/simd-scan.js';

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
}

/** The scanner's state; pass it chunks in order. */
export class Scanner {
  readonly #delimiter: number;
  readonly #onRecord: (start: number, end: number) => void;
  /** Cells that each record must have, or 0. */
  #width: number;
  /** Offset of the next chunk. */
  #position: number;
  #recordStart: number;
  readonly #state = new ScanState();
  /** For the incomplete row; undefined if rows without a value are records. */
  readonly #blank: BlankRowFinder | undefined;
  records = 0;
  /** Rows left out so far. */
  readonly blankRows: BlankRows = { rows: 0, after: 0 };
  /** The first one so far. The platform refuses the whole job because of it; record ends after it are a guess. */
  strayQuote: StrayQuote | undefined;
  /** The first one so far, if cells are counted. */
  ragged: RaggedRecord | undefined;

  constructor(
    delimiter: string,
    base: number,
    onRecord: (start: number, end: number) => void,
    { width = 0, leaveOutBlank = false }: ScannerOptions = {},
  ) {
    this.#delimiter = delimiter.charCodeAt(0);
    this.#width = width;
    if (leaveOutBlank) this.#blank = new BlankRowFinder(this.#delimiter);
    this.#onRecord = onRecord;
    this.#position = base;
    this.#recordStart = base;
  }

  get recordStart(): number {
    return this.#recordStart;
  }

  /** Line breaks count everywhere, also in quotes: the platform checks all of them. */
  get lf(): boolean {
    return this.#state.lf;
  }

  get crlf(): boolean {
    return this.#state.crlf;
  }

  /** Whether there is a carriage return, in quotes or not, that is not part of a line ending. */
  get loneCr(): boolean {
    return this.#state.loneCr;
  }

  /** The last byte so far is half of a line ending, which the platform would treat as part of the last cell. */
  get endsInCr(): boolean {
    return this.#state.lastByte === CR && !this.#state.inQuotes;
  }

  push(chunk: Buffer): void {
    if (chunk.length < WORTH_BLOCKS || !isPlain(this.#delimiter) || !takeMemory()) {
      this.#pushBytes(chunk, 0);
      return;
    }
    const blocks = chunk.length - (chunk.length % BLOCK);
    try {
      for (let at = 0; at < blocks; at += WINDOW) this.#pushWindow(chunk.subarray(at, Math.min(at + WINDOW, blocks)));
    } finally {
      leaveMemory();
    }
    this.#pushBytes(chunk, blocks);
  }

  /** Whole blocks of bytes, mostly many at a time. */
  #pushWindow(window: Buffer): void {
    const base = this.#position;
    const delimiter = this.#delimiter;
    const leavesOut = this.#blank !== undefined;
    setInput(window, this.#state.lastByte);
    for (let at = 0; at < window.length; at = this.#position - base) {
      scanInput(at, window.length, this.#delimiter, this.#state, this.#recordStart - base, this.#width);
      const { reached, lines, raggedLine, raggedCells } = found;
      let start = this.#recordStart - base;
      // The scan counts cells up to the first ragged line: if that line is left out, they are counted here.
      let counts = false;
      for (let line = 0; line < lines; line++) {
        const end = lineEnds[line] as number;
        const isRecord = end - start > 2 || !isBlank(start, end);
        // Most rows begin with neither, so this check costs nothing.
        const first = leavesOut && start >= at ? inputBytes[start] : delimiter;
        const mayBeBlank = leavesOut && isRecord && (first === delimiter || first === QUOTE);
        if (mayBeBlank && this.#isLeftOut(inputBytes, Math.max(start, at), end, start >= at)) {
          counts ||= line === raggedLine;
          this.#leaveOut(base + end);
        } else if (isRecord) {
          if (line === raggedLine) this.#noteRagged(raggedCells);
          else if (counts && this.#width > 0) this.#checkCells(start, end);
          this.#emit(base + end);
        } else this.#recordStart = base + end;
        start = end;
      }
      if (counts) this.#state.borders = cellsOf(start, reached, this.#delimiter) - 1;
      this.#noteOpen(inputBytes, Math.max(start, at), reached, start >= at);
      this.#position = base + reached;
      // There is a misplaced quote here.
      if (reached < window.length) this.#pushBytes(window.subarray(reached, reached + STRETCH), 0);
    }
  }

  /** Applies the rules byte by byte. */
  #pushBytes(chunk: Buffer, from: number): void {
    const state = this.#state;
    const delimiter = this.#delimiter;
    const base = this.#position - from;
    let { inQuotes, closed, lastByte } = state;
    for (let at = from; at < chunk.length; at++) {
      const byte = chunk[at] as number;
      if (lastByte === CR && byte !== LF) state.loneCr = true;
      if (closed && byte !== delimiter && byte !== LF && byte !== QUOTE && byte !== CR) {
        this.#noteStrayQuote(base + at - 1);
      }
      const afterClosed = closed;
      closed = false;
      if (byte === QUOTE) {
        if (inQuotes) {
          inQuotes = false;
          closed = true;
        } else if (afterClosed || lastByte === delimiter || base + at === this.#recordStart) {
          inQuotes = true;
        } else {
          this.#noteStrayQuote(base + at);
        }
      } else if (byte === LF) {
        if (lastByte === CR) state.crlf = true;
        else state.lf = true;
        if (!inQuotes) {
          const start = this.#recordStart - base;
          const isLeftOut = this.#isLeftOut(chunk, Math.max(start, from), at + 1, start >= from);
          this.#endLine(base + at + 1, lastByte, isLeftOut);
        }
      } else if (byte === delimiter && !inQuotes) {
        state.borders++;
      }
      lastByte = byte;
    }
    state.inQuotes = inQuotes;
    state.closed = closed;
    state.lastByte = lastByte;
    const open = this.#recordStart - base;
    this.#noteOpen(chunk, Math.max(open, from), chunk.length, open >= from);
    this.#position = base + chunk.length;
  }

  /**
   * Whether a row that ends here has no value.
   * @param start of the row, or of its part since {@link #noteOpen}
   * @param isWhole whether all of its bytes are present
   */
  #isLeftOut(bytes: Uint8Array, start: number, end: number, isWhole: boolean): boolean {
    const blank = this.#blank;
    if (blank === undefined) return false;
    if (isWhole) blank.reset();
    blank.push(bytes, start, end);
    return blank.isBlank;
  }

  /** Records the bytes of an incomplete row. */
  #noteOpen(bytes: Uint8Array, start: number, end: number, isBeginning: boolean): void {
    if (isBeginning) this.#blank?.reset();
    this.#blank?.push(bytes, start, end);
  }

  #leaveOut(end: number): void {
    if (this.blankRows.rows++ === 0) this.blankRows.after = this.records;
    this.#recordStart = end;
  }

  /** The last record may lack a line ending. Returns the number of the record with an unclosed quote, if any. */
  finish(): number | undefined {
    const { inQuotes, lastByte } = this.#state;
    if (this.#position > this.#recordStart) {
      const lone = this.#position - this.#recordStart === 1 && lastByte === CR;
      if (lone) return undefined;
      if (!inQuotes && this.#blank?.isBlank === true) this.#leaveOut(this.#position);
      else this.#endRecord(this.#position);
    }
    // Only the last record can end within quotes.
    return inQuotes ? this.records : undefined;
  }

  #endLine(end: number, byteBefore: number, isLeftOut: boolean): void {
    const size = end - this.#recordStart;
    if (size === 1 || (size === 2 && byteBefore === CR)) this.#recordStart = end;
    else if (isLeftOut) {
      this.#state.borders = 0;
      this.#leaveOut(end);
    } else this.#endRecord(end);
  }

  #checkCells(start: number, end: number): void {
    const cells = cellsOf(start, end, this.#delimiter);
    if (cells !== this.#width) this.#noteRagged(cells);
  }

  #endRecord(end: number): void {
    const { borders } = this.#state;
    this.#state.borders = 0;
    if (this.#width > 0 && borders + 1 !== this.#width) this.#noteRagged(borders + 1);
    this.#emit(end);
  }

  #emit(end: number): void {
    this.records++;
    const start = this.#recordStart;
    this.#recordStart = end;
    this.#onRecord(start, end);
  }

  #noteRagged(cells: number): void {
    this.ragged = { record: this.records + 1, cells };
    // Only the first one is reported.
    this.#width = 0;
  }

  #noteStrayQuote(at: number): void {
    this.strayQuote ??= { record: this.records + 1, at };
  }
}

export type LineBreaks = 'LF' | 'CRLF' | 'mixed' | 'none';

export function lineBreaks(scanner: Scanner): LineBreaks {
  if (scanner.lf && scanner.crlf) return 'mixed';
  return scanner.lf ? 'LF' : scanner.crlf ? 'CRLF' : 'none';
}

export function asBuffer(chunk: Uint8Array): Buffer {
  return Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
}
