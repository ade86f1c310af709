/** Inputs and results of the activities in `activities/notify`: who gets a message, and its delivery. */
import type { DeliveryNote, NotifyMessage } from '../../contract/notification.js';

/** A message before the worker's configuration is known. */
export interface NotifyFacts extends Omit<NotifyMessage, 'uiUrl'> {
  /** Of `waiting`: how long the load had waited; one of the thresholds that the worker named. */
  waitedMs?: number;
}

/** What rules can tell apart before anything happens. */
export type NotifyAbout = Pick<NotifyFacts, 'loadId' | 'connection' | 'object' | 'schedule'>;

/** A step that fails again and again. */
export interface FailingStep {
  /** Name of the activity. */
  step: string;
  /** Of its last failure. */
  code: string;
  attempt: number;
}

/** One message to one target. */
export interface Delivery {
  /** Name in the worker's notify file. */
  target: string;
  message: NotifyMessage;
  /** The target recognizes a repetition by the message's id. */
  hasKey: boolean;
}

export interface SendNotificationInput {
  target: string;
  message: NotifyMessage;
}

/** Where the report of a load is, and which workers see it. */
export interface ReportPlace {
  /** Task queue of the workers that share the folder. */
  filesQueue: string;
  outputUri: string;
  workUri: string;
}

export interface NoteDeliveriesInput extends Omit<ReportPlace, 'filesQueue'> {
  /** Of the messages of one event. */
  notes: DeliveryNote[];
}

/** Details of the failure of an attempt. */
export interface NotDelivered {
  /** The target may have the message although its answer was lost. */
  maybeSent: boolean;
  /** The pause that the target asked for. */
  retryAfterMs?: number;
}

/** Of a load: a name in the worker's notify file, or a reference that stands there. */
export interface PingHeartbeatInput {
  heartbeat: string;
  kind: 'start' | 'success' | 'fail';
}

export interface HeartbeatPinged {
  /** Why nothing was pinged, for the load's result. */
  warning?: string;
}

export interface HeartbeatResult {
  sent: boolean;
  /** Why the service did not take it. */
  code?: string;
}

/** Why a target did not take a message, or may not have. */
export interface DeliveryFailure {
  target: string;
  code: string;
  message: string;
}

export interface NotifyResult {
  /** Targets that took a message. */
  sent: string[];
  /** A worker was killed while it sent: the message may have arrived, and is not repeated. */
  unconfirmed: string[];
  failed: DeliveryFailure[];
}
