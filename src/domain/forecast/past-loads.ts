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
  /** Retries, as a share of the time of loading. */
  retryShare: number;
  /** Report and download of the last results. */
  restMs: number;
}

/** A shorter load says more about overhead than about speed. */
const MIN_LOADING_S = 5;
/** More loads than this do not make a forecast better, and old ones make it worse. */
export const MOST_PAST_LOADS = 20;
/** Longer retries waited for something else than the org's speed. */
const MAX_RETRY_SHARE = 10;
/** With so many loads of the same schedule, others are not needed. */
const ENOUGH_OF_SCHEDULE = 3;

/** @param entries of the same object, operation and connection, newest first */
export function pastLoads(entries: readonly HistoryEntry[], schedule: string | undefined): PastLoads | undefined {
  const usable = entries.filter(isUsable);
  const own = usable.filter((entry) => entry.schedule === schedule);
  const chosen = (own.length >= ENOUGH_OF_SCHEDULE ? own : usable).slice(0, MOST_PAST_LOADS);
  if (chosen.length === 0) return undefined;
  return {
    loads: chosen.length,
    rows: Math.round(median(chosen.map(({ records }) => records.total))),
    rate: spreadOf(chosen.map(({ records, seconds }) => Math.log(records.total / (seconds.loading * 1_000)))),
    duration: spreadOf(chosen.map(({ seconds }) => Math.log(1_000 * sum(seconds)))),
    retryShare: Math.min(MAX_RETRY_SHARE, median(chosen.map(({ seconds }) => seconds.retrying / seconds.loading))),
    restMs: Math.round(1_000 * median(chosen.map(({ seconds }) => seconds.reporting))),
  };
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
