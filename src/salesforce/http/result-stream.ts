/**
 * A result file in transfer: the bytes of a reply, with connection errors as SalesforceErrors, and a time limit for a
 * connection that hardly moves.
 */
import { Readable } from 'node:stream';
import type { Deadline } from './deadline.js';

/**
 * Minimum bytes within the reply timeout: less (200 a second) is not a slow line, but a server that keeps a worker
 * busy.
 */
const MIN_MOVED = 65_536;

export interface ResultStreamOptions {
  body: Readable;
  deadline: Deadline;
  /** Milliseconds in which {@link MIN_MOVED} must arrive. */
  progressTimeout: number;
  /** Converts a connection error into the one that the reader gets. */
  explain: (error: unknown) => unknown;
}

class ResultStream extends Readable {
  readonly #options: ResultStreamOptions;
  #moved = 0;
  /** The reader is slow, not the connection: this time does not count. */
  #isFull = false;

  constructor(options: ResultStreamOptions) {
    super();
    this.#options = options;
    const { body, deadline, explain } = options;
    this.#restartDeadline();
    body.on('data', (chunk: Buffer) => {
      this.#moved += chunk.length;
      if (this.#moved >= MIN_MOVED) this.#restartDeadline();
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
    if (this.#isFull) this.#restartDeadline();
    this.#isFull = false;
    this.#options.body.resume();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#options.body.destroy();
    this.#options.deadline.end();
    callback(error);
  }

  #restartDeadline(): void {
    this.#moved = 0;
    this.#options.deadline.restart(this.#options.progressTimeout);
  }
}

export function resultStream(options: ResultStreamOptions): Readable {
  return new ResultStream(options);
}
