/**
 * The body of an upload: opened when it is really sent, and exactly as long as announced. A source that has become
 * shorter or longer meanwhile breaks the request off before the platform has a whole body.
 */
import type { Readable } from 'node:stream';
import { NightloadError } from '../errors.js';

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

  /** Called whenever the connection takes a piece, and when it has taken all. */
  onPiece(listener: () => void): void {
    this.#onPiece = listener;
  }

  /** The last byte was given to the connection. */
  get handedOver(): boolean {
    return this.#handedOver;
  }

  /** Why the source could not be read to its end. */
  get failure(): { error: unknown } | undefined {
    return this.#failure;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      this.#source = this.#open();
      let total = 0;
      // One chunk stays in hand until the next one or the end is seen, so that the announced length is completed only
      // when nothing follows it.
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

  /** Lets go of the source, also when it is in the middle of reading. */
  release(): void {
    const source = this.#source;
    if (source !== undefined && 'destroy' in source && typeof source.destroy === 'function') source.destroy();
  }

  #changed(found: string): NightloadError {
    return new NightloadError(
      'SOURCE_CHANGED',
      `An upload of ${this.length} bytes was announced, but the source now has ${found}. ` +
        'It was changed while it was being loaded: start the load again with a file that stays as it is.',
    );
  }
}
