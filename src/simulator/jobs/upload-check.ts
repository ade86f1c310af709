/** Checks that an upload can be parsed at all: its line breaks and its quotes; finds its transactions. */
import { createReadStream } from 'node:fs';

/** Rows of one transaction. */
export const CHUNK = 200;

/** Where the rows of an upload are. */
export interface UploadIndex {
  /** Offset of the first row of each transaction, and the end of the file. */
  starts: number[];
  /** Without the header. */
  rows: number;
  /** The transactions are read from this file. */
  headerEnd: number;
}

const [LF, CR, QUOTE, BLANK] = [10, 13, 34, 32];

export interface CheckRules {
  lineEnding: string;
  delimiter: string;
  /** Whether line breaks may be inside quotes. */
  breaksInCells: boolean;
  /** Whether a quote after a blank is accepted, with the others of its cell. */
  blankBeforeQuote: boolean;
}

/** The index, or the first error. */
export async function checkUpload(path: string, rules: CheckRules): Promise<'lineEnding' | 'quote' | UploadIndex> {
  const scan = new Scan(rules);
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 18 }) as AsyncIterable<Buffer>) {
    const wrong = scan.push(chunk);
    if (wrong !== undefined) return wrong;
  }
  return scan.isOpen ? 'quote' : scan.index();
}

class Scan {
  readonly #crlf: boolean;
  readonly #delimiter: number;
  readonly #breaksInCells: boolean;
  readonly #blankBeforeQuote: boolean;
  #quoted = false;
  /** Position in the chunk of the last accepted stray quote, if its cell may continue; -1 for the previous chunk. */
  #passed: number | undefined;
  /** The last byte of the previous chunk; the beginning of a file counts as the beginning of a line. */
  #last: number = LF;
  /** The previous chunk ended with a quote, and the next byte decides whether it closes the cell. */
  #undecided = false;
  /** Offset of the chunk in the file. */
  #offset = 0;
  /** Offset of the line that is being read. */
  #lineStart = 0;
  /** Records, with the header. */
  #records = 0;
  readonly #starts: number[] = [];

  constructor({ lineEnding, delimiter, breaksInCells, blankBeforeQuote }: CheckRules) {
    this.#crlf = lineEnding === 'CRLF';
    this.#delimiter = delimiter.charCodeAt(0);
    this.#breaksInCells = breaksInCells;
    this.#blankBeforeQuote = blankBeforeQuote;
  }

  get isOpen(): boolean {
    return this.#quoted && !this.#undecided;
  }

  push(chunk: Buffer): 'lineEnding' | 'quote' | undefined {
    let from = 0;
    if (this.#undecided) {
      this.#undecided = false;
      if (chunk[0] === QUOTE) from = 1;
      else if (this.#endsCell(chunk[0])) this.#quoted = false;
      else return 'quote';
    }
    let lf = chunk.indexOf(LF, from);
    let quote = chunk.indexOf(QUOTE, from);
    while (lf !== -1 || quote !== -1) {
      if (quote === -1 || (lf !== -1 && lf < quote)) {
        if ((this.#before(chunk, lf) === CR) !== this.#crlf || (this.#quoted && !this.#breaksInCells))
          return 'lineEnding';
        if (!this.#quoted) this.#endLine(this.#offset + lf + 1, this.#crlf ? 2 : 1);
        lf = chunk.indexOf(LF, lf + 1);
        continue;
      }
      const next = this.#quote(chunk, quote);
      if (next === undefined) return 'quote';
      quote = chunk.indexOf(QUOTE, next);
    }
    this.#last = chunk[chunk.length - 1] ?? this.#last;
    this.#passed = this.#inPassedCell(chunk, chunk.length) ? -1 : undefined;
    this.#offset += chunk.length;
    return undefined;
  }

  /** Empty lines are no records. */
  #endLine(end: number, breakLength: number): void {
    if (end - this.#lineStart > breakLength) {
      if (this.#records % CHUNK === 0) this.#starts.push(end);
      this.#records++;
    }
    this.#lineStart = end;
  }

  index(): UploadIndex {
    const size = this.#offset;
    // The last line may have no break.
    this.#endLine(size, 0);
    const rows = Math.max(0, this.#records - 1);
    const [headerEnd = size] = this.#starts;
    // A start after the last row begins no transaction.
    return { starts: [...this.#starts.slice(0, Math.ceil(rows / CHUNK)), size], rows, headerEnd };
  }

  /** Checks one quote; returns where to search for the next, or undefined for a stray one. */
  #quote(chunk: Buffer, at: number): number | undefined {
    if (!this.#quoted) {
      const before = this.#before(chunk, at);
      if (this.#blankBeforeQuote && (before === BLANK || this.#inPassedCell(chunk, at))) {
        this.#passed = at;
        return at + 1;
      }
      if (before !== LF && before !== this.#delimiter) return undefined;
      this.#quoted = true;
    } else if (at + 1 === chunk.length) {
      this.#undecided = true;
    } else if (chunk[at + 1] === QUOTE) {
      return at + 2;
    } else if (this.#endsCell(chunk[at + 1])) {
      this.#quoted = false;
    } else {
      return undefined;
    }
    return at + 1;
  }

  /** Whether the cell of the last accepted stray quote continues up to here. */
  #inPassedCell(chunk: Buffer, at: number): boolean {
    if (this.#passed === undefined) return false;
    const between = chunk.subarray(this.#passed + 1, at);
    return !between.includes(LF) && !between.includes(this.#delimiter);
  }

  #before(chunk: Buffer, at: number): number {
    return at === 0 ? this.#last : (chunk[at - 1] as number);
  }

  #endsCell(byte: number | undefined): boolean {
    return byte === LF || byte === CR || byte === this.#delimiter;
  }
}
