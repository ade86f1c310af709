/** Answers many requests of one ledger with one query at a time, because a workflow keeps only one query waiting. */
import type { Client } from '@temporalio/client';
import { requestStatusQuery } from '../../protocol/messages/allocation-messages.js';
import type { Answer } from '../../protocol/messages/allocation-messages.js';
import { LEDGER_ANSWER } from '../../protocol/activities/result-shapes.js';

interface Batch {
  ids: string[];
  answers: Promise<Answer[]>;
}

/** One per worker. */
export class Answers {
  /** The running query, by ledger. */
  readonly #running = new Map<string, Promise<unknown>>();
  /** The next query, which new callers join. */
  readonly #next = new Map<string, Batch>();

  /** The status of a request that was sent before. */
  async of(client: Client, ledger: string, id: string): Promise<Answer> {
    const batch = this.#next.get(ledger) ?? this.#open(client, ledger);
    const place = batch.ids.push(id) - 1;
    return (await batch.answers)[place] ?? { status: 'unknown' };
  }

  #open(client: Client, ledger: string): Batch {
    const ids: string[] = [];
    const before = this.#running.get(ledger) ?? Promise.resolve();
    const answers = before.then(async () => {
      this.#next.delete(ledger);
      return readAnswers(
        await client.workflow.getHandle(ledger).query<unknown, [string[]]>(requestStatusQuery.name, ids),
      );
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

/** Another client may have started a workflow under the ledger's id: what is not an answer is none. */
function readAnswers(found: unknown): Answer[] {
  if (!Array.isArray(found)) return [];
  return found.map((one) => LEDGER_ANSWER.safeParse(one).data ?? { status: 'unknown' });
}
