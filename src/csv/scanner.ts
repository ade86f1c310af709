/**
 * The record scanner: finds where records end in raw bytes, with native `indexOf` and without parsing cells.
 * A quote opens a quoted cell only at the start of a cell, or right after a quote that closed one (a doubled quote);
 * line breaks inside quotes belong to the record. Blank lines are not records.
 */
import { NightloadError } from '../errors.js';
import { readCells } from './cells.js';
import { ByteCounter } from './count-byte.js';

const LF = 0x0a;
const CR = 0x0d;
const QUOTE = 0x22;

/** A quote where none may be: inside of a cell without quotes, or with text after the quote that closed a cell. */
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

/** Where the scanner stands; feed it chunks in order. */
export class Scanner {
  readonly #delimiter: number;
  readonly #onRecord: (start: number, end: number) => void;
  #position: number;
  #recordStart: number;
  #inQuotes = false;
  #closedAt = -2;
  #lastByte = LF;
  #openedInRecord = 0;
  /** The last byte so far closed a cell: what comes next must end it, or be a quote. */
  #closesCell = false;
  records = 0;
  /** The first one so far. The platform refuses the whole job because of it; where records end is then a guess. */
  strayQuote: StrayQuote | undefined;
  /** The first one so far, when cells are counted. */
  ragged: RaggedRecord | undefined;
  lf = false;
  crlf = false;
  /** A carriage return that ends nothing, in quotes or not. */
  loneCr = false;
  readonly #width: number;
  readonly #delimiters: ByteCounter | undefined;
  /** Cell borders of this record so far. */
  #borders = 0;

