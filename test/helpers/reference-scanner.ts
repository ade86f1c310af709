/**
 * The scanner as it was before it used SIMD: one native search for each quote and each line ending. Its results are the
 * reference for the current one.
 */
import type { RaggedRecord, StrayQuote } from '../../src/csv/scanner-types.js';

const LF = 0x0a;
const CR = 0x0d;
const QUOTE = 0x22;

export class ReferenceScanner {
  readonly #delimiter: number;
  readonly #onRecord: (start: number, end: number) => void;
  #position: number;
  #recordStart: number;
  #inQuotes = false;
  #closedAt = -2;
  #lastByte = LF;
  #openedInRecord = 0;
  /** The previous byte closed a cell: the next byte must end it, or be a quote. */
  #closesCell = false;
  records = 0;
  /** The first one so far. The platform refuses the whole job because of it; record ends after it are a guess. */
  strayQuote: StrayQuote | undefined;
  /** The first one so far, if cells are counted. */
  ragged: RaggedRecord | undefined;
  lf = false;
  crlf = false;
  /** Whether there is a carriage return, in quotes or not, that is not part of a line ending. */
  loneCr = false;
  readonly #width: number;
  /** Cell borders of this record so far. */
  #borders = 0;

  /** @param width cells that each record must have; 0 skips the count, which is faster */
  constructor(delimiter: string, base: number, onRecord: (start: number, end: number) => void, width = 0) {
    this.#delimiter = delimiter.charCodeAt(0);
    this.#width = width;
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
          this.#countBorders(chunk, position, newline);
          this.#endRecord(base + newline + 1, newline > 0 ? (chunk[newline - 1] as number) : this.#lastByte);
          position = newline + 1;
          newline = nextOf(chunk, LF, position);
        }
        this.#countBorders(chunk, position, quote);
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

  /** The last record may lack a line ending. Returns the number of the record with an unclosed quote, if any. */
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

  /** For a stretch outside of quotes. */
  #countBorders(chunk: Buffer, from: number, to: number): void {
    for (let at = from; at < to; at++) if (chunk[at] === this.#delimiter) this.#borders++;
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

  /** Records the kinds of line breaks, also in quotes: the platform checks all of them. */
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
