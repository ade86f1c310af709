/** What past loads of the same object tell about the duration of the next one. Pure. */
import type { HistoryEntry } from '../../contract/load-history.js';
import { median } from '../history/deviations.js';
import { spreadOf } from './normal.js';
import type { Spread } from './normal.js';

/** Durations are in milliseconds. */
export interface PastLoads {
  loads: number;
  /** Median of their rows. */
  rows: number;
  /** Logarithm of rows per millisecond while loading. */
  rate: Spread;
  /** Logarithm of the duration from the planning to the report. */
  duration: Spread;
  /** Rows that were sent again, as a share of all. */
  retryShare: number;
  /** What retries waited, apart from sending rows; absent if an earlier version counted it to the share. */
  retryWaitMs?: number;
  /** Report and download of the last results. */
  restMs: number;
}

/** A shorter load says more about overhead than about speed. */
const MIN_LOADING_S = 5;
/** More loads than this do not make a forecast better, and old ones make it worse. */
export const MOST_PAST_LOADS = 20;
/** More rows were sent again and again. */
const MAX_RETRY_SHARE = 3;
/** A load of a few rejected rows says nothing about a night: a seventh of the rows, as in the forecast. */
const MUCH_SMALLER = 1 / 7;
/** With so many loads of the same schedule, others are not needed. */
const ENOUGH_OF_SCHEDULE = 3;

/** @param entries of the same object, operation and connection, newest first */
export function pastLoads(entries: readonly HistoryEntry[], schedule: string | undefined): PastLoads | undefined {
  const usable = entries.filter(isUsable);
  const own = usable.filter((entry) => entry.schedule === schedule);
  const chosen = ofUsualSize((own.length >= ENOUGH_OF_SCHEDULE ? own : usable).slice(0, MOST_PAST_LOADS));
  if (chosen.length === 0) return undefined;
  return {
    loads: chosen.length,
    rows: Math.round(median(chosen.map(({ records }) => records.total))),
    rate: spreadOf(chosen.map(({ records, seconds }) => Math.log(records.total / (seconds.loading * 1_000)))),
    duration: spreadOf(chosen.map(({ seconds }) => Math.log(1_000 * sum(seconds)))),
    retryShare: Math.min(MAX_RETRY_SHARE, median(chosen.map(retriedShare))),
    retryWaitMs: Math.round(1_000 * median(chosen.map(retryWait))),
    restMs: Math.round(1_000 * median(chosen.map(({ seconds }) => seconds.reporting))),
  };
}

/** Without loads that are much smaller than the larger third. */
function ofUsualSize(entries: readonly Timed[]): Timed[] {
  const sizes = entries.map(({ records }) => records.total).sort((a, b) => b - a);
  const usual = sizes[Math.floor(sizes.length / 3)] ?? 0;
  return entries.filter(({ records }) => records.total >= usual * MUCH_SMALLER);
}

function retriedShare({ sent, records: { total } }: Timed): number {
  return Math.max(0, sent - total) / total;
}

/** In seconds. */
function retryWait(entry: Timed): number {
  const { loading, retrying } = entry.seconds;
  return Math.max(0, retrying - retriedShare(entry) * loading);
}

type Timed = HistoryEntry & Required<Pick<HistoryEntry, 'seconds'>>;

function isUsable(entry: HistoryEntry): entry is Timed {
  const { seconds, state, records } = entry;
  const endedWell = state === 'Completed' || state === 'CompletedWithRejects';
  return endedWell && records.total > 0 && seconds !== undefined && seconds.loading >= MIN_LOADING_S;
}

function sum({ planning, loading, retrying, reporting }: Timed['seconds']): number {
  return planning + loading + retrying + reporting;
}
