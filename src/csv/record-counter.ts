/** Counts records in a stream of bytes, and reports whether the last one is complete. */
import { asBuffer, Scanner } from './scanner.js';

export class RecordCounter {
  readonly #scanner: Scanner;
  #bytes = 0;

  constructor(delimiter: string) {
    this.#scanner = new Scanner(delimiter, 0, () => undefined, { onRun: () => true });
  }

  push(piece: Uint8Array): void {
    this.#scanner.push(asBuffer(piece));
    this.#bytes += piece.byteLength;
  }

  /** Bytes so far of the incomplete record. */
  get openBytes(): number {
    return this.#bytes - this.#scanner.recordStart;
  }

  /** `whole` is false if the last record has an unclosed quote, which means that the file was truncated. */
  finish(): { records: number; whole: boolean } {
    const open = this.#scanner.finish();
    return { records: this.#scanner.records, whole: open === undefined };
  }
}
