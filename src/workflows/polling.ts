/**
 * When to look at a job again. Backoff while nothing is known; once the job reports progress, the time that the rest
 * should take, or where that is doubtful, so soon that no end is seen more than a tenth of the job's time late. Pure: the
 * workflow hands in its own time and its own random number.
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

/** Jitter lengthens a wait by this share at most. */
const JITTER = 0.2;

/**
 * Milliseconds until the next look: never less than `initialMs`, and at most `maximumMs` before jitter. Jitter only
 * lengthens, by 0-20 %.
 * @param random in [0, 1)
 */
export function nextPollDelay(plan: PollPlan, history: PollHistory, now: number, random: number): number {
  const wait = fromProgress(plan, history, now) ?? plan.initialMs * plan.coefficient ** Math.min(history.count, 500);
  const bounded = Math.min(plan.maximumMs, Math.max(plan.initialMs, wait));
  return Math.round(bounded * (1 + JITTER * random));
}

/** An end may be seen so late, as a share of the job's time. */
const MOST_LATE = 0.1;
/** A first progress of less than this share says nothing about the speed: the job may have begun just before. */
const TELLING_SHARE = 0.1;
/** Then the next look comes after this share of the job's time so far. */
const SECOND_LOOK = 0.08;
/** A telling first progress was made in this share of the time since the look before it, or in more. */
const BEGAN_WITHIN = 0.35;
/** After a wait at the maximum, in this share: such a job stood in the queue for long, and may be done in minutes. */
const BEGAN_WITHIN_LONGEST_WAIT = 0.05;
/** A speed counts when it was seen for this share of the job's time; two looks close together may lie round one batch. */
const TELLING_TIME = 0.3;
/** Batches of less than this share of the rows make the progress even enough to aim at the end itself. */
const FINE_BATCH = 0.05;
/** A look just before the end is wasted. */
const JUST_AFTER = 1.02;

/** Undefined when the job has not shown any speed yet. */
function fromProgress(plan: PollPlan, { startedAt, total, looks }: PollHistory, now: number): number | undefined {
  const last = looks.at(-1);
  if (last === undefined || last.processed <= 0 || last.processed >= total) return undefined;
  const age = now - startedAt;
  const seen = sinceIdle([{ at: startedAt, processed: 0 }, ...looks]);
  const idle = seen[0] as Look;
  if (age <= 0 || last.at <= idle.at) return undefined;
  const left = total - last.processed;
  // An end that is overdue may be seen with each look.
  const restSince = (from: Look): number => restAtSpeed(from, last, left, now) ?? untilLate(age, 0);
  if (seen.length === 2) return Math.min(secondLook(plan, idle, last, total, age), restSince(idle), age);
  const batch = smallestStep(seen);
  const rest = soonestRest(seen, left, batch, now, age);
  // An estimate is worth as much as the time that it was observed for: never wait longer than that at one go.
  const wait = Math.min(untilLate(age, rest), age);
  if (batch > FINE_BATCH * total) return wait;
  return Math.min(wait, restSince(recent(seen, now, age)));
}

/** From the last look without progress: a long time in the queue says nothing about the speed after it. */
function sinceIdle(looks: Look[]): Look[] {
  return looks.slice(looks.findLastIndex(({ processed }) => processed === 0));
}

/**
 * A first progress may be that of a job that has waited for long and is now fast, or the first of a few long batches:
 * one more look tells.
 */
function secondLook(plan: PollPlan, idle: Look, last: Look, total: number, age: number): number {
  if (last.processed < TELLING_SHARE * total) return age * SECOND_LOOK;
  const waited = last.at - idle.at;
  const speed = last.processed / (waited * (waited < plan.maximumMs ? BEGAN_WITHIN : BEGAN_WITHIN_LONGEST_WAIT));
  return untilLate(age, (total - last.processed) / speed);
}

/** So long that, with any jitter, an end at the soonest moment is seen just in time. */
function untilLate(age: number, soonestRest: number): number {
  return (soonestRest + MOST_LATE * (age + soonestRest)) / (1 + JITTER);
}

/** Time that the rest takes at the average speed between two looks; undefined when it is over: that speed is not kept. */
function restAtSpeed(from: Look, last: Look, left: number, now: number): number | undefined {
  const rest = (left * (last.at - from.at)) / (last.processed - from.processed) - (now - last.at);
  return rest < 0 ? undefined : rest * JUST_AFTER;
}

/** Rows that come at a time, at most: of 10,000 that a batch has, or many that are done between two looks. */
function smallestStep(seen: readonly Look[]): number {
  const steps = seen.slice(1).map((look, n) => look.processed - (seen[n] as Look).processed);
  return Math.min(...steps.filter((step) => step > 0));
}

/** Time that the rest takes at least, if one more batch than was seen is done by now. */
function soonestRest(seen: readonly Look[], left: number, batch: number, now: number, age: number): number {
  const [idle, first] = seen as [Look, Look];
  const last = seen.at(-1) as Look;
  const speeds = seen
    .filter((look) => look === idle || isTelling(look, last, now, age))
    .map((look) => (last.processed - look.processed + batch) / (now - look.at));
  // The work may have begun long after the last look without progress.
  if (now > first.at) speeds.push((last.processed - first.processed) / (now - first.at));
  return Math.max(0, left - batch) / Math.max(...speeds);
}

/** Whether the time from a look until now is long enough to tell a speed. */
function isTelling(look: Look, last: Look, now: number, age: number): boolean {
  return look.processed < last.processed && now - look.at >= TELLING_TIME * age;
}

/** The latest look since which a speed can be told, else the first one with progress. */
function recent(seen: readonly Look[], now: number, age: number): Look {
  const [idle, first] = seen as [Look, Look];
  const last = seen.at(-1) as Look;
  return seen.findLast((look) => isTelling(look, last, now, age)) ?? (first.processed < last.processed ? first : idle);
}

/** Counters move by so many rows: a transaction of the platform. */
const TRANSACTION_ROWS = 200;
/** So many of them may be at work side by side, and then move the counters one after the other. */
const SIDE_BY_SIDE = 5;
/** A slow job is waited for so much longer than the plan says, at most. */
const MOST_SETTLE_FACTOR = 10;

/**
 * Milliseconds between the two looks that must be equal before an aborted or failed job counts as settled: twice what a
 * transaction took so far, because in the middle of one the counters stand still too.
 */
export function settleDelay(
  plan: PollPlan,
  { closedAt, looks, adopted }: { closedAt: number; looks: readonly Look[]; adopted?: boolean },
  now: number,
): number {
  // How long its transactions take is not known: it was another run's.
  if (adopted === true) return MOST_SETTLE_FACTOR * plan.settleMs;
  const processed = looks.at(-1)?.processed ?? 0;
  const idle = processed === 0 ? undefined : looks.findLast((look) => look.processed === 0);
  const age = now - Math.max(closedAt, idle?.at ?? closedAt);
  const rows = SIDE_BY_SIDE * TRANSACTION_ROWS;
  const transaction = (age * rows) / Math.max(processed, rows);
  return Math.round(Math.min(MOST_SETTLE_FACTOR * plan.settleMs, Math.max(plan.settleMs, 2 * transaction)));
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
