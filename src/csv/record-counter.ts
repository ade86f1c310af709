/** Counts records while their bytes pass by, and tells whether the last one is whole. */
import { asBuffer, Scanner } from './scanner.js';

export class RecordCounter {
  readonly #scanner: Scanner;
  #bytes = 0;

  constructor(delimiter: string) {
    this.#scanner = new Scanner(delimiter, 0, () => undefined);
  }

  push(piece: Uint8Array): void {
    this.#scanner.push(asBuffer(piece));
    this.#bytes += piece.byteLength;
  }

  /** Bytes so far of the record that has no end yet. */
  get openBytes(): number {
    return this.#bytes - this.#scanner.recordStart;
  }

  /** `whole` is false when the last record opens a quote that is not closed: the file was cut off. */
  finish(): { records: number; whole: boolean } {
    const open = this.#scanner.finish();
    return { records: this.#scanner.records, whole: open === undefined };
  }
}
