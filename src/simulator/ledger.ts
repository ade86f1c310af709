/** Everything that was asked of the org, for tests that count. */
import type { RequestKind } from './faults.js';

export interface LedgerEntry {
  at: number;
  method: string;
  path: string;
  kind: RequestKind;
  jobId?: string;
  /** 0 when no reply was sent. */
  status: number;
}

export class Ledger {
  readonly requests: LedgerEntry[] = [];

  count(kind?: RequestKind): number {
    return kind === undefined ? this.requests.length : this.requests.filter((entry) => entry.kind === kind).length;
  }
}
