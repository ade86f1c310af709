/** Rows per second over the last minute, and an estimate of the end that does not jump. Pure. */

/** Jobs are polled every few seconds up to every few minutes, and rows are known only then. */
const WINDOW_MS = 60_000;
/** However long ago: fewer say nothing about the speed. */
const MIN_SAMPLES = 3;
const MIN_SPAN_MS = 4_000;
/** How far each new figure moves the estimate. */
const WEIGHT = 0.3;

interface Sample {
  at: number;
  rows: number;
}

export interface Estimate {
  rowsPerSecond?: number;
  /** In milliseconds since 1970. */
  endsAt?: number;
}

export class Speed {
  #samples: Sample[] = [];
  #endsAt: number | undefined;

  /** @param rows processed so far, and still to be processed */
  update(rows: { done: number; left: number }, now: number): Estimate {
    const changed = this.#note(rows.done, now);
    const measured = this.#measure(now);
    if (measured === undefined) return {};
    const { rowsPerSecond, since, stalled } = measured;
    const target = since + (1_000 * rows.left) / rowsPerSecond;
    if (this.#endsAt === undefined) this.#endsAt = target;
    else if (changed || stalled) this.#endsAt += WEIGHT * (target - this.#endsAt);
    return { rowsPerSecond, endsAt: Math.max(now, this.#endsAt) };
  }

  #note(rows: number, at: number): boolean {
    const last = this.#samples.at(-1);
    // Parts answer one after the other: the sum may be lower for a moment.
    if (last !== undefined && rows <= last.rows) return false;
    this.#samples.push({ at, rows });
    while (this.#samples.length > MIN_SAMPLES && (this.#samples[1]?.at ?? at) <= at - WINDOW_MS) this.#samples.shift();
    return true;
  }

  #measure(now: number): { rowsPerSecond: number; since: number; stalled: boolean } | undefined {
    const [first, last] = [this.#samples[0], this.#samples.at(-1)];
    if (first === undefined || last === undefined || last.at - first.at < MIN_SPAN_MS) return undefined;
    const gap = (last.at - first.at) / (this.#samples.length - 1);
    // Between two polls of a job nothing can be known: only a longer silence slows it down.
    const stalled = now - last.at > 2 * gap;
    const since = stalled ? now - gap : last.at;
    return { rowsPerSecond: (1_000 * (last.rows - first.rows)) / (since - first.at), since, stalled };
  }
}
