/** How long a step waits before its next attempt after a reply from Salesforce, or after none. */
import type { Info } from '@temporalio/activity';
import { USED_UP_CODES } from '../domain/platform/used-up-codes.js';
import type { SalesforceError } from '../salesforce/errors/salesforce-error.js';

/**
 * Bounds of a wait that the platform asks for. Temporal ends a step at once if the wait exceeds its total timeout (15
 * minutes for clean-up), and also if it is 0.
 */
const MIN_WAIT = 1_000;
const MAX_WAIT = 120_000;
/** A used-up 24-hour allocation returns slowly, and frequent requests would only use up more of it. */
const FIRST_ALLOCATION_WAIT = 15_000;
const MAX_ALLOCATION_WAIT = 600_000;

/** Milliseconds until the next attempt; undefined where the retry policy's own wait fits. */
export function retryDelay({ code, retryAfterMs = 0 }: SalesforceError, info: Info): number | undefined {
  if (USED_UP_CODES.includes(code)) {
    const growing = Math.min(FIRST_ALLOCATION_WAIT * 2 ** (info.attempt - 1), MAX_ALLOCATION_WAIT);
    // Clean-up must be retried before its time is over.
    const left = info.scheduledTimestampMs + (info.scheduleToCloseTimeoutMs || Infinity) - Date.now();
    return Math.max(MIN_WAIT, Math.min(Math.max(growing, retryAfterMs), left / 3));
  }
  if (retryAfterMs > 0) return Math.min(Math.max(retryAfterMs, MIN_WAIT), MAX_WAIT);
  const { initialInterval, maximumInterval } = info.retryPolicy ?? {};
  // The first retry of a step is soon, because its worker may have been killed. An org in trouble is asked more rarely.
  const first = Number(initialInterval ?? MIN_WAIT);
  if (first >= MIN_WAIT) return undefined;
  return Math.min(MIN_WAIT * 2 ** (info.attempt - 1), Number(maximumInterval) || MAX_WAIT);
}
