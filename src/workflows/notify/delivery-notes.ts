/** Notes of messages that were not delivered at once, for the report of their load. Without any, there is no step. */
import { log } from '@temporalio/workflow';
import type { DeliveryNote } from '../../contract/notification.js';
import { innermostFailure } from '../../domain/failures.js';
import type { ReportPlace } from '../../protocol/activities/notify-types.js';
import { noteActivities } from '../support/activity-options.js';

export class DeliveryNotes {
  readonly #place: ReportPlace | undefined;
  readonly #notes = new Map<string, DeliveryNote>();
  #isNew = false;
  #writing: Promise<void> | undefined;

  /** @param place undefined: the load has no report */
  constructor(place: ReportPlace | undefined) {
    this.#place = place;
  }

  /** Nothing waits for it. */
  enter(note: DeliveryNote): void {
    if (this.#place === undefined) return;
    this.#notes.set(`${note.event} ${note.target}`, note);
    this.#isNew = true;
    this.#writing ??= this.#write(this.#place).finally(() => (this.#writing = undefined));
  }

  /** Resolves when all are written, or cannot be. */
  async written(): Promise<void> {
    await this.#writing;
  }

  async #write({ filesQueue, outputUri, workUri }: ReportPlace): Promise<void> {
    while (this.#isNew) {
      this.#isNew = false;
      const notes = [...this.#notes.values()];
      try {
        await noteActivities(filesQueue).noteDeliveries.executeWithOptions(
          { summary: 'messages in the report: not delivered at once' },
          [{ outputUri, workUri, notes }],
        );
      } catch (error) {
        const { name = 'UNEXPECTED' } = innermostFailure(error) as Error;
        log.warn('The report does not show what became of its messages', { code: name });
      }
    }
  }
}
