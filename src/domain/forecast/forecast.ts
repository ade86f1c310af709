/**
 * When a load will have ended: from tonight's pace, the rows that are left, and past loads of the object. A duration is
 * log-normal: as likely twice as long as half as long. Pure.
 */
import { chanceAbove, combined, EIGHTY_PERCENT } from './normal.js';
import type { Spread } from './normal.js';
import type { Pace } from './pace.js';
import type { PastLoads } from './past-loads.js';

/** A load before its last row, as a forecast sees it. Times in milliseconds. */
export interface LoadNow {
  now: number;
  past?: PastLoads | undefined;
  pace?: Pace | undefined;
  /** Absent before the load is planned. */
  left?: RowsLeft | undefined;
}

export interface RowsLeft {
  /** All rows that are to be sent, and those of them that have not passed. */
  total: number;
  rows: number;
  /** Rows left in the part with the most. */
  longest: number;
  /** Parts that can run at the same time from now on, at most the parts left. */
  parallel: number;
  /** What follows the last part: rows to be sent again, the wait before that, and how long it has been going on. */
  retry: { rows: number; waitMs: number; passedMs: number };
}

/** Logarithm of the milliseconds that are left. */
export type Remaining = Spread;

/** Rows per millisecond where nothing else is known: 500 a second, give or take a factor of three. */
export const USUAL_RATE: Spread = { mean: Math.log(0.5), sd: 1.1 };
/** Seven times the rows of past loads. */
const MUCH_LARGER = 1;
/** No night is exactly like the nights before. */
const MIN_NIGHT_SD = 0.35;
/** How many standard deviations a difference may have before the past is doubted. */
const DOUBT = 2;
/** The pace of the next hours is not exactly that of the last one. */
const DRIFT_SD = 0.1;
/** Rows pass in batches and are seen now and then: a short look is an uncertain one. */
const LOOK_SD = 0.15;
/** Even a single look tells the order of magnitude. */
const MAX_SD = 1;
const LOOK_MS = 5 * 60_000;
const ONE_LOOK_SD = 0.6;
/** Progress is seen at least so often while a worker runs. */
const UNSEEN_MS = 15 * 60_000;
/** Two jobs at a time are faster than one, but not twice as fast: they share the org. */
const PARALLEL_POWER = 0.5;
const REST_MS = 60_000;
/** Rows that come in steps leave gaps. */
const STILL_AFTER_MS = 20 * 60_000;
const STILL_SHARE = 0.3;
const RETRY_SD = 0.7;

/** Undefined while nothing is known. */
export function remaining({ now, past, pace, left }: LoadNow): Remaining | undefined {
  if (left === undefined) {
    return past && { mean: past.duration.mean, sd: Math.max(MIN_NIGHT_SD, past.duration.sd) };
  }
  const rate = rateOf({ pace, past, left });
  if (rate === undefined) return undefined;
  const speed = Math.exp(rate.mean);
  const rows = Math.max(0, left.rows - unseenMs(pace, now) * speed);
  const loading = timeFor(rows, speed, { pace, left });
  const expected = Math.max(left.retry.rows / speed + left.retry.waitMs, usualRetry(past, left, speed));
  const retrying = Math.max(0, expected - left.retry.passedMs);
  const rest = Math.max(REST_MS, past?.restMs ?? 0);
  const still = rows > 0 ? standstillLeft(pace, now) : 0;
  const all = still + loading + retrying + rest;
  return { mean: Math.log(all), sd: Math.hypot(0.5 * still, rate.sd * loading, RETRY_SD * retrying, 0.5 * rest) / all };
}

/** While a load runs, rows pass that it has not reported yet. */
function unseenMs(pace: Pace | undefined, now: number): number {
  if (pace === undefined || pace.running === 0 || pace.looked > pace.at) return 0;
  return Math.min(UNSEEN_MS, Math.max(0, now - pace.at));
}

