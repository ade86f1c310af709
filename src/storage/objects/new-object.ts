/** An object that is being written: it appears when it is complete, or not at all. */
import { PassThrough } from 'node:stream';
import { storeOf } from './open-store.js';

/** Bytes that may wait for the store. */
const WAITING = 1024 * 1024;

export class NewObject {
  readonly #stream = new PassThrough({ highWaterMark: WAITING });
  readonly #stored: Promise<void>;

  private constructor(stored: (stream: PassThrough) => Promise<void>) {
    // When the store fails, writers must not wait for room.
    this.#stored = stored(this.#stream).catch((error: unknown) => {
      this.#stream.destroy(error as Error);
      throw error;
    });
    this.#stored.catch(() => undefined);
    this.#stream.on('error', () => undefined);
  }

  static async create(location: string): Promise<NewObject> {
    const store = await storeOf(location);
    return new NewObject((stream) => store.write(location, stream));
  }

  async write(bytes: Uint8Array | string): Promise<void> {
    await new Promise<void>((done, failed) => {
      this.#stream.write(bytes, (error) => (error ? failed(error) : done()));
    });
  }

  async writeAll(pieces: readonly Uint8Array[]): Promise<void> {
    await this.write(Buffer.concat(pieces));
  }

  async publish(): Promise<void> {
    this.#stream.end();
    await this.#stored;
  }

  /** Does nothing if it was published before. */
  async discard(): Promise<void> {
    this.#stream.destroy(new Error('discarded'));
    await this.#stored.catch(() => undefined);
  }
}
