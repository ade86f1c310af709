/** What all senders share. */
import type { NotifyMessage } from '../contract/notification.js';
import type { Target } from './settings.js';

export interface SendOptions {
  signal?: AbortSignal;
  /**
   * Called once, just before the receiver can get the message: the connection is established by then. Nothing is sent
   * if it rejects, and its error is passed on unchanged.
   */
  aboutToSend(): Promise<void>;
  /** Milliseconds that the receiver has, not counting `aboutToSend`. @default 30 s; e-mail 60 s */
  timeout?: number;
  /** Marks the message as a test, for people. */
  isTest?: boolean;
}

export interface Sent {
  /** What the receiver refused although it took the message, for people. */
  warning?: string;
}

export type Sender<T extends Target> = (target: T, message: NotifyMessage, options: SendOptions) => Promise<Sent>;

/**
 * Whether the receiver can tell a repetition from a new message: by the id in the webhook's header, in what the program
 * reads. A mail server or a chat would show both.
 */
export function recognizesRepeats({ type }: Target): boolean {
  return type === 'webhook' || type === 'exec';
}
