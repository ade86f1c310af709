/**
 * The body of an upload: opened when it is really sent, and exactly as long as announced. If the source has become
 * shorter or longer meanwhile, the request is aborted before the platform has a complete body.
 */
import type { Readable } from 'node:stream';
import { NightloadError } from '../../errors.js';

export type OpenBody = () => Readable | AsyncIterable<Uint8Array>;

export class UploadBody implements AsyncIterable<Uint8Array> {
  readonly length: number;
  readonly #open: OpenBody;
  #source: Readable | AsyncIterable<Uint8Array> | undefined;
  #handedOver = false;
  #failure: { error: unknown } | undefined;
  #onPiece: () => void = () => undefined;

  constructor(open: OpenBody, length: number) {
    this.#open = open;
    this.length = length;
  }

  /** Called whenever the connection accepts a chunk, and when it has accepted all. */
  onPiece(listener: () => void): void {
    this.#onPiece = listener;
  }

  /** Whether the last byte was passed to the connection. */
  get handedOver(): boolean {
    return this.#handedOver;
  }

  /** Why the source could not be read completely. */
  get failure(): { error: unknown } | undefined {
    return this.#failure;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      this.#source = this.#open();
      let total = 0;
      // One chunk is held back until the next one or the end is seen, so that the announced length is reached only if
      // nothing follows.
      let held: Uint8Array | undefined;
      for await (const chunk of this.#source as AsyncIterable<Uint8Array>) {
        total += chunk.byteLength;
        if (total > this.length) throw this.#changed('more');
        if (held !== undefined) yield held;
        this.#onPiece();
        held = chunk;
      }
      if (total !== this.length) throw this.#changed(`only ${total}`);
      this.#handedOver = true;
      if (held !== undefined) yield held;
      this.#onPiece();
    } catch (error) {
      this.#failure = { error };
      throw error;
    }
  }

  /** Releases the source, also in the middle of reading. */
  release(): void {
    const source = this.#source;
    if (source !== undefined && 'destroy' in source && typeof source.destroy === 'function') source.destroy();
  }

  #changed(found: string): NightloadError {
    return new NightloadError(
      'SOURCE_CHANGED',
      `The source changed during the load: the upload announced ${this.length} bytes, but it now has ${found}. ` +
        'Start the load again with a file that no longer changes.',
    );
  }
}
