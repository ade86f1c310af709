/** A message about a load or a schedule, as a webhook receives it. */
import type { WhenLate } from './names.js';
import type { LoadError, LoadState, RecordCounts } from './load-result.js';

/** What a message may be about; rules name them in `when`. */
export const NOTIFY_EVENTS = [
  /** Every row landed. */
  'finished',
  /** The load ended, and rows were rejected or not processed. */
  'rejected',
  'failed',
  'canceled',
  /** The load cannot continue by itself, or not yet. */
  'waiting',
  /** The forecast crossed `finishBy`. */
  'late',
  /** A run of a schedule was due and did not begin. */
  'notStarted',
  /** The next good end after `failed`, `late` or `notStarted` of the same schedule or id pattern. */
  'recovered',
] as const;

export type NotifyEvent = (typeof NOTIFY_EVENTS)[number];

/** What a whole load may wait for. */
export const WAIT_KINDS = [
  /** A worker that can take its next step. */
  'worker',
  /** A person who paused it. */
  'resume',
  /** A step that fails and is retried. */
  'outage',
  'source',
  'corrections',
  'retry',
  /** An answer of a person about a job. */
  'question',
  /** All of its running parts, for instance for the org's allocation. */
  'parts',
] as const;

export type WaitKind = (typeof WAIT_KINDS)[number];

export interface NotifyMessage {
  /** The same at every repetition: the key to recognize one. */
  id: string;
  event: NotifyEvent;
  /** When it happened, in ISO 8601. */
  at: string;
  /** Of a run of a schedule that did not begin: when it was due, in ISO 8601. The other ids are then the ones it would have had. */
  dueAt?: string;
  loadId: string;
  workflowId: string;
  runId: string;
  /** Id of the schedule that started the load. */
  schedule?: string;
  connection: string;
  object: string;
  operation: string;
  /** IANA time zone of the load or the schedule, for times in texts; default UTC. */
  timeZone?: string;
  state?: LoadState;
  records?: RecordCounts;
  error?: Pick<LoadError, 'code' | 'message'>;
  /** What the load waits for. */
  waitingFor?: string;
  /** The kind of wait, for what a text advises. */
  waitKind?: WaitKind;
  /** When the load should end, in ISO 8601, and what it does about it: of `late`, also while nothing can be forecast. */
  finishBy?: string;
  whenLate?: WhenLate;
  forecast?: {
    /** In ISO 8601. */
    endsAt: string;
    /** It ends between these with a probability of 80 %. */
    earliest?: string;
    latest?: string;
    finishBy: string;
    /** What the load itself does about it. */
    whenLate?: WhenLate;
  };
  /** Of a load that has ended after it: the moment by which it should have, in ISO 8601. */
  missed?: string;
  /** URI of the load's `report.html`, otherwise of its `report.json`. */
  report?: string;
  /** The load in the Temporal UI; set if the worker knows `NIGHTLOAD_UI_URL`. */
  uiUrl?: string;
}

/** What became of a message that its target did not take at once: an entry of `messages.json`. */
export interface DeliveryNote {
  event: NotifyEvent;
  /** Name in the worker's notify file. */
  target: string;
  /** When it was first sent, in ISO 8601. */
  since: string;
  /**
   * `retrying`: not delivered yet. `givenUp`: the target refused it, or did not take it in time. `unconfirmed`: it may
   * have arrived. `deliveredLate`: taken after all.
   */
  state: 'retrying' | 'givenUp' | 'unconfirmed' | 'deliveredLate';
  /** Since when it is in this state, in ISO 8601. */
  at: string;
  /** Of `retrying`: when it is given up, in ISO 8601. */
  until?: string;
  /** Of the last attempt that failed. */
  code: string;
}
