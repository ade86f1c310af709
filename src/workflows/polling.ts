/**
 * When to look at a job again. Backoff while nothing is known; once the job reports progress, the time that the rest
 * should take. Pure: the workflow hands in its own time and its own random number.
 */
import type { PollPlan } from './input.js';

/** One look at a job that is not finished. Times are workflow time in milliseconds. */
export interface Look {
  at: number;
  processed: number;
}

export interface PollHistory {
  /** When processing was asked for (the close). */
  startedAt: number;
  /** Rows sent; 0 when not known. */
  total: number;
  /** Looks so far, first and last two are enough. */
  looks: readonly Look[];
  /** How many looks were made in all. */
  count: number;
}

/**
 * Milliseconds until the next look: never less than `initialMs`, and at most `maximumMs` before jitter. Jitter only
 * lengthens, by 0-20 %.
 * @param random in [0, 1)
 */
export function nextPollDelay(plan: PollPlan, history: PollHistory, now: number, random: number): number {
  const wait = fromProgress(history, now) ?? plan.initialMs * plan.coefficient ** Math.min(history.count, 500);
  const bounded = Math.min(plan.maximumMs, Math.max(plan.initialMs, wait));
  return Math.round(bounded * (1 + 0.2 * random));
}

/** Of the time since the close: how long at most until the look after the first one that shows progress. */
const FIRST_PROGRESS_SHARE = 0.1;

/** Time that the remaining rows should take, or undefined when the job has not shown any speed yet. */
function fromProgress(history: PollHistory, now: number): number | undefined {
  const last = history.looks.at(-1);
  if (last === undefined || last.processed <= 0 || last.processed >= history.total) return undefined;
  // The speed since the last look without progress: a long time in the queue says nothing about the speed after it.
  const before = history.looks.findLast((look) => look.processed < last.processed);
  const since = before ?? { at: history.startedAt, processed: 0 };
  const elapsed = last.at - since.at;
  if (elapsed <= 0) return undefined;
  const rate = (last.processed - since.processed) / elapsed;
  const remaining = (history.total - last.processed) / rate - (now - last.at);
  // An estimate is worth as much as the time that it was observed for: never wait longer than that at one go. A first
  // progress that promises still longer may be that of a job that has just begun and is many times as fast.
  const observed = last.at - history.startedAt;
  if (remaining <= observed) return remaining * 1.02;
  return since.processed === 0 ? observed * FIRST_PROGRESS_SHARE : observed;
}

/** Milliseconds before a retry round (from 1): growing, jitter only lengthens. */
export function retryDelay(
  plan: { initialWaitMs: number; coefficient: number },
  round: number,
  random: number,
): number {
  const wait = Math.min(plan.initialWaitMs * plan.coefficient ** (round - 1), LONGEST_RETRY_WAIT_MS);
  return Math.round(wait * (1 + 0.2 * random));
}

/** Beyond a day a wait says nothing about locks any more. */
const LONGEST_RETRY_WAIT_MS = 86_400_000;
