/**
 * What the ledger believes of messages whose sender it cannot see. A job never used more than it was granted, jobs
 * unknown to the ledger together fill no more than a small share of the window, and what an unconfirmed holder reports
 * counts until a worker finds that the holder does not exist. Pure.
 */
import { runOfRequest } from '../../../domain/name-and-number-limits.js';
import type { Allocation } from '../../../domain/platform/allocation-settings.js';
import { compareWaiting, find, giveBack, settle } from './ledger.js';
import type { Settlement } from './ledger.js';
import { enterRefusal } from './refusals.js';
import type { Moment } from './refusals.js';
import type { HolderReport, Lease, Ledger, Waiting } from './ledger-state.js';
import type { Amount } from '../../../protocol/messages/allocation-types.js';
import { bucketEnd, limits, unspend } from './rolling-window.js';

/**
 * Share of the window for jobs that continued while the ledger was unreachable. The org's own figures show the rest.
 */
const STRANGERS_SHARE = 0.1;
/** How long a check of a holder stays valid. */
const CHECK_HOLDS_MS = 3_600_000;
/** Checked at a time. */
const MAX_CHECKED = 100;
const MAX_UNPROVEN = 1_000;

/** A message reports what a job has used. */
export function settleUnverified(ledger: Ledger, { id, ...reported }: Settlement, now: number): void {
  // Repeats change nothing; a returned request has no place any more, and its job may have continued without the
  // ledger.
  const ended = ledger.ended.find((one) => one.id === id);
  if (ended?.how === 'settled') return;
  const place = ended === undefined ? placeOf(ledger, id) : undefined;
  const unproven = (ledger.unproven ??= []);
  const isSeen = place?.checkedAt !== undefined;
  if (place === undefined || (!isSeen && unproven.length >= MAX_UNPROVEN)) {
    settle(ledger, { id, ...ofStrangers(ledger, reported, now) }, now);
    return;
  }
  const used = smaller(reported, place);
  settle(ledger, { id, ...used }, now);
  if (isSeen || (used.records === 0 && used.batches === 0)) return;
  unproven.push({ ...reportOf(place), ...used, end: bucketEnd(ledger.rules.windowMs, now) });
}

function placeOf({ leases, silent, waiting }: Ledger, id: string): Lease | Waiting | undefined {
  return find(leases, id) ?? find(silent, id) ?? find(waiting, id);
}

function reportOf(place: Lease | Waiting): HolderReport {
  const { id, holder } = place;
  return { id, holder, at: 'grantedAt' in place ? place.grantedAt : place.since };
}

function ofStrangers(ledger: Ledger, real: Amount, now: number): Amount {
  const before = ledger.strangers;
  const current =
    before !== undefined && before.since + ledger.rules.windowMs > now
      ? before
      : { since: now, records: 0, batches: 0 };
  const all = limits(ledger);
  const left = (kind: keyof Amount): number => Math.max(0, Math.ceil(all[kind] * STRANGERS_SHARE) - current[kind]);
  const counted = smaller(real, { records: left('records'), batches: left('batches') });
  ledger.strangers = {
    since: current.since,
    records: current.records + counted.records,
    batches: current.batches + counted.batches,
  };
  return counted;
}

function smaller(one: Amount, other: Amount): Amount {
  return { records: Math.min(one.records, other.records), batches: Math.min(one.batches, other.batches) };
}

/**
 * A message reports that the org refused a job. Only a granted job can have been refused, and only once.
 * @returns whether it was believed
 */
export function learnUnverified(ledger: Ledger, { id, code }: { id: string; code: string }, moment: Moment): boolean {
  const { now } = moment;
  if (ledger.ended.some((one) => one.id === id)) return false;
  const lease = find(ledger.leases, id) ?? find(ledger.silent, id);
  if (lease === undefined || lease.taught === true) return false;
  lease.taught = true;
  const isFirst = ledger.refused === undefined || ledger.refused.until <= now;
  enterRefusal(ledger, code, moment);
  if (ledger.refused === undefined) return true;
  if (lease.checkedAt !== undefined) delete ledger.refused.by;
  else if (isFirst) ledger.refused.by = reportOf(lease);
  return true;
}

/**
 * Requests and reports that no worker has checked yet or recently: the refusal first, since all wait for it, then the
 * oldest.
 */
export function unchecked(ledger: Ledger, now: number): HolderReport[] {
  const { leases, waiting, unproven = [], refused } = ledger;
  const places = [...leases, ...waiting].filter((one) => isDue(one, now)).map(reportOf);
  const oldest = [...places, ...unproven].sort((one, other) => one.at - other.at);
  const first = new Map<string, HolderReport>();
  for (const { id, holder, at } of [...(refused?.by ? [refused.by] : []), ...oldest]) {
    const key = keyOf({ id, holder });
    if (!first.has(key)) first.set(key, { id, holder, at });
  }
  return [...first.values()].slice(0, MAX_CHECKED);
}

export function needsCheck({ leases, waiting, unproven = [], refused }: Ledger, now: number): boolean {
  if (unproven.length > 0 || refused?.by !== undefined) return true;
  return leases.some((one) => isDue(one, now)) || waiting.some((one) => isDue(one, now));
}

function isDue({ checkedAt = -Infinity }: Lease | Waiting, now: number): boolean {
  return checkedAt + CHECK_HOLDS_MS <= now;
}

type Named = Pick<HolderReport, 'id' | 'holder'>;
/** A place may have got another request number while it was checked. */
const keyOf = ({ id, holder }: Named): string => `${runOfRequest(id)} ${holder}`;

/** A worker has confirmed that these holders exist, or did when they asked. */
export function enterKnown(ledger: Ledger, known: readonly Named[], now: number): void {
  const seen = new Set(known.map(keyOf));
  for (const one of [...ledger.leases, ...ledger.waiting]) if (seen.has(keyOf(one))) one.checkedAt = now;
  ledger.waiting.sort(compareWaiting);
  ledger.unproven = (ledger.unproven ?? []).filter((one) => !seen.has(keyOf(one)));
  if (ledger.refused?.by !== undefined && seen.has(keyOf(ledger.refused.by))) delete ledger.refused.by;
}

/** A worker has found that these holders do not exist: everything reported in their names is undone. */
export function enterGone(ledger: Ledger, gone: readonly Named[], now: number): void {
  const nobody = new Set(gone.map(keyOf));
  for (const one of [...ledger.leases, ...ledger.waiting]) {
    if (nobody.has(keyOf(one))) giveBack(ledger, one.id, now);
  }
  const { unproven = [], refused } = ledger;
  for (const one of unproven) if (nobody.has(keyOf(one))) unspend(ledger, one.end, one);
  ledger.unproven = unproven.filter((one) => !nobody.has(keyOf(one)));
  if (refused?.by === undefined || !nobody.has(keyOf(refused.by))) return;
  if (refused.times === 1) delete ledger.refused;
  else ledger.refused = { code: refused.code, until: now, times: refused.times - 1 };
}

export function sameRules(one: Allocation, other: Allocation): boolean {
  const keys = Object.keys(one) as (keyof Allocation)[];
  return keys.every((key) => one[key] === other[key]);
}
