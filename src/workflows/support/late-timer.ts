/** Timers that fire much later than they were due: because of an outage, or a restore of Temporal's database. */

const LATE_MS = 120_000;

/** Records that more time has passed than a wait explains. */
export function noteLateTimer(state: { timeGapAt?: number }, dueAt: number): void {
  const now = Date.now();
  if (now > dueAt + LATE_MS) state.timeGapAt = now;
}
