/**
 * A file that is written while others are read with a synchronous visitor: between two chunks that are read, it waits
 * until the disk has taken what was written. It appears complete or not at all.
 */
import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { saveStream } from '../storage/files.js';

const PIECE = 256 * 1024;

export class PacedFile {
  readonly #stream = new PassThrough({ highWaterMark: PIECE });
  readonly #signal: AbortSignal;
  #pending = '';

  private constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  /** @param write all of the file; when it throws, nothing is left behind */
  static async save(path: string, signal: AbortSignal, write: (file: PacedFile) => Promise<void>): Promise<void> {
    const file = new PacedFile(signal);
    const stream = file.#stream;
    const writing = write(file).then(
      () => stream.end(file.#pending),
      (error: unknown) => void stream.destroy(error as Error),
    );
    // A write that throws ends the stream with its error, which then is that of the saving.
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
    // One that failed would never drain.
    if (this.#stream.destroyed) throw this.#stream.errored ?? new Error('the file is closed');
    if (this.#stream.writableNeedDrain) await once(this.#stream, 'drain', { signal: this.#signal });
  }

  /** Hands chunks on as fast as the file is written. */
  async *pace<T>(chunks: AsyncIterable<T>): AsyncGenerator<T> {
    for await (const chunk of chunks) {
      yield chunk;
      if (this.isFull) await this.room();
    }
  }
}
