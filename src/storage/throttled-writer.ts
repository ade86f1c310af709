/**
 * A file that is written while others are read with a synchronous visitor: between two input chunks, it waits until the
 * disk has taken the output. It appears complete or not at all.
 */
import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { saveStream } from './write-files.js';

const PIECE = 256 * 1024;

export class PacedFile {
  readonly #stream = new PassThrough({ highWaterMark: PIECE });
  readonly #signal: AbortSignal;
  #pending = '';

  private constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  /** @param write writes the whole file; if it throws, nothing is left behind */
  static async save(path: string, signal: AbortSignal, write: (file: PacedFile) => Promise<void>): Promise<void> {
    const file = new PacedFile(signal);
    const stream = file.#stream;
    const writing = write(file).then(
      () => stream.end(file.#pending),
      (error: unknown) => void stream.destroy(error as Error),
    );
    // An error in `write` ends the stream, so saving fails with the same error.
    const [saved] = await Promise.allSettled([saveStream(stream, path, signal, { shared: true }), writing]);
    if (saved.status === 'rejected') throw saved.reason;
  }

  add(text: string): void {
    this.#pending += text;
    if (this.#pending.length < PIECE) return;
    this.#stream.write(this.#pending);
    this.#pending = '';
  }

  get isFull(): boolean {
    return this.#stream.writableNeedDrain || this.#stream.destroyed;
  }

  async room(): Promise<void> {
    // A failed stream would never drain.
    if (this.#stream.destroyed) throw this.#stream.errored ?? new Error('the file is closed');
    if (this.#stream.writableNeedDrain) await once(this.#stream, 'drain', { signal: this.#signal });
  }

  /** Passes chunks on as fast as the file is written. */
  async *pace<T>(chunks: AsyncIterable<T>): AsyncGenerator<T> {
    for await (const chunk of chunks) {
      yield chunk;
      if (this.isFull) await this.room();
    }
  }
}
