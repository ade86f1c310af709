/** Records all requests to the org, for tests that count them. */
import type { RequestKind } from './faults.js';

export interface LedgerEntry {
  at: number;
  method: string;
  path: string;
  kind: RequestKind;
  jobId?: string;
  /** 0 if no complete reply was sent. */
  status: number;
}

export class Ledger {
  readonly requests: LedgerEntry[] = [];

  /** Counts one kind, or by default all that use up API requests: calls for a token do not. */
  count(kind?: RequestKind): number {
    const counted = this.requests.filter((entry) =>
      kind === undefined ? entry.kind !== 'token' : entry.kind === kind,
    );
    return counted.length;
  }
}
