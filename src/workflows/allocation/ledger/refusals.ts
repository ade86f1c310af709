/** The org refused a job because of a limit: the ledger was wrong about what is free. Pure. */
import type { Lease, Ledger } from './ledger-state.js';
import { held } from './rolling-window.js';

const FIRST_REFUSAL_MS = 300_000;
const MAX_REFUSAL_MS = 3_600_000;

/** Workflow time, and a random number in [0, 1) that only lengthens waits. */
export interface Moment {
  now: number;
  jitter: number;
}

/**
 * After `EXCEEDEDQUOTA` or `REQUEST_LIMIT_EXCEEDED` nothing is granted until the ledger's own usage leaves the window
 * or, if that takes long, for an exponentially growing time.
 * @returns until when
 */
export function enterRefusal(ledger: Ledger, code: string, { now, jitter }: Moment): number {
  const { refused } = ledger;
  // Concurrent jobs are refused together: that counts as one refusal.
  if (refused !== undefined && now < refused.until) return refused.until;
  const times = (refused?.times ?? 0) + 1;
  const backoff = FIRST_REFUSAL_MS * 2 ** Math.min(times - 1, 10);
  const moves = (held(ledger, now)[0]?.until ?? now) - now;
  const wait = Math.min(MAX_REFUSAL_MS, Math.max(backoff, moves)) * (1 + 0.2 * jitter);
  const until = now + Math.ceil(wait);
  ledger.refused = { code, since: now, until, times };
  return until;
}

/**
 * According to its own figures the org has room, despite messages that it refused jobs: the shortest wait is enough.
 */
export function shortenRefusal({ refused }: Ledger): void {
  if (refused?.since === undefined) return;
  refused.until = Math.min(refused.until, refused.since + FIRST_REFUSAL_MS);
  refused.times = 1;
}

/** Only a job that began after the refusal shows that the org accepts jobs again. */
export function endRefusal(ledger: Ledger, lease: Lease): void {
  if (ledger.refused !== undefined && lease.grantedAt >= ledger.refused.until) delete ledger.refused;
}
