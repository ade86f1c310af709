/** Answers of a ledger for many requests with one query at a time: a workflow keeps but one query waiting. */
import type { Client } from '@temporalio/client';
import { standingsQuery } from '../workflows/allocation/messages.js';
import type { Answer } from '../workflows/allocation/messages.js';

interface Batch {
  ids: string[];
  answers: Promise<Answer[]>;
}

/** One for each worker. */
export class Answers {
  /** The query that runs, by ledger. */
  readonly #running = new Map<string, Promise<unknown>>();
  /** The one after it, which whoever comes now joins. */
  readonly #next = new Map<string, Batch>();

  /** How a request stands that was sent before. */
  async of(client: Client, ledger: string, id: string): Promise<Answer> {
    const batch = this.#next.get(ledger) ?? this.#open(client, ledger);
    const place = batch.ids.push(id) - 1;
    return (await batch.answers)[place] ?? { standing: 'unknown' };
  }

  #open(client: Client, ledger: string): Batch {
    const ids: string[] = [];
    const before = this.#running.get(ledger) ?? Promise.resolve();
    const answers = before.then(() => {
      this.#next.delete(ledger);
      return client.workflow.getHandle(ledger).query(standingsQuery, ids);
    });
    const batch = { ids, answers };
    this.#next.set(ledger, batch);
    const over = answers
      .catch(() => undefined)
      .then(() => {
        if (this.#running.get(ledger) === over) this.#running.delete(ledger);
      });
    this.#running.set(ledger, over);
    return batch;
  }
}
