/**
 * The record scanner: finds where records end in raw bytes, with native `indexOf` and without parsing cells.
 * A quote opens a quoted cell only at the start of a cell, or right after a quote that closed one (a doubled quote);
 * line breaks inside quotes belong to the record. Blank lines are not records.
 */
import { NightloadError } from '../errors.js';
import { notUtf8, Utf8Check } from './utf8.js';

const LF = 0x0a;
const CR = 0x0d;
const QUOTE = 0x22;

/** Where the scanner stands; feed it chunks in order. */
class Scanner {
  readonly #delimiter: number;
  readonly #onRecord: (start: number, end: number) => void;
  #position: number;
  #recordStart: number;
  #inQuotes = false;
  #closedAt = -2;
  #lastByte = LF;
  #openedInRecord = 0;
  records = 0;
  lf = false;
  crlf = false;

  constructor(delimiter: string, base: number, onRecord: (start: number, end: number) => void) {
    this.#delimiter = delimiter.charCodeAt(0);
    this.#onRecord = onRecord;
    this.#position = base;
    this.#recordStart = base;
  }

  get recordStart(): number {
    return this.#recordStart;
  }

  push(chunk: Buffer): void {
    const length = chunk.length;
    if (length === 0) return;
    this.#noteLineBreaks(chunk);
    const base = this.#position;
    let position = 0;
    let quote = nextOf(chunk, QUOTE, 0);
    let newline = nextOf(chunk, LF, 0);
    for (;;) {
      if (this.#inQuotes) {
        if (quote === length) break;
        this.#inQuotes = false;
        this.#closedAt = base + quote;
      } else {
        if (newline < position) newline = nextOf(chunk, LF, position);
        while (newline < quote) {
          this.#endRecord(base + newline + 1, newline > 0 ? (chunk[newline - 1] as number) : this.#lastByte);
          position = newline + 1;
          newline = nextOf(chunk, LF, position);
        }
        if (quote === length) break;
        const at = base + quote;
        const before = quote > 0 ? chunk[quote - 1] : this.#lastByte;
        if (at === this.#recordStart || before === this.#delimiter || this.#closedAt === at - 1) {
          this.#inQuotes = true;
          this.#openedInRecord = this.records + 1;
        }
      }
      position = quote + 1;
      quote = nextOf(chunk, QUOTE, position);
    }
    this.#position = base + length;
    this.#lastByte = chunk[length - 1] as number;
  }

  /** The last record may have no line end. Gives the number of the record with an unclosed quote, if there is one. */
  finish(): number | undefined {
    if (this.#position > this.#recordStart) {
      const lone = this.#position - this.#recordStart === 1 && this.#lastByte === CR;
      if (!lone) this.#emit(this.#position);
    }
    return this.#inQuotes ? this.#openedInRecord : undefined;
  }

  #endRecord(end: number, byteBefore: number): void {
    const size = end - this.#recordStart;
    if (size === 1 || (size === 2 && byteBefore === CR)) this.#recordStart = end;
    else this.#emit(end);
  }

  #emit(end: number): void {
    this.records++;
    const start = this.#recordStart;
    this.#recordStart = end;
    this.#onRecord(start, end);
  }

  /** Which kinds of line break there are anywhere, in quotes too: the platform compares all of them. */
  #noteLineBreaks(chunk: Buffer): void {
    if (this.lf && this.crlf) return;
    if (this.#lastByte !== CR && !chunk.includes(CR)) {
      this.lf ||= chunk.includes(LF);
      return;
    }
    for (let at = chunk.indexOf(LF); at !== -1; at = chunk.indexOf(LF, at + 1)) {
      const before = at > 0 ? chunk[at - 1] : this.#lastByte;
      if (before === CR) this.crlf = true;
      else this.lf = true;
      if (this.lf && this.crlf) return;
    }
  }
}

function nextOf(chunk: Buffer, byte: number, from: number): number {
  const at = chunk.indexOf(byte, from);
  return at === -1 ? chunk.length : at;
}

export type LineBreaks = 'LF' | 'CRLF' | 'mixed' | 'none';

function lineBreaks(scanner: Scanner): LineBreaks {
  if (scanner.lf && scanner.crlf) return 'mixed';
  return scanner.lf ? 'LF' : scanner.crlf ? 'CRLF' : 'none';
}

/** Counts records while the bytes pass by, the header among them. */
export class RecordCounter {
  readonly #scanner: Scanner;

  constructor(delimiter: string) {
    this.#scanner = new Scanner(delimiter, 0, () => undefined);
  }

  push(chunk: Uint8Array): void {
    this.#scanner.push(asBuffer(chunk));
  }

  finish(): number {
    this.#scanner.finish();
    return this.#scanner.records;
  }
}

