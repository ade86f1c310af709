/**
 * A result file on its way: the bytes of a reply, with a broken connection told as a SalesforceError, and no more time for
 * a connection that hardly moves.
 */
import { Readable } from 'node:stream';
import type { Deadline } from './deadline.js';

/** Bytes in the time that a reply may take: less (200 a second) is no slow line, but somebody who keeps a worker busy. */
const LEAST_MOVED = 65_536;

export interface ResultStreamOptions {
  body: Readable;
  deadline: Deadline;
  /** Milliseconds in which {@link LEAST_MOVED} must come. */
  patience: number;
  /** Turns an error of the connection into the one that the reader gets. */
  explain: (error: unknown) => unknown;
}

class ResultStream extends Readable {
  readonly #options: ResultStreamOptions;
  #moved = 0;
  /** The reader is waited for, not the connection: that time does not count. */
  #isFull = false;

  constructor(options: ResultStreamOptions) {
    super();
    this.#options = options;
    const { body, deadline, explain } = options;
    this.#countAnew();
    body.on('data', (chunk: Buffer) => {
      this.#moved += chunk.length;
      if (this.#moved >= LEAST_MOVED) this.#countAnew();
      if (this.push(chunk)) return;
      body.pause();
      deadline.pause();
      this.#isFull = true;
    });
    body.on('end', () => this.push(null));
    body.on('error', (error: unknown) => this.destroy(explain(deadline.reason ?? error) as Error));
    body.pause();
  }

  override _read(): void {
    if (this.#isFull) this.#countAnew();
    this.#isFull = false;
    this.#options.body.resume();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#options.body.destroy();
    this.#options.deadline.end();
    callback(error);
  }

  #countAnew(): void {
    this.#moved = 0;
    this.#options.deadline.restart(this.#options.patience);
  }
}

export function resultStream(options: ResultStreamOptions): Readable {
  return new ResultStream(options);
}
