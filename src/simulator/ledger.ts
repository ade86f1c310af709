/** Everything that was asked of the org, for tests that count. */
import type { RequestKind } from './faults.js';

export interface LedgerEntry {
  at: number;
  method: string;
  path: string;
  kind: RequestKind;
  jobId?: string;
  /** 0 when no whole reply was sent. */
  status: number;
}

export class Ledger {
  readonly requests: LedgerEntry[] = [];

  /** Of one kind; without one, all that use up API requests: calls for a token do not. */
  count(kind?: RequestKind): number {
    const counted = this.requests.filter((entry) =>
      kind === undefined ? entry.kind !== 'token' : entry.kind === kind,
    );
    return counted.length;
  }
}
