/** What the notify steps need from the worker's configuration of targets and rules. */
import type { NotifyMessage } from '../../contract/notification.js';
import type { NotifyAbout, NotifyFacts, PingHeartbeatInput } from '../../protocol/activities/notify-types.js';

interface Recipient {
  /** Name in the notify file. */
  target: string;
  /** It recognizes a repetition by the message's id. */
  hasKey: boolean;
}

interface SendOptions {
  signal: AbortSignal;
  /** Awaited just before the message can no longer be taken back. */
  aboutToSend: () => Promise<void>;
}

export interface Notifier {
  /** After how long waits of such a load are worth a message, in milliseconds; undefined if no rule names it. */
  waits(about: NotifyAbout): number[] | undefined;
  /**
   * How long after its time a run of a schedule may start, in milliseconds; absent if no rule takes `notStarted`.
   */
  graceMs?: number;
  recipients(facts: NotifyFacts): Recipient[];
  heartbeats(): { names: string[]; accepts: (heartbeat: string) => boolean };
  /** @throws NightloadError `retryable` if the service may take it later */
  ping(heartbeat: string, kind: PingHeartbeatInput['kind'], signal: AbortSignal): Promise<void>;
  /** @throws NightloadError `retryable` if the target may take it later */
  send(target: string, message: NotifyMessage, options: SendOptions): Promise<void>;
}
