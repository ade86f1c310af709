/**
 * How often a load that is followed is asked for its progress: soon after a change, rarely while nothing moves. Each
 * query counts as an action of Temporal Cloud. Pure.
 */

/** After so long without a change, in milliseconds, so long until the next query. */
const STEPS = [
  { quietMs: 60_000, waitMs: 15_000 },
  { quietMs: 10_000, waitMs: 5_000 },
  { quietMs: 0, waitMs: 1_000 },
] as const;

export class PollInterval {
  #changedAt: number;
  #last: string | undefined;

  constructor(now: number) {
    this.#changedAt = now;
  }

  /** Enters what was seen, as text. */
  observe(seen: string, now: number): void {
    if (seen !== this.#last) this.#changedAt = now;
    this.#last = seen;
  }

  /** Until the next poll, within these bounds. */
  next(now: number, { min = 0, max = Number.POSITIVE_INFINITY } = {}): number {
    const quiet = now - this.#changedAt;
    const { waitMs } = STEPS.find(({ quietMs }) => quiet >= quietMs) ?? STEPS[2];
    return Math.min(max, Math.max(min, waitMs));
  }
}
