/**
 * The rolling window. The platform counts a job's rows at some time between grant and end of the job, so a lease counts
 * in full, and a job's usage counts from its end: never for a shorter time than the platform counts it.
 */
import type { Ledger } from './ledger-state.js';
import type { Amount } from '../../../protocol/messages/allocation-types.js';

const BUCKETS = 96;
const MIN_WIDTH_MS = 1_000;
/** From this priority on, loads cannot use the reserve. */
const FIRST_ORDINARY = 3;

/** End of the bucket that contains a moment. Amounts leave the window when the end of their bucket does. */
export function bucketEnd(windowMs: number, at: number): number {
  const width = Math.max(MIN_WIDTH_MS, Math.ceil(windowMs / BUCKETS));
  return (Math.floor(at / width) + 1) * width;
}

/** @param when.since when the platform may have begun to count it; 0 when unknown */
export function spend(ledger: Ledger, { records, batches }: Amount, when: { now: number; since: number }): void {
  const { now, since } = when;
  if (records === 0 && batches === 0) return;
  const end = bucketEnd(ledger.rules.windowMs, now);
  // Usage that the platform may not have counted must not make the rest of its bucket doubtful.
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

/** Undoes usage reported for a holder that does not exist. */
export function unspend(ledger: Ledger, end: number, { records, batches }: Amount): void {
  const bucket = ledger.buckets.find((one) => one.end === end && one.since > 0);
  if (bucket === undefined) return;
  bucket.records = Math.max(0, bucket.records - records);
  bucket.batches = Math.max(0, bucket.batches - batches);
}

/** Forgets what has left the window. */
export function prune(ledger: Ledger, now: number): void {
  const { windowMs } = ledger.rules;
  const counts = ({ end }: { end: number }): boolean => end + windowMs > now;
  ledger.buckets = ledger.buckets.filter(counts);
  ledger.silent = ledger.silent.filter(counts);
  if (ledger.unproven !== undefined) ledger.unproven = ledger.unproven.filter(counts);
  if (ledger.others !== undefined && ledger.others.at + windowMs <= now) delete ledger.others;
  // Long ago, and no job was tried since: it no longer means anything.
  if (ledger.refused !== undefined && ledger.refused.until + windowMs <= now) delete ledger.refused;
}

/** An amount that counts until a given time. */
export interface Held extends Amount {
  until: number;
  /** Used by another client of the org. */
  others?: true;
}

/** Everything that counts now and will leave the window by itself, soonest first. */
export function held(ledger: Ledger, now: number): Held[] {
  const { windowMs } = ledger.rules;
  const own = [...ledger.buckets, ...ledger.silent].map(({ end, records, batches }) => ({
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

/** The whole allocation; the org's own number of batches applies when it is smaller than the setting. */
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

/**
 * What loads of a priority may fill. The reserve stays free for higher priorities, no matter how much of it they have
 * already used.
 */
function capacity(ledger: Ledger, priority: number): Amount {
  const all = limits(ledger);
  if (priority < FIRST_ORDINARY) return all;
  const kept = reserve(ledger);
  return { records: all.records - kept.records, batches: all.batches - kept.batches };
}

const KINDS = ['records', 'batches'] as const;
export type Kind = (typeof KINDS)[number];

/**
 * The kinds of which it needs more than the whole capacity. It is not refused: it runs alone, and the platform decides.
 */
export function oversized(ledger: Ledger, asked: Amount & { priority: number }): Kind[] {
  const most = capacity(ledger, asked.priority);
  return KINDS.filter((kind) => asked[kind] > most[kind]);
}

/** What is short: a kind, or an otherwise unused window for an oversized request; `undefined` when it fits. */
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
  // Use by other clients does not count here: it may never stop.
  return large.length > 0 && taken.some(({ others }) => others === undefined) ? 'emptiness' : undefined;
}
