/** What a notify file says: where messages may go, and which messages go where. Secrets are read when they are used. */
import type { NotifyEvent } from '../contract/notification.js';
import type { Secret } from '../runtime/secret.js';

export interface WebhookTarget {
  type: 'webhook';
  url: Secret;
  /** Key of the signature. */
  secret: Secret;
}

/** Incoming webhooks: anyone who knows the URL may post. */
export interface ChatTarget {
  type: 'slack' | 'teams';
  url: Secret;
}

export interface EmailTarget {
  type: 'email';
  /** `smtp://user:password@mail.acme.example:587`, or `smtps://`. */
  smtp: Secret;
  from: string;
  to: readonly string[];
}

export interface ExecTarget {
  type: 'exec';
  /** The program, then its arguments. */
  command: readonly Secret[];
}

export type Target = WebhookTarget | ChatTarget | EmailTarget | ExecTarget;

/** A message goes to the targets of every rule that matches it. An absent filter takes all. */
export interface NotifyRule {
  when: readonly NotifyEvent[];
  /** Names of targets. */
  to: readonly string[];
  /** API names; letter case is ignored, as the platform does. */
  objects?: readonly string[];
  connections?: readonly string[];
  schedules?: readonly string[];
  /** Patterns of load ids: `*` for any text, `?` for one character. */
  ids?: readonly string[];
  /** For `rejected` only: rows that were rejected or not processed. */
  rejectedAtLeast?: number;
  /** For `waiting` only: milliseconds. @default 10 minutes */
  waitingLonger?: number;
}

/** An address that loads may ping. */
export interface Heartbeat {
  url: Secret;
  /** As the file has it: `env:NAME` or `file:PATH`; absent if the address itself stands there. */
  reference?: string;
}

export interface NotifySettings {
  targets: ReadonlyMap<string, Target>;
  rules: readonly NotifyRule[];
  /** By name. */
  heartbeats: ReadonlyMap<string, Heartbeat>;
  /** The file, and files that its references name: no load may use them. */
  secretFiles: readonly string[];
  /** Settings that work but should be improved. */
  warnings: readonly string[];
}
