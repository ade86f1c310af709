/** When a message is sent again. Pure. */

/** Delays between attempts, in seconds; the last one is repeated. */
const DELAYS_S = [5, 15, 60, 300, 900];
/** People read messages in the morning: one of last evening is still worth a delivery. */
const GIVE_UP_MS = 12 * 3_600_000;

export type NextDelivery = { kind: 'again'; ms: number } | { kind: 'unconfirmed' } | { kind: 'failed' };

export function afterFailedDelivery(
  { isRetryable, maybeSent }: { isRetryable: boolean; maybeSent: boolean },
  { attempt, hasKey, waitedMs }: { attempt: number; hasKey: boolean; waitedMs: number },
): NextDelivery {
  if (maybeSent && !hasKey) return { kind: 'unconfirmed' };
  if (!isRetryable || waitedMs >= GIVE_UP_MS) return { kind: 'failed' };
  const seconds = DELAYS_S[Math.min(attempt, DELAYS_S.length) - 1] as number;
  return { kind: 'again', ms: seconds * 1_000 };
}
