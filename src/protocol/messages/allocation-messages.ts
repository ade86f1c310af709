/** Messages between `orgAllocation` and those who ask it: `ingestJob` workflows, their activities, and people. */
import { query, signal } from './definitions.js';
import type { Allocation } from '../../domain/platform/allocation-settings.js';
import type { Amount, LedgerSummary, Request } from './allocation-types.js';

/**
 * With what the ledger needs to know about the org: the newest request's settings apply until a worker reports its own.
 */
export interface AllocationRequest extends Request {
  connection: string;
  apiVersion: string;
  rules: Allocation;
}

/** Input of a ledger; its workflow id names the org too. */
export interface AllocationStart {
  /** An id of an org, or its host. */
  org: string;
  rules: Allocation;
}

/** Requests a job, or repeats the request: the same id is granted once. */
export const requestSignal = signal<[AllocationRequest]>('request');
/** The job is alive. */
export const renewSignal = signal<[{ id: string; processed: number }]>('renew');
/** The job has ended and used this amount. */
export const settleSignal = signal<[Amount & { id: string }]>('settle');
/** Nothing was used. */
export const giveBackSignal = signal<[{ id: string }]>('giveBack');
/** The org refused a request's job because of a limit. */
export const learnSignal = signal<[{ code: string; id: string }]>('learn');

export type Answer =
  | { status: 'granted'; warning?: string }
  | { status: 'waiting'; reason: string; at?: number }
  | { status: 'ended' | 'unknown' };

/**
 * Status of requests. The requester's activity reads the answer here, so an immediate grant costs the holder no
 * signal.
 */
export const requestStatusQuery = query<Answer[], [ids: string[]]>('requestStatus');

/** Tells a holder that had to wait that it may start. */
export const grantedSignal = signal<[{ id: string; warning?: string }]>('granted');

export interface OrgSummary extends LedgerSummary {
  org: string;
  /** Names of the connections that asked. */
  connections: string[];
  /** API requests of the org's last 24 hours, according to the org. */
  apiRequests?: { max: number; remaining: number; at: number };
}

/** The window at a given moment; the workflow itself only wakes when there is something to do. */
export const limitsQuery = query<OrgSummary, [now?: number]>('limits');

export const ALLOCATION_ID_PREFIX = 'nightload-allocation/';
