/**
 * What an org's ledger remembers, as plain JSON that survives continue-as-new: usage in the rolling window, running
 * jobs, and waiting requests. All times are workflow time in milliseconds.
 */
import type { Allocation } from '../../../domain/platform/allocation-settings.js';
import type { Amount } from '../../../protocol/messages/allocation-types.js';

/** Usage within an interval. It counts until all of it has left the window. */
interface Bucket extends Amount {
  /** End of the interval: later than any usage in it. */
  end: number;
  /** The platform cannot have counted any of it before this time. 0 when unknown. */
  since: number;
}

interface Asked extends Amount {
  /** Permanently identifies one job's request: the next job of the same part needs another. */
  id: string;
  /** Workflow that asks and receives the answer. */
  holder: string;
  /** For people: `upsert Account, part 3`. */
  words: string;
  /** 1 (first) to 5. */
  priority: number;
  /** How long it may be silent before it counts as gone. */
  patienceMs: number;
  /** When it was last heard from. */
  renewedAt: number;
  /** When a worker last confirmed that its holder exists. */
  checkedAt?: number;
}

/** What a message said about a holder; it counts until a worker finds that the holder does not exist. */
export interface HolderReport {
  id: string;
  holder: string;
  /** When the holder asked, or was granted. */
  at: number;
}

/** Usage of a job whose holder no worker has confirmed. */
interface Unproven extends HolderReport, Amount {
  /** End of the bucket that it counts in. */
  end: number;
}

export interface Waiting extends Asked {
  since: number;
}

export interface Lease extends Asked {
  grantedAt: number;
  /** Records that the platform reported as processed. */
  processed: number;
  /** It starts although it does not fit into the allocation. */
  warning?: string;
  /** The org refused its job: that counts once, however often it is reported. */
  taught?: true;
}

/** A lease whose holder went silent: what its job has used is unknown. */
interface SilentLease extends Lease {
  /** End of the bucket, as in `Bucket`. */
  end: number;
}

export interface Ended {
  id: string;
  at: number;
  how: 'settled' | 'returned';
}

export interface Ledger {
  rules: Allocation;
  /** Ordered by end. */
  buckets: Bucket[];
  leases: Lease[];
  /** In the order in which they will get their leases. */
  waiting: Waiting[];
  silent: SilentLease[];
  /** Newest last; repeats that arrive late change nothing. */
  ended: Ended[];
  /** Batches used by the org's other clients, according to the org. */
  others?: { batches: number; max: number; at: number };
  /** The org refused a job because of a limit: no new job before `until`, then one at first. */
  refused?: { code: string; since?: number; until: number; times: number; by?: HolderReport };
  /** Usage reported by jobs unknown to the ledger, since a moment. */
  strangers?: Amount & { since: number };
  /** Oldest first. */
  unproven?: Unproven[];
}

export function openLedger(rules: Allocation): Ledger {
  return { rules: { ...rules }, buckets: [], leases: [], waiting: [], silent: [], ended: [] };
}
