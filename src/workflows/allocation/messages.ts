/** What passes between `orgAllocation` and those who ask it: `ingestJob` workflows, their activities, and people. */
import { defineQuery, defineSignal } from '@temporalio/workflow';
import type { Allocation } from '../../salesforce/connections-allocation.js';
import type { Request } from './ledger.js';
import type { Amount } from './state.js';
import type { LedgerSummary } from './summary.js';

/** With what the ledger needs to know of the org: the newest request's settings hold until a worker has told its own. */
export interface AllocationRequest extends Request {
  connection: string;
  apiVersion: string;
  rules: Allocation;
}

/** Asks for a job, or repeats that: the same id is granted once. */
export const requestSignal = defineSignal<[AllocationRequest]>('request');
/** The job lives. */
export const renewSignal = defineSignal<[{ id: string; processed: number }]>('renew');
/** The job has ended and used so much. */
export const settleSignal = defineSignal<[Amount & { id: string }]>('settle');
/** Nothing was used. */
export const giveBackSignal = defineSignal<[{ id: string }]>('giveBack');
/** The org refused the job of a request because of a limit. */
export const learnSignal = defineSignal<[{ code: string; id: string }]>('learn');

export type Answer =
  | { standing: 'granted'; warning?: string }
  | { standing: 'waiting'; reason: string; at?: number }
  | { standing: 'ended' | 'unknown' };

/** How requests stand. Whoever asks reads the answer with it, so that a grant at once costs the holder no signal. */
export const standingsQuery = defineQuery<Answer[], [ids: string[]]>('standings');

/** To a holder that had to wait: it may go. */
export const grantedSignal = defineSignal<[{ id: string; warning?: string }]>('granted');

export interface OrgSummary extends LedgerSummary {
  org: string;
  /** Names of the connections that asked. */
  connections: string[];
  /** API requests of the org's last 24 hours, by its own account. */
  apiRequests?: { max: number; remaining: number; at: number };
}

/** The window as it is at a moment; the workflow itself only wakes when there is something to do. */
export const limitsQuery = defineQuery<OrgSummary, [now?: number]>('limits');

export const ALLOCATION_ID_PREFIX = 'nightload-allocation/';
