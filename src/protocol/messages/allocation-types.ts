/** What the ledger of an org's allocation reports about itself: plain data for workflows, activities and people. */

export interface Amount {
  records: number;
  batches: number;
}

export interface Forecast {
  id: string;
  /** The earliest time it may start. Absent when that depends on running jobs, whose end is unknown. */
  at?: number;
  reason: string;
}

export interface Shares {
  limit: number;
  /** Settled, of silent holders, and (for batches) used by others. */
  used: number;
  /** Granted to running jobs. */
  granted: number;
  /** Part of what is free: kept for priority 1 and 2. */
  reserved: number;
  /** For everyone. */
  free: number;
}

export interface LedgerSummary {
  at: number;
  windowMs: number;
  records: Shares;
  batches: Shares & {
    /** Used batches of the org's other clients. */
    others: number;
  };
  /** What leaves the window when, soonest first. Granted amounts come later. */
  frees: (Amount & { at: number })[];
  maxJobs: number;
  jobsTotal: number;
  /** At most 100. */
  jobs: (Amount & { id: string; holder: string; words: string; priority: number; since: number; warning?: string })[];
  /** At most 100. */
  waiting: (Amount & Forecast & { holder: string; words: string; priority: number; since: number })[];
  waitingTotal: number;
  /** Holders that went silent; their grants count as used. */
  silentJobs: number;
  /** Nothing is granted until then, because the org refused a job. */
  refused?: { code: string; until: number };
}

/** A holder's request. */
export interface Request extends Amount {
  id: string;
  holder: string;
  words: string;
  priority: number;
  /** How long the holder may be silent. @default 10 minutes, which is also the minimum */
  patienceMs?: number;
}
