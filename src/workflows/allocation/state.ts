/**
 * What an org's ledger remembers, as plain JSON that survives continue-as-new: what was used in the rolling window, who
 * runs a job, who waits for one. All times are workflow time in milliseconds.
 */
import type { Allocation } from '../../salesforce/connections-allocation.js';

export interface Amount {
  records: number;
  batches: number;
}

/** What was used within a stretch of time. It counts until all of it has left the window. */
export interface Bucket extends Amount {
  /** End of the stretch: later than any use in it. */
  end: number;
  /** No use in it can have been counted by the platform before this. 0 when that is not known. */
  since: number;
}

interface Asked extends Amount {
  /** Names one job that is asked for, for ever: the next job of the same part needs another. */
  id: string;
  /** Workflow that asks and gets the answer. */
  holder: string;
  /** For people: `upsert Account, part 3`. */
  words: string;
  /** 1 (first) to 5. */
  priority: number;
  /** How long it may be silent before it counts as gone. */
  patienceMs: number;
  /** When it was last heard of. */
  renewedAt: number;
  /** When a worker last saw that its holder is there. */
  checkedAt?: number;
}

export interface Waiting extends Asked {
  since: number;
}

export interface Lease extends Asked {
  grantedAt: number;
  /** Records that the platform said it has processed. */
  processed: number;
  /** It goes although it does not fit into the allocation. */
  warning?: string;
}

/** A lease whose holder went silent: nobody knows what its job has used. */
export interface Doubt extends Lease {
  /** As of a bucket. */
  end: number;
}

export interface Ended {
  id: string;
  at: number;
  how: 'settled' | 'returned';
}

export interface Ledger {
  rules: Allocation;
  /** In the order of their ends. */
  buckets: Bucket[];
  leases: Lease[];
  /** In the order in which they get their turn. */
  waiting: Waiting[];
  doubts: Doubt[];
  /** Newest last; so that repeats that come late change nothing. */
  ended: Ended[];
  /** Batches that other clients of the org use, by its own account. */
  others?: { batches: number; max: number; at: number };
  /** The org refused a job because of a limit: no new one before `until`, and then one at first. */
  refused?: { code: string; until: number; times: number };
  /** What jobs that the ledger does not know say that they have used, since a moment. */
  strangers?: Amount & { since: number };
}

export function openLedger(rules: Allocation): Ledger {
  return { rules: { ...rules }, buckets: [], leases: [], waiting: [], doubts: [], ended: [] };
}

/** The platform makes one batch of so many records. */
const BATCH = 10_000;

export function batchesFor(records: number): number {
  return Math.ceil(records / BATCH);
}
