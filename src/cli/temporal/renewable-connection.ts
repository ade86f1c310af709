/** A command's connection to Temporal that can be replaced while its client is in use. */
import type { Connection, ConnectionLike, Metadata } from '@temporalio/client';

export class RenewableConnection implements ConnectionLike {
  #current: Connection;

  constructor(first: Connection) {
    this.#current = first;
  }

  /** @returns the old connection, on which calls may still run */
  replace(next: Connection): Connection {
    const old = this.#current;
    this.#current = next;
    return old;
  }

  get workflowService(): Connection['workflowService'] {
    return this.#current.workflowService;
  }

  get operatorService(): Connection['operatorService'] {
    return this.#current.operatorService;
  }

  /** Its address, for messages. */
  get options(): Connection['options'] {
    return this.#current.options;
  }

  get plugins(): Connection['plugins'] {
    return this.#current.plugins;
  }

  close(): Promise<void> {
    return this.#current.close();
  }

  ensureConnected(): Promise<void> {
    return this.#current.ensureConnected();
  }

  withDeadline<R>(deadline: number | Date, work: () => Promise<R>): Promise<R> {
    return this.#current.withDeadline(deadline, work);
  }

  withMetadata<R>(metadata: Metadata, work: () => Promise<R>): Promise<R> {
    return this.#current.withMetadata(metadata, work);
  }

  withAbortSignal<R>(signal: AbortSignal, work: () => Promise<R>): Promise<R> {
    return this.#current.withAbortSignal(signal, work);
  }
}