/** The longer the load has stood still, the longer it will probably go on. */
function standstillLeft(pace: Pace | undefined, now: number): number {
  if (pace === undefined || pace.running === 0 || pace.looked <= pace.at) return 0;
  return STILL_SHARE * Math.max(0, now - pace.at - STILL_AFTER_MS);
}

/** Rows per millisecond, as a logarithm. */
function rateOf({ pace, past, left }: Pick<LoadNow, 'pace' | 'past'> & { left: RowsLeft }): Spread | undefined {
  const usual = past && usualRate(past, left);
  if (pace === undefined || pace.weightedMs === 0) return usual;
  const { weightedRows, weightedMs } = pace;
  const tonight = {
    mean: Math.log(weightedRows / weightedMs),
    sd: Math.min(MAX_SD, Math.hypot(LOOK_SD, ONE_LOOK_SD * Math.sqrt(LOOK_MS / weightedMs))),
  };
  const both = usual === undefined ? tonight : combined(doubted(usual, tonight), tonight);
  return { mean: both.mean, sd: Math.hypot(both.sd, DRIFT_SD) };
}

/** Rows that are sent again are more in a larger load; the waits before that are not. */
function usualRetry(past: PastLoads | undefined, { total }: RowsLeft, speed: number): number {
  if (past === undefined || past.retryShare === 0 || isMuchLarger(past, total)) return 0;
  return past.retryShare * (total / speed) + (past.retryWaitMs ?? 0);
}

function sizeDifference({ rows }: PastLoads, total: number): number {
  return rows === 0 || total === 0 ? 0 : Math.log(total / rows) / DOUBT;
}

function isMuchLarger(past: PastLoads, total: number): boolean {
  return sizeDifference(past, total) > MUCH_LARGER;
}

/** Loads of another size say less; much smaller ones are mostly overhead, and say little about a speed. */
function usualRate(past: PastLoads, { total }: RowsLeft): Spread {
  const { rate } = past;
  const usual = { mean: rate.mean, sd: Math.max(MIN_NIGHT_SD, rate.sd, Math.abs(sizeDifference(past, total))) };
  return isMuchLarger(past, total) ? combined(usual, USUAL_RATE) : usual;
}

/** What is seen tonight is true: the farther the past is from it, the less it counts. */
function doubted(usual: Spread, tonight: Spread): Spread {
  return { mean: usual.mean, sd: Math.max(usual.sd, Math.abs(usual.mean - tonight.mean) / DOUBT) };
}

/** The longest part runs beside others until they have ended, then alone. */
function timeFor(rows: number, speed: number, { pace, left }: { pace: Pace | undefined; left: RowsLeft }): number {
  if (rows === 0) return 0;
  const usual = pace === undefined || pace.weightedMs === 0 ? left.parallel : pace.weightedParts / pace.weightedMs;
  const together = (parts: number): number => speed * (parts / Math.max(1, usual)) ** PARALLEL_POWER;
  const { parallel } = left;
  const longest = (left.longest * rows) / left.rows;
  const besides = parallel > 1 ? (rows - longest) / (parallel - 1) : 0;
  if (parallel > 1 && besides >= longest) return rows / together(parallel);
  return (besides * parallel) / together(parallel) + (longest - besides) / together(1);
}

export interface ForecastTimes {
  endsAt: number;
  /** It ends between these with a probability of 80 %. */
  earliest: number;
  latest: number;
}

export function timesOf(now: number, { mean, sd }: Remaining): ForecastTimes {
  const at = (logMs: number): number => Math.round(now + Math.exp(logMs));
  return { endsAt: at(mean), earliest: at(mean - EIGHTY_PERCENT * sd), latest: at(mean + EIGHTY_PERCENT * sd) };
}

/** Probability that the load ends later than that. */
export function chanceOfMissing(now: number, finishBy: number, left: Remaining): number {
  return finishBy <= now ? 1 : chanceAbove(Math.log(finishBy - now), left);
}
