/** Reports from a child to the workflow that started it. */
import type { SignalDefinition } from '@temporalio/common';
import { getExternalWorkflowHandle, isCancellation, workflowInfo } from '@temporalio/workflow';

/**
 * Sends each report after the one before it has arrived: Temporal may deliver signals that were sent together in any
 * order, and the parent would show what is no longer true.
 */
export class ReportsToParent<T> {
  readonly #signal: SignalDefinition<[T]>;
  #last: Promise<void> = Promise.resolve();

  constructor(signal: SignalDefinition<[T]>) {
    this.#signal = signal;
  }

  async send(message: T): Promise<void> {
    const before = this.#last.catch(() => undefined);
    this.#last = before.then(() => signalParent(this.#signal, message));
    await this.#last;
  }
}

/** A parent that is gone stops nothing. */
async function signalParent<T>(signal: SignalDefinition<[T]>, message: T): Promise<void> {
  const { parent } = workflowInfo();
  if (parent === undefined) return;
  try {
    await getExternalWorkflowHandle(parent.workflowId).signal(signal, message);
  } catch (error) {
    if (isCancellation(error)) throw error;
  }
}
