/**
 * How fast the rows of a load pass, as seen tonight. Later minutes count more than earlier ones, because an org that has
 * become slow usually stays slow for a while; a standstill does not count, because it ends. Plain data, carried over
 * continue-as-new. Pure.
 */
import { defined } from '../defined.js';
import { ROWS_PER_BATCH } from '../platform/batches.js';

/** After this time an observation counts half. */
const HALF_LIFE_MS = 30 * 60_000;

export interface Pace {
  /** When rows were last seen to have passed, and how many. */
  at: number;
  rows: number;
  /** When the load was last looked at. */
  looked: number;
  /** Running parts then; 0 while the load waits. */
  running: number;
  /** Sums in which older observations count less. */
  weightedRows: number;
  weightedMs: number;
  /** Running parts, times milliseconds. */
  weightedParts: number;
  /** The fewest rows that were seen to pass at once: a job counts them in transactions, or in batches. */
  step?: number;
  /** Time that did not count, because the load stood still: it counts if not so many rows pass in the usual time. */
  doubt?: { ms: number; until: number };
}

export interface Observation {
  now: number;
  /** That have passed so far. */
  rows: number;
  /** Parts whose jobs run. */
  running: number;
}

/** Observation begins with the first rows: uploads and queues before them say nothing about the pace. */
export function observed(pace: Pace | undefined, { now, rows, running }: Observation): Pace | undefined {
  if (pace === undefined) {
    if (rows === 0) return undefined;
    return { at: now, rows, looked: now, running, weightedRows: 0, weightedMs: 0, weightedParts: 0 };
  }
  const looked = Math.max(now, pace.looked);
  if (rows <= pace.rows) return { ...pace, looked, running, ...(pace.running === 0 && { at: looked }) };
  const more = rows - pace.rows;
  const { ms, doubt } = timeOf(pace, { now: looked, more });
  const kept = 2 ** (-ms / HALF_LIFE_MS);
  // What happened in between happened evenly.
  const share = ms === 0 ? 1 : (1 - kept) / ((Math.LN2 * ms) / HALF_LIFE_MS);
  return {
    ...{ at: looked, rows, looked, running },
    weightedRows: pace.weightedRows * kept + more * share,
    weightedMs: pace.weightedMs * kept + ms * share,
    weightedParts: pace.weightedParts * kept + Math.max(1, pace.running) * ms * share,
    // The platform counts the rows of a batch at its end, if not before.
    step: Math.min(pace.step ?? ROWS_PER_BATCH, more),
    ...defined({ doubt }),
  };
}

/** Fewer missing rows than so many steps of each running part are no standstill. */
const STEPS = 3;

/**
 * Rows that come in steps take all the time since the last step; after a standstill only the time since it ended. A
 * second standstill right after the first one means that the org has become slow.
 */
function timeOf(pace: Pace, { now, more }: { now: number; more: number }): { ms: number; doubt?: Pace['doubt'] } {
  const [all, last] = [now - pace.at, now - pace.looked];
  if (pace.step === undefined || pace.weightedMs === 0) return { ms: all };
  const wasStill = last < all;
  const some = STEPS * pace.step * Math.max(1, pace.running);
  const missing = (pace.weightedRows / pace.weightedMs) * all - more;
  const { doubt } = pace;
  // Right after a standstill some parts have gone on for less time than others.
  if (!wasStill || missing <= Math.max(some, doubt === undefined ? more : 2 * more)) {
    const isOver = doubt === undefined || pace.rows + more > doubt.until;
    return isOver ? { ms: all } : { ms: all, doubt };
  }
  if (doubt !== undefined) return { ms: all + doubt.ms };
  return { ms: last, doubt: { ms: all - last, until: pace.rows + more + some } };
}
