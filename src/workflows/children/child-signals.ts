/**
 * Passes signals on to children, to each one after the other: Temporal may deliver two signals that were sent together
 * in any order, and a pause after its resume would last forever.
 */
import type { SignalDefinition } from '@temporalio/common';
import { CancellationScope, getExternalWorkflowHandle, workflowInfo } from '@temporalio/workflow';

export class ChildSignals {
  /** By name of the child; only while it is on its way. */
  readonly #last = new Map<string, Promise<void>>();

  /** Like `send`, for a caller that does not wait. */
  sendSoon(name: string, signal: SignalDefinition): void {
    this.send(name, signal).catch(() => undefined);
  }

  /**
   * Never throws: a child that has just ended no longer needs it, and a handler that throws after a cancellation would
   * end the workflow immediately, without its clean-up.
   *
   * @param name of the child, after its parent's id
   */
  async send(name: string, signal: SignalDefinition): Promise<void> {
    const before = this.#last.get(name);
    const sent = before === undefined ? signalChild(name, signal) : before.then(() => signalChild(name, signal));
    this.#last.set(name, sent);
    await sent;
    if (this.#last.get(name) === sent) this.#last.delete(name);
  }
}

async function signalChild(name: string, signal: SignalDefinition): Promise<void> {
  await CancellationScope.nonCancellable(() =>
    getExternalWorkflowHandle(`${workflowInfo().workflowId}/${name}`).signal(signal),
  ).catch(() => undefined);
}
