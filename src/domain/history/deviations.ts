/**
 * Past loads compared with each other: which figure of a load is far from what is usual. Usual is the median, and the
 * usual spread is the median absolute deviation (MAD): one bad night among them changes neither. Pure.
 */
import type { HistoryEntry } from '../../contract/load-history.js';

export const MEASURES = ['rows', 'minutes', 'rejected', 'lockShare', 'batches', 'apiRequests'] as const;
export type Measure = (typeof MEASURES)[number];

type Measured = Record<Measure, number>;
type Deviations = Partial<Record<Measure, 'high' | 'low'>>;

/** A load with what is unusual about it. */
export interface ComparedLoad extends Measured {
  entry: HistoryEntry;
  deviates: Deviations;
}

/** Loads that are compared with each other, newest first. */
export interface LoadGroup {
  schedule?: string;
  connection: string;
  object: string;
  operation: string;
  loads: ComparedLoad[];
  /** Medians of the loads that ended well; absent if there are too few. */
  usual?: Measured;
}

/** With fewer, nothing is usual yet. */
const MIN_LOADS = 5;
/** Of a normal distribution, the MAD is this part of the standard deviation. */
const NORMAL = 1.4826;
/** A common limit for outliers by median and MAD (Iglewicz and Hoaglin). */
const LIMIT = 3.5;
/** Smaller differences are not worth a look, however regular the nights are: a share of the median, and an amount. */
const MIN_SHARE = 0.1;
const MIN_DIFFERENCE: Measured = { rows: 1, minutes: 0.5, rejected: 5, lockShare: 0.005, batches: 1, apiRequests: 10 };

function measured(entry: HistoryEntry): Measured {
  const { startedAt, endedAt, records, sent, locked, batches, apiRequests } = entry;
  return {
    rows: records.total,
    minutes: Math.max(0, Date.parse(endedAt) - Date.parse(startedAt)) / 60_000,
    rejected: records.rejected,
    lockShare: sent > 0 ? locked / sent : 0,
    batches,
    apiRequests,
  };
}

/** @param entries newest first; only loads of one schedule, connection, object and operation are compared */
export function compared(entries: readonly HistoryEntry[]): LoadGroup[] {
  const groups = new Map<string, HistoryEntry[]>();
  for (const entry of entries) {
    const { schedule, connection, object, operation } = entry;
    const key = JSON.stringify([schedule, connection, object, operation]);
    const same = groups.get(key);
    if (same === undefined) groups.set(key, [entry]);
    else same.push(entry);
  }
  return [...groups.values()].map((same) => group(same));
}

function group(entries: readonly HistoryEntry[]): LoadGroup {
  const [{ schedule, connection, object, operation }] = entries as [HistoryEntry];
  const head = { ...(schedule !== undefined && { schedule }), connection, object, operation };
  // A load that failed after a minute says nothing about how long a night usually takes.
  const good = entries.filter(({ state }) => state === 'Completed' || state === 'CompletedWithRejects').map(measured);
  if (good.length < MIN_LOADS) {
    return { ...head, loads: entries.map((entry) => ({ entry, ...measured(entry), deviates: {} })) };
  }
  const of = (measure: Measure): number[] => good.map((one) => one[measure]);
  const usual = byMeasure((measure) => median(of(measure)));
  const spread = byMeasure((measure) => median(of(measure).map((value) => Math.abs(value - usual[measure]))));
  const loads = entries.map((entry) => {
    const values = measured(entry);
    return { entry, ...values, deviates: deviationsOf(values, usual, spread) };
  });
  return { ...head, loads, usual };
}

function deviationsOf(values: Measured, usual: Measured, spread: Measured): Deviations {
  const found: Deviations = {};
  for (const measure of MEASURES) {
    const difference = values[measure] - usual[measure];
    const limit = Math.max(LIMIT * NORMAL * spread[measure], MIN_SHARE * usual[measure], MIN_DIFFERENCE[measure]);
    if (Math.abs(difference) > limit) found[measure] = difference > 0 ? 'high' : 'low';
  }
  return found;
}

function byMeasure(value: (measure: Measure) => number): Measured {
  return Object.fromEntries(MEASURES.map((measure) => [measure, value(measure)])) as Measured;
}

/** Of at least one number. */
export function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] as number;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] as number) + upper) / 2;
}
