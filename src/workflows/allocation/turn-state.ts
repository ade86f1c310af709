/** How a part stands with the ledger of its org: plain data, carried over a continue-as-new. */

export interface Turn {
  /** Requests so far: each job has its own. */
  asked: number;
  /** The request that is out or granted. */
  id?: string;
  /** Workflow id of the ledger. */
  ledger?: string;
  granted: boolean;
  /** Why it waits, and for what: for people. */
  waitingFor?: string;
  renewedAt: number;
  /** Refusals in a row, without a ledger. */
  alone: number;
}

export function newTurn(): Turn {
  return { asked: 0, granted: false, renewedAt: 0, alone: 0 };
}