  /** @param width cells that each record must have; 0 when they are not counted, which is faster */
  constructor(delimiter: string, base: number, onRecord: (start: number, end: number) => void, width = 0) {
    this.#delimiter = delimiter.charCodeAt(0);
    this.#width = width;
    if (width > 0) this.#delimiters = new ByteCounter(this.#delimiter);
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
    this.#delimiters?.take(chunk);
    const base = this.#position;
    let position = 0;
    if (this.#closesCell) {
      this.#closesCell = false;
      this.#checkEndOfCell(chunk[0] as number, base - 1);
    }
    let quote = nextOf(chunk, QUOTE, 0);
    let newline = nextOf(chunk, LF, 0);
    for (;;) {
      if (this.#inQuotes) {
        if (quote === length) break;
        this.#inQuotes = false;
        this.#closedAt = base + quote;
        if (quote + 1 === length) this.#closesCell = true;
        else this.#checkEndOfCell(chunk[quote + 1] as number, this.#closedAt);
      } else {
        if (newline < position) newline = nextOf(chunk, LF, position);
        while (newline < quote) {
          this.#countBorders(position, newline);
          this.#endRecord(base + newline + 1, newline > 0 ? (chunk[newline - 1] as number) : this.#lastByte);
          position = newline + 1;
          newline = nextOf(chunk, LF, position);
        }
        this.#countBorders(position, quote);
        if (quote === length) break;
        const at = base + quote;
        const before = quote > 0 ? chunk[quote - 1] : this.#lastByte;
        if (at === this.#recordStart || before === this.#delimiter || this.#closedAt === at - 1) {
          this.#inQuotes = true;
          this.#openedInRecord = this.records + 1;
        } else {
          this.#noteStrayQuote(at);
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

  /** Of a stretch outside of quotes. */
  #countBorders(from: number, to: number): void {
    if (this.#delimiters !== undefined) this.#borders += this.#delimiters.count(from, to);
  }

  #emit(end: number): void {
    this.records++;
    if (this.#width > 0 && this.#borders + 1 !== this.#width) {
      this.ragged ??= { record: this.records, cells: this.#borders + 1 };
    }
    this.#borders = 0;
    const start = this.#recordStart;
    this.#recordStart = end;
    this.#onRecord(start, end);
  }

  #checkEndOfCell(next: number, quote: number): void {
    if (next !== this.#delimiter && next !== LF && next !== QUOTE && next !== CR) this.#noteStrayQuote(quote);
  }

  #noteStrayQuote(at: number): void {
    this.strayQuote ??= { record: this.records + 1, at };
  }

  /** Which kinds of line break there are anywhere, in quotes too: the platform compares all of them. */
  #noteLineBreaks(chunk: Buffer): void {
    if (this.lf && this.crlf) return;
    if (this.#lastByte !== CR && !chunk.includes(CR)) {
      this.lf ||= chunk.includes(LF);
      return;
    }
    this.#noteLoneCrs(chunk);
    for (let at = chunk.indexOf(LF); at !== -1; at = chunk.indexOf(LF, at + 1)) {
      const before = at > 0 ? chunk[at - 1] : this.#lastByte;
      if (before === CR) this.crlf = true;
      else this.lf = true;
      if (this.lf && this.crlf) return;
    }
  }

  #noteLoneCrs(chunk: Buffer): void {
    if (this.loneCr) return;
    this.loneCr = this.#lastByte === CR && this.#position > this.#recordStart && chunk[0] !== LF;
    // The last byte waits for the next chunk.
    for (
      let at = chunk.indexOf(CR);
      at !== -1 && at + 1 < chunk.length && !this.loneCr;
      at = chunk.indexOf(CR, at + 1)
    ) {
      this.loneCr = chunk[at + 1] !== LF;
    }
  }
}

function nextOf(chunk: Buffer, byte: number, from: number): number {
  const at = chunk.indexOf(byte, from);
  return at === -1 ? chunk.length : at;
}

export type LineBreaks = 'LF' | 'CRLF' | 'mixed' | 'none';

export function lineBreaks(scanner: Scanner): LineBreaks {
  if (scanner.lf && scanner.crlf) return 'mixed';
  return scanner.lf ? 'LF' : scanner.crlf ? 'CRLF' : 'none';
}

export interface ScanOptions {
  delimiter: string;
  /** Absolute offset of the first byte. @default 0 */
  base?: number;
  /** The bytes may end inside a record, which is then left out. @default false */
  partial?: boolean;
}

export interface ScanSummary {
  records: number;
  bytes: number;
  lineBreaks: LineBreaks;
}

export function asBuffer(chunk: Uint8Array): Buffer {
  return Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
}

export function unclosedQuote(where: string): never {
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

/** Hands out records with their bytes; pieces of chunks are joined only once the record that spans them ends. */
class RecordReader {
  readonly scanner: Scanner;
  #pieces: Buffer[] = [];
  #piecesStart: number;
  #position: number;

  constructor({ delimiter, base = 0 }: ScanOptions, visit: (record: Buffer, start: number, end: number) => void) {
    this.#piecesStart = base;
    this.#position = base;
    this.scanner = new Scanner(delimiter, base, (start, end) => {
      if (this.#pieces.length > 1) this.#pieces = [Buffer.concat(this.#pieces)];
      visit((this.#pieces[0] as Buffer).subarray(start - this.#piecesStart, end - this.#piecesStart), start, end);
    });
  }

  get position(): number {
    return this.#position;
  }

  push(piece: Uint8Array): void {
    const chunk = asBuffer(piece);
    this.#pieces.push(chunk);
    this.scanner.push(chunk);
    if (this.scanner.recordStart >= this.#position) {
      this.#pieces = [chunk.subarray(this.scanner.recordStart - this.#position)];
      this.#piecesStart = this.scanner.recordStart;
    }
    this.#position += chunk.length;
  }

  /** @throws NightloadError `CSV_UNCLOSED_QUOTE` */
  finish(): void {
    const open = this.scanner.finish();
    if (open !== undefined) unclosedQuote(`Data row ${open}`);
  }
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
  const reader = new RecordReader(options, visit);
  for await (const piece of chunks) reader.push(piece);
  reader.finish();
  const { scanner, position } = reader;
  return { records: scanner.records, bytes: position - (options.base ?? 0), lineBreaks: lineBreaks(scanner) };
}

/**
 * The cells of each record, for a reader that has to wait between them. Takes any quoting.
 * @throws NightloadError `CSV_UNCLOSED_QUOTE`
 */
export async function* eachRecord(chunks: AsyncIterable<Uint8Array>, options: ScanOptions): AsyncGenerator<string[]> {
  let batch: string[][] = [];
  const reader = new RecordReader(options, (record) => void batch.push(readCells(record, options.delimiter)));
  for await (const piece of chunks) {
    reader.push(piece);
    yield* batch;
    batch = [];
  }
  if (options.partial === true) return;
  reader.finish();
  yield* batch;
}
