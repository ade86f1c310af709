/** What the notify steps need from the worker's configuration of targets and rules. */
import type { NotifyMessage } from '../../contract/notification.js';
import type { NotifyAbout, NotifyFacts } from '../../protocol/activities/notify-types.js';

export interface Recipient {
  /** Name in the notify file. */
  target: string;
  /** It recognizes a repetition by the message's id. */
  hasKey: boolean;
}

export interface SendOptions {
  signal: AbortSignal;
  /** Awaited just before the message can no longer be taken back. */
  aboutToSend: () => Promise<void>;
}

export interface Notifier {
  /** After how long waits of such a load are worth a message, in milliseconds; undefined if no rule names it. */
  waits(about: NotifyAbout): number[] | undefined;
  recipients(facts: NotifyFacts): Recipient[];
  /** Address of the Temporal UI, with a `/` at its end. */
  uiUrl?: string;
  /** @throws NightloadError `retryable` if the target may take it later */
  send(target: string, message: NotifyMessage, options: SendOptions): Promise<void>;
}
