/**
 * The rolling window. The platform counts a job's rows somewhere between grant and end of the job, so a lease counts in
 * full, and what a job used counts from its end on: never for a shorter time than the platform counts it.
 */
import type { Amount, Ledger } from './state.js';

const BUCKETS = 96;
const LEAST_WIDTH_MS = 1_000;
/** From this priority on the reserve is out of reach. */
const FIRST_ORDINARY = 3;

/** End of the bucket that a moment lies in. Amounts leave the window when their bucket's end does. */
export function bucketEnd(windowMs: number, at: number): number {
  const width = Math.max(LEAST_WIDTH_MS, Math.ceil(windowMs / BUCKETS));
  return (Math.floor(at / width) + 1) * width;
}

/** @param since when the platform may have begun to count it; 0 when that is not known */
export function spend(ledger: Ledger, now: number, since: number, { records, batches }: Amount): void {
  if (records === 0 && batches === 0) return;
  const end = bucketEnd(ledger.rules.windowMs, now);
  // What is not known to be counted must not make the rest of its bucket doubtful.
  const bucket = ledger.buckets.find((one) => one.end === end && one.since > 0 === since > 0);
  if (bucket !== undefined) {
    bucket.records += records;
    bucket.batches += batches;
    bucket.since = Math.min(bucket.since, since);
  } else {
    const at = ledger.buckets.findLastIndex((one) => one.end <= end);
    ledger.buckets.splice(at + 1, 0, { end, since, records, batches });
  }
}

/** Forgets what has left the window. */
export function prune(ledger: Ledger, now: number): void {
  const { windowMs } = ledger.rules;
  const counts = ({ end }: { end: number }): boolean => end + windowMs > now;
  ledger.buckets = ledger.buckets.filter(counts);
  ledger.doubts = ledger.doubts.filter(counts);
  if (ledger.others !== undefined && ledger.others.at + windowMs <= now) delete ledger.others;
  // Long ago and nobody tried since: it says nothing any more.
  if (ledger.refused !== undefined && ledger.refused.until + windowMs <= now) delete ledger.refused;
}

/** An amount that counts until a moment. */
export interface Held extends Amount {
  until: number;
  /** Of another client of the org. */
  others?: true;
}

/** Everything that counts now and will leave the window by itself, the soonest first. */
export function held(ledger: Ledger, now: number): Held[] {
  const { windowMs } = ledger.rules;
  const own = [...ledger.buckets, ...ledger.doubts].map(({ end, records, batches }) => ({
    until: end + windowMs,
    records,
    batches,
  }));
  const { others } = ledger;
  const theirs =
    others === undefined
      ? []
      : [{ until: others.at + windowMs, records: 0, batches: others.batches, others: true as const }];
  return [...own, ...theirs].filter(({ until }) => until > now).sort((a, b) => a.until - b.until);
}

export function sum(amounts: readonly Amount[]): Amount {
  const total = { records: 0, batches: 0 };
  for (const { records, batches } of amounts) {
    total.records += records;
    total.batches += batches;
  }
  return total;
}

/** The whole allocation; the org's own number of batches wins when it is smaller than the setting. */
export function limits({ rules, others }: Ledger): Amount {
  return {
    records: rules.recordsPerWindow,
    batches: Math.min(rules.batchesPerWindow, others?.max ?? Number.POSITIVE_INFINITY),
  };
}

export function reserve(ledger: Ledger): Amount {
  const { recordsPerWindow, reservedRecords } = ledger.rules;
  const { batches } = limits(ledger);
  const share = Math.ceil((batches * reservedRecords) / recordsPerWindow);
  // Rounding must not leave ordinary loads without any batch.
  return { records: reservedRecords, batches: Math.max(0, Math.min(share, batches - 1)) };
}

/** What loads of a priority may fill. The reserve stays free under them, however much of it others used before. */
export function capacity(ledger: Ledger, priority: number): Amount {
  const all = limits(ledger);
  if (priority < FIRST_ORDINARY) return all;
  const kept = reserve(ledger);
  return { records: all.records - kept.records, batches: all.batches - kept.batches };
}

const KINDS = ['records', 'batches'] as const;
export type Kind = (typeof KINDS)[number];

/** Of which it needs more than there ever is. It is not refused: it goes alone, and the platform decides. */
export function oversized(ledger: Ledger, asked: Amount & { priority: number }): Kind[] {
  const most = capacity(ledger, asked.priority);
  return KINDS.filter((kind) => asked[kind] > most[kind]);
}

/** What there is too little of: a kind, or an otherwise unused window for what is oversized; `undefined` when it fits. */
export function shortOf(
  ledger: Ledger,
  asked: Amount & { priority: number },
  taken: readonly (Amount & { others?: true })[],
): Kind | 'emptiness' | undefined {
  const most = capacity(ledger, asked.priority);
  const used = sum(taken);
  const large = oversized(ledger, asked);
  const short = KINDS.find((kind) => !large.includes(kind) && used[kind] + asked[kind] > most[kind]);
  if (short !== undefined) return short;
  // What others use does not count here: they may never stop.
  return large.length > 0 && taken.some(({ others }) => others === undefined) ? 'emptiness' : undefined;
}
