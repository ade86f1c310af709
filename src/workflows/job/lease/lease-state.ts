/** A part's status with the ledger of its org: plain data, carried over a continue-as-new. */

export interface LeaseState {
  /** Requests so far: each job has its own. */
  asked: number;
  /** The pending or granted request. */
  id?: string;
  /** Workflow id of the ledger. */
  ledger?: string;
  granted: boolean;
  /** What it is waiting for and why: for people. */
  waitingFor?: string;
  renewedAt: number;
  /** Refusals in a row, without a ledger. */
  alone: number;
}

export function newLeaseState(): LeaseState {
  return { asked: 0, granted: false, renewedAt: 0, alone: 0 };
}
