/**
 * A result file on its way: the bytes of a reply, with a broken connection told as a SalesforceError.
 */
import { Readable } from 'node:stream';

class ResultStream extends Readable {
  readonly #body: Readable;

  constructor(body: Readable, explain: (error: unknown) => unknown) {
    super();
    this.#body = body;
    body.on('data', (chunk: Buffer) => {
      if (!this.push(chunk)) body.pause();
    });
    body.on('end', () => this.push(null));
    body.on('error', (error: unknown) => this.destroy(explain(error) as Error));
    body.pause();
  }

  override _read(): void {
    this.#body.resume();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#body.destroy();
    callback(error);
  }
}

/** `explain` turns an error of the connection into the one that the reader gets. */
export function resultStream(body: Readable, explain: (error: unknown) => unknown): Readable {
  return new ResultStream(body, explain);
}
