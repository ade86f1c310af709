/**
 * What every activity reports besides its value: requests, memory for the next attempt, heartbeats, failure details.
 * Like everything between workflows and activities it enters a history, so sizes are bounded: names, counts and URIs,
 * never rows.
 */
import type { ResultKind } from '../../domain/platform/result-kind.js';

/** HTTP requests to the instance; `info` counts those that read a job's info. */
export interface RequestCounts {
  total: number;
  info: number;
}

/** A request to create a job whose answer was lost: a job may have been created between these times. */
export interface LostCreate {
  /** Milliseconds since 1970. */
  from: number;
  to: number;
  /** How many there were. @default 1 */
  creates?: number;
}

/** What an attempt passes on to the next one. */
export interface AttemptMemory {
  /** For the step that creates a job. */
  lostCreates?: LostCreate[];
  /** When a request to create a job was sent that is not answered yet. */
  askedAt?: number;
  /** Rows of the result files already on disk. */
  fetched?: Partial<Record<ResultKind, number>>;
}

/** First detail of every activity failure. */
export interface FailureDetails {
  requests: RequestCounts;
  /** The request may have been applied: the answer was lost, not the request. */
  maybeApplied?: boolean;
  /** The platform's refusal is final once it has been repeated for this long, in milliseconds. */
  believedAfterMs?: number;
  memory?: AttemptMemory;
}

/** A final refusal, and since when each attempt received it: milliseconds since 1970, by the server's clock. */
export interface RepeatedRefusal {
  code: string;
  since: number;
}

/** Every activity that calls Salesforce returns its value with the requests it took, failed attempts included. */
export interface Counted<T> {
  value: T;
  requests: RequestCounts;
  /** What the org's replies announced, in our own text; at most one sentence. */
  warnings?: string[];
  /** It started long after it was scheduled: because of an outage, or a restore. */
  late?: boolean;
}

/** Heartbeat details. */
export interface HeartbeatDetails {
  requests: RequestCounts;
  bytes: number;
  bytesTotal?: number;
  memory?: AttemptMemory;
  refusal?: RepeatedRefusal;
}
