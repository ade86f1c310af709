/**
 * The record scanner: finds the ends of records in raw bytes, without parsing cells. A quote opens a quoted cell only
 * at the start of a cell, or right after a quote that closed one (a doubled quote); line breaks inside quotes belong to
 * the record. Blank lines are not records.
 */
import { BlankRowFinder } from './blank-rows.js';
import type { BlankRows } from './blank-rows.js';
import type { RaggedRecord, ScannerOptions, StrayQuote } from './scanner-types.js';
import { freeInstance, WINDOW } from './simd/instance.js';
import type { WasmInstance } from './simd/instance.js';
import {
  BLOCK,
  bordersIn,
  CR,
  isPlain,
  LF,
  QUOTE,
  ScanState,
  scanWindow,
  STRETCH,
  windowKind,
  WORTH_BLOCKS,
} from './simd/simd-scan.js';

/** Bytes of the longest blank line, CR LF. */
const BLANK_LINE = 2;

/** The lines of a scan, and the state before it. */
interface ScannedLines extends Pick<ScanState, 'inQuotes' | 'borders' | 'lastByte'> {
  from: number;
  lines: number;
  base: number;
  /** Whether cells must be counted again, to find the record. */
  hasRagged: boolean;
}

/** The scanner's state; pass it chunks in order. */
export class Scanner {
  readonly #delimiter: number;
  readonly #onRecord: (start: number, end: number) => void;
  readonly #onRun: ScannerOptions['onRun'];
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
    { width = 0, leaveOutBlank = false, onRun }: ScannerOptions = {},
  ) {
    this.#delimiter = delimiter.charCodeAt(0);
    this.#width = width;
    if (leaveOutBlank) this.#blank = new BlankRowFinder(this.#delimiter);
    this.#onRecord = onRecord;
    this.#onRun = onRun;
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
    const isWorthIt = chunk.length >= WORTH_BLOCKS && isPlain(this.#delimiter);
    const instance = isWorthIt ? freeInstance(chunk) : undefined;
    if (instance === undefined) {
      this.#pushBytes(chunk, 0);
      return;
    }
    const blocks = chunk.length - (chunk.length % BLOCK);
    instance.isTaken = true;
    try {
      for (let at = 0; at < blocks; at += WINDOW) {
        this.#pushWindow(instance, chunk.subarray(at, Math.min(at + WINDOW, blocks)));
      }
    } finally {
      instance.isTaken = false;
    }
    this.#pushBytes(chunk, blocks);
  }

  /** Whole blocks of bytes, mostly many at a time. */
  #pushWindow(instance: WasmInstance, window: Buffer): void {
    const first = instance.place(window);
    const to = first + window.length;
    /** Added to an address, the offset in the file. */
    const base = this.#position - first;
    const kind = windowKind(window);
    const state = this.#state;
    for (let from = first; from < to; from = this.#position - base) {
      const { inQuotes, borders, lastByte } = state;
      const start = this.#recordStart - base;
      const width = this.#width;
      // With as many cells, a row without a value is not longer than two quotes in each, and a line ending.
      const short = this.#blank !== undefined && width > 0 ? 3 * width + 2 : BLANK_LINE + 1;
      const task = { from, to, start, kind, delimiter: this.#delimiter, width, short };
      const { reached, lines, hasShort, hasRagged } = scanWindow(instance, state, task);
      if (hasShort || hasRagged || (this.#blank !== undefined && width === 0)) {
        this.#checkLines(instance, { from, lines, base, hasRagged, inQuotes, borders, lastByte });
      } else if (lines > 0) {
        this.#emitLines(instance.lineEnds, lines, base);
      }
      const open = this.#recordStart - base;
      this.#noteOpen(instance.bytes, Math.max(open, from), reached, open >= from);
      this.#position = base + reached;
      // There is a misplaced quote here.
      if (reached < to) this.#pushBytes(window.subarray(reached - first, reached - first + STRETCH), 0);
    }
  }

  /** Each line is a record, with as many cells as it must have. */
  #emitLines(lineEnds: Uint32Array, lines: number, base: number): void {
    const last = base + (lineEnds[lines - 1] as number);
    if (this.#onRun !== undefined) {
      const run = { start: this.#recordStart, end: last, count: lines, ends: lineEnds, base };
      if (this.#onRun(run)) {
        this.records += lines;
        this.#recordStart = last;
        return;
      }
    }
    for (let line = 0; line < lines; line++) this.#emit(base + (lineEnds[line] as number));
  }

  /** Lines of which some may not be records, or have another number of cells. */
  #checkLines({ bytes, lineEnds }: WasmInstance, scanned: ScannedLines): void {
    const { from, lines, base, hasRagged, inQuotes, borders, lastByte } = scanned;
    const delimiter = this.#delimiter;
    const leavesOut = this.#blank !== undefined;
    for (let line = 0; line < lines; line++) {
      const start = this.#recordStart - base;
      const end = lineEnds[line] as number;
      const isWhole = start >= from;
      const size = end - start;
      const isBlank = size === 1 || (size === 2 && (end - 2 < from ? lastByte : bytes[end - 2]) === CR);
      // Most rows begin with neither, so this check costs nothing.
      const first = leavesOut && isWhole ? bytes[start] : delimiter;
      const mayBeLeftOut = leavesOut && !isBlank && (first === delimiter || first === QUOTE);
      if (isBlank) this.#recordStart = base + end;
      else if (mayBeLeftOut && this.#isLeftOut(bytes, Math.max(start, from), end, isWhole)) this.#leaveOut(base + end);
      else {
        if (hasRagged && this.#width > 0) {
          const before = line === 0 ? borders : 0;
          const more = bordersIn(bytes, Math.max(start, from), end, delimiter, line === 0 && inQuotes);
          if (before + more + 1 !== this.#width) this.#noteRagged(before + more + 1);
        }
        this.#emit(base + end);
      }
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

export function asBuffer(chunk: Uint8Array): Buffer {
  return Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
}