export interface ScanOptions {
  delimiter: string;
  /** Absolute offset of the first byte. @default 0 */
  base?: number;
}

export interface ScanSummary {
  records: number;
  bytes: number;
  lineBreaks: LineBreaks;
}

function asBuffer(chunk: Uint8Array): Buffer {
  return Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
}

function unclosedQuote(where: string): never {
  throw new NightloadError(
    'CSV_UNCLOSED_QUOTE',
    `${where} opens a quoted cell that is never closed. Close the quote, or double a quote that belongs to the value.`,
  );
}

/**
 * Where the first record lies, or undefined when there is none. Bytes that end before the record does make it end with them.
 * @throws NightloadError `CSV_UNCLOSED_QUOTE`
 */
export function firstRecord(bytes: Buffer, delimiter: string): { start: number; end: number } | undefined {
  let first: { start: number; end: number } | undefined;
  const scanner = new Scanner(delimiter, 0, (start, end) => (first ??= { start, end }));
  scanner.push(bytes);
  if (first === undefined && scanner.finish() !== undefined) unclosedQuote('The header line');
  return first;
}

/**
 * Visits each record with its bytes, line end included, and its absolute offsets.
 * @throws NightloadError `CSV_UNCLOSED_QUOTE`
 */
export async function scanRecords(
  chunks: AsyncIterable<Uint8Array>,
  options: ScanOptions,
  visit: (record: Buffer, start: number, end: number) => void,
): Promise<ScanSummary> {
  const base = options.base ?? 0;
  // Chunks from the one that the current record starts in; joined only once the record ends.
  let pieces: Buffer[] = [];
  let piecesStart = base;
  let position = base;
  const scanner = new Scanner(options.delimiter, base, (start, end) => {
    if (pieces.length > 1) pieces = [Buffer.concat(pieces)];
    visit((pieces[0] as Buffer).subarray(start - piecesStart, end - piecesStart), start, end);
  });
  for await (const piece of chunks) {
    const chunk = asBuffer(piece);
    pieces.push(chunk);
    scanner.push(chunk);
    if (scanner.recordStart >= position) {
      pieces = [chunk.subarray(scanner.recordStart - position)];
      piecesStart = scanner.recordStart;
    }
    position += chunk.length;
  }
  const open = scanner.finish();
  if (open !== undefined) unclosedQuote(`Data row ${open}`);
  return { records: scanner.records, bytes: position - base, lineBreaks: lineBreaks(scanner) };
}

export interface PartRange {
  /** Absolute offset of the first byte. */
  start: number;
  /** Offset after the last byte; always a record end. */
  end: number;
  records: number;
}

export interface PlanOptions extends ScanOptions {
  /** Most bytes of one part, the header line not counted. */
  maxBytes: number;
  onProgress?: (bytes: number) => void;
}

export interface PartPlan extends ScanSummary {
  parts: PartRange[];
  /** Bytes of blank lines between the records of a part. They are no records, but they would be sent. */
  blankBytes: number;
}

/**
 * Cuts the data after the header into parts of at most `maxBytes`, at record ends only. Copies nothing.
 * @throws NightloadError `RECORD_TOO_LARGE`, `CSV_UNCLOSED_QUOTE`, `CSV_NOT_UTF8`
 */
export async function planParts(chunks: AsyncIterable<Uint8Array>, options: PlanOptions): Promise<PartPlan> {
  const base = options.base ?? 0;
  const parts: PartRange[] = [];
  let current: PartRange | undefined;
  let blankBytes = 0;
  const scanner = new Scanner(options.delimiter, base, (start, end) => {
    if (end - start > options.maxBytes) {
      throw new NightloadError(
        'RECORD_TOO_LARGE',
        `Data row ${scanner.records} has ${end - start} bytes, more than a part may have (${options.maxBytes}). ` +
          'Raise the part size, or look for a quote that swallows the rows after it.',
      );
    }
    if (current !== undefined && end - current.start <= options.maxBytes) {
      blankBytes += start - current.end;
      current.end = end;
      current.records++;
    } else {
      current = { start, end, records: 1 };
      parts.push(current);
    }
  });
  const text = new Utf8Check();
  let position = base;
  for await (const piece of chunks) {
    const chunk = asBuffer(piece);
    const before = scanner.records;
    scanner.push(chunk);
    if (!text.push(chunk)) throw notUtf8(`one of the data rows ${before + 1} to ${scanner.records + 1}`);
    position += chunk.length;
    options.onProgress?.(position - base);
  }
  const open = scanner.finish();
  if (open !== undefined) unclosedQuote(`Data row ${open}`);
  if (!text.finish()) throw notUtf8('the last data row');
  return { parts, blankBytes, records: scanner.records, bytes: position - base, lineBreaks: lineBreaks(scanner) };
}
