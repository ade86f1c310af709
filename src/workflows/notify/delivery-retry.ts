/** When a message is sent again. Pure. */

/** Delays between attempts, in seconds; the last one is repeated. */
const DELAYS_S = [5, 15, 60, 300, 900];
/** People read messages in the morning: one of last evening is still worth a delivery. */
export const GIVE_UP_MS = 12 * 3_600_000;
/** A message that is not delivered within this time is worth a line in the report. */
export const LATE_MS = 120_000;
/** No target decides to be left alone for longer. */
const MAX_PAUSE_MS = 3_600_000;

export type NextDelivery = { kind: 'again'; ms: number } | { kind: 'unconfirmed' } | { kind: 'failed' };

interface FailedAttempt {
  /** The target may take it later. */
  isRetryable: boolean;
  /** The target may have it. */
  maybeSent: boolean;
  /** The pause that the target asked for. */
  retryAfterMs?: number;
}

export function afterFailedDelivery(
  { isRetryable, maybeSent, retryAfterMs = 0 }: FailedAttempt,
  { attempt, hasKey, waitedMs }: { attempt: number; hasKey: boolean; waitedMs: number },
): NextDelivery {
  if (maybeSent && !hasKey) return { kind: 'unconfirmed' };
  if (!isRetryable || waitedMs >= GIVE_UP_MS) return { kind: 'failed' };
  const seconds = DELAYS_S[Math.min(attempt, DELAYS_S.length) - 1] as number;
  return { kind: 'again', ms: Math.max(seconds * 1_000, Math.min(retryAfterMs, MAX_PAUSE_MS)) };
}
