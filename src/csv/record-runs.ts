/**
 * Yields records many at a time, as they lie in the memory that they were read into: a function call for each of a
 * hundred million rows would cost more than the search in them.
 */
import type { RecordRun } from '../runtime/record-run.js';
import { TimeSlice } from '../runtime/time-slice.js';
import type { ReadBuffers } from '../runtime/wasm-memory.js';
import { asBuffer, Scanner } from './scanner.js';
import { MAX_ROW_BYTES, rowTooLarge, unclosedQuoteError } from './row-limits.js';
import type { LineRun } from './scanner-types.js';

/** Bytes to process before the clock is checked, and before a visitor may wait. */
const PIECE = 64 * 1024;

export interface RunVisitor {
  onRun(run: RecordRun): void;
  /** A record that lies in no run. Its bytes are valid until the visitor returns. */
  onRecord(record: Buffer): void;
}

interface RunOptions {
  delimiter: string;
  /** Records are reported in this memory; without it, where they are. */
  buffers?: ReadBuffers | undefined;
}

/** What a reader of a file that others wrote must know of it. */
export interface Oddities {
  strayQuote: boolean;
  /** A carriage return that is not part of a line ending, in quotes or not. */
  loneCr: boolean;
  /** The last byte so far is a carriage return. */
  endsInCr: boolean;
}

export class RecordRuns {
  readonly #scanner: Scanner;
  readonly #visitor: RunVisitor;
  readonly #buffers: ReadBuffers | undefined;
  /** The bytes of the incomplete record that were in earlier chunks. */
  #open: Buffer[] = [];
  #chunk: Buffer = Buffer.alloc(0);
  /** All of the chunk's memory. */
  #memory: Buffer = Buffer.alloc(0);
  /** Offset of the chunk in the file. */
  #position = 0;

  constructor({ delimiter, buffers }: RunOptions, visitor: RunVisitor) {
    this.#visitor = visitor;
    this.#buffers = buffers;
    this.#scanner = new Scanner(delimiter, 0, (start, end) => this.#visit(start, end), {
      onRun: (run) => this.#visitRun(run),
    });
  }

  get oddities(): Oddities {
    const { strayQuote, loneCr, endsInCr } = this.#scanner;
    return { strayQuote: strayQuote !== undefined, loneCr, endsInCr };
  }

  /**
   * Reports records while it is iterated, once. The number of records so far follows each piece of the file; then the
   * caller may wait.
   * @throws NightloadError `CSV_UNCLOSED_QUOTE`, `CSV_ROW_TOO_LARGE`
   */
  async *pieces(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<number> {
    const slice = new TimeSlice();
    for await (const chunk of chunks) {
      // The chunk came from a disk or a network, so other work ran meanwhile.
      slice.begin();
      for (const bytes of this.#inBuffers(asBuffer(chunk))) {
        this.#begin(bytes);
        for (let at = 0; at < bytes.length; at += PIECE) {
          this.#scanner.push(bytes.subarray(at, at + PIECE));
          this.#checkSize(this.#position + Math.min(at + PIECE, bytes.length));
          yield this.#scanner.records;
          if (slice.isOver) await slice.next();
        }
        this.#end();
      }
    }
    const open = this.#scanner.finish();
    if (open !== undefined) throw unclosedQuoteError(`Data row ${open}`);
    yield this.#scanner.records;
  }

  /** Checked before the record ends: until then its bytes are kept. */
  #checkSize(end: number): void {
    const { recordStart, records } = this.#scanner;
    if (end - recordStart > MAX_ROW_BYTES) throw rowTooLarge(`Row ${records + 1}`);
  }

  *#inBuffers(chunk: Buffer): Generator<Buffer> {
    const buffer = this.#buffers?.[0];
    if (buffer === undefined || chunk.buffer === buffer.buffer) {
      yield chunk;
      return;
    }
    for (let at = 0; at < chunk.length; at += buffer.length) {
      yield buffer.subarray(0, chunk.copy(buffer, 0, at));
    }
  }

  #begin(chunk: Buffer): void {
    this.#chunk = chunk;
    if (this.#memory.buffer !== chunk.buffer) this.#memory = Buffer.from(chunk.buffer);
  }

  #end(): void {
    const { recordStart } = this.#scanner;
    if (recordStart >= this.#position) this.#open = [];
    // The memory is used again for the next chunk.
    this.#open.push(Buffer.from(this.#chunk.subarray(Math.max(0, recordStart - this.#position))));
    this.#position += this.#chunk.length;
    this.#chunk = Buffer.alloc(0);
  }

  #visit(start: number, end: number): void {
    this.#visitor.onRecord(this.#record(start, end));
  }

  #record(start: number, end: number): Buffer {
    const position = this.#position;
    if (start >= position) return this.#chunk.subarray(start - position, end - position);
    // It began in an earlier chunk.
    return Buffer.concat([...this.#open, this.#chunk.subarray(0, end - position)]);
  }

  #visitRun({ start, ends, count, base }: LineRun): true {
    let first = 0;
    let address = start - base;
    if (start < this.#position) {
      address = ends[0] as number;
      this.#visit(start, address + base);
      first = 1;
    }
    if (count > first) {
      this.#visitor.onRun({ bytes: this.#memory, start: address, ends, first, count: count - first });
    }
    return true;
  }
}
