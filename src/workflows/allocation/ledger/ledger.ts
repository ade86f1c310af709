/**
 * The ledger of one org: which part may start a job now, so that no load takes what another needs and none hits the
 * org's limits. Pure except for the state passed to it: no clock, no random numbers, no Temporal.
 */
import { defined } from '../../../domain/defined.js';
import { runOfRequest } from '../../../domain/name-and-number-limits.js';
import { count } from '../../../domain/text/format.js';
import { batchesFor } from './ledger-state.js';
import type { Ended, Lease, Ledger, Waiting } from './ledger-state.js';
import type { Amount, Request } from '../../../protocol/messages/allocation-types.js';
import { bucketEnd, held, oversized, prune, shortOf, spend, sum } from './rolling-window.js';
import type { Kind } from './rolling-window.js';
import { endRefusal } from './refusals.js';

export type RequestStatus = 'waiting' | 'granted' | 'ended' | 'unknown';

const MIN_PATIENCE_MS = 600_000;
const MAX_PATIENCE_MS = 86_400_000;
/** A waiting holder repeats its request only now and then, since each repeat costs history. */
const WAITING_PATIENCE_MS = 7_200_000;
/** A sweep that is later than this shows that workers or the server stood still. */
const PUNCTUAL_MS = 60_000;

/** Late repeats arrive within minutes; ids are up to about 200 characters long. */
const ENDED_KEPT_MS = 3_600_000;
const MAX_ENDED = 500;

/**
 * Queues a request by priority, then by arrival. A repeat changes nothing; the request of a job that has ended must not
 * be granted a second time.
 *
 * A part has one job at a time, so its run has one place, waiting or granted. Another request of the same run comes
 * from the same part after a reset, or from an impostor: it takes over the place unchanged, with the amounts first
 * requested. So no one can fill the queue in the name of one part, and the part itself gets its answer.
 */
export function request(ledger: Ledger, asked: Request, now: number): RequestStatus {
  const status = renew(ledger, asked.id, now);
  const place = find(ledger.leases, asked.id) ?? find(ledger.waiting, asked.id);
  if (status !== 'ended' && place !== undefined) {
    if (place.holder !== asked.holder) return 'unknown';
    place.id = asked.id;
  }
  if (status !== 'unknown') return status;
  const waiting: Waiting = {
    id: asked.id,
    holder: asked.holder,
    words: asked.words,
    priority: Math.min(5, Math.max(1, Math.round(asked.priority) || 3)),
    ...whole(asked),
    patienceMs: Math.min(MAX_PATIENCE_MS, Math.max(MIN_PATIENCE_MS, asked.patienceMs ?? 0)),
    since: now,
    renewedAt: now,
  };
  const before = ledger.waiting.findLastIndex((one) => compareWaiting(one, waiting) <= 0);
  ledger.waiting.splice(before + 1, 0, waiting);
  return 'waiting';
}

/**
 * The order of the queue. Confirmed holders pass unconfirmed ones: otherwise a sender of many signals would always be
 * ahead for as long as it takes to find that its holders do not exist.
 */
export function compareWaiting(one: Waiting, other: Waiting): number {
  const unseen = ({ checkedAt }: Waiting): number => (checkedAt === undefined ? 1 : 0);
  return unseen(one) - unseen(other) || one.priority - other.priority || one.since - other.since;
}

/** A signal may come from another version: values that are not numbers must not corrupt the sums. */
function whole({ records, batches }: Amount): Amount {
  const safe = (value: number): number =>
    Math.min(Number.MAX_SAFE_INTEGER / 2 ** 20, Math.max(0, Math.ceil(value) || 0));
  return { records: safe(records), batches: safe(batches) };
}

/**
 * The holder is alive. One that was considered gone gets its lease back: its job runs, even if that makes more
 * concurrent jobs than allowed.
 * @param options.processed records that the platform reported as processed
 */
export function renew(ledger: Ledger, id: string, now: number, { processed = 0 } = {}): RequestStatus {
  if (hasEnded(ledger, id)) return 'ended';
  const silent = take(ledger.silent, id);
  if (silent !== undefined) {
    const { end: _, ...lease } = silent;
    ledger.leases.push(lease);
  }
  const lease = find(ledger.leases, id);
  if (lease !== undefined) {
    lease.renewedAt = now;
    lease.processed = Math.max(lease.processed, processed);
    if (processed > 0) endRefusal(ledger, lease);
    return 'granted';
  }
  const waiting = find(ledger.waiting, id);
  if (waiting === undefined) return 'unknown';
  waiting.renewedAt = now;
  return 'waiting';
}

function hasEnded({ ended }: Ledger, id: string): boolean {
  return ended.some((one) => one.id === id);
}

/** What a request's job has used. */
export interface Settlement extends Amount {
  id: string;
}

/**
 * The job has ended and used this amount. Also counts for a holder that continued without a grant because the ledger
 * was unreachable.
 */
export function settle(ledger: Ledger, { id, ...used }: Settlement, now: number): void {
  const before = ledger.ended.find((one) => one.id === id);
  if (before?.how === 'settled') return;
  // A returned request holds nothing any more: the run's place belongs to its next job.
  const open = before === undefined;
  const lease = open ? (take(ledger.leases, id) ?? take(ledger.silent, id)) : undefined;
  const waiting = open ? take(ledger.waiting, id) : undefined;
  const since = lease?.grantedAt ?? waiting?.since ?? 0;
  spend(ledger, whole(used), { now, since });
  if (before === undefined) remember(ledger, { id, at: now, how: 'settled' });
  else before.how = 'settled';
  if (lease !== undefined) endRefusal(ledger, lease);
}

/** Nothing was used: the job failed before its rows were sent, or the part no longer waits for it. */
export function giveBack(ledger: Ledger, id: string, now: number): void {
  if (hasEnded(ledger, id)) return;
  take(ledger.leases, id);
  take(ledger.silent, id);
  take(ledger.waiting, id);
  // Remembered even when unknown: its request may arrive later.
  remember(ledger, { id, at: now, how: 'returned' });
}

/** The place of a request, by the run's latest request number. */
export function find<T extends { id: string }>(list: readonly T[], id: string): T | undefined {
  return list[indexOf(list, id)];
}

function take<T extends { id: string }>(list: T[], id: string): T | undefined {
  const at = indexOf(list, id);
  return at < 0 ? undefined : list.splice(at, 1)[0];
}

function indexOf(list: readonly { id: string }[], id: string): number {
  const run = runOfRequest(id);
  return list.findIndex((one) => runOfRequest(one.id) === run);
}

function remember(ledger: Ledger, ended: Ended): void {
  ledger.ended = [...ledger.ended.filter(({ at }) => at + ENDED_KEPT_MS > ended.at), ended].slice(-MAX_ENDED);
}

/** When a silent holder counts as gone. */
export function expiry(one: Lease | Waiting): number {
  return one.renewedAt + ('grantedAt' in one ? one.patienceMs : Math.max(one.patienceMs, WAITING_PATIENCE_MS));
}

export interface Swept {
  silenced: Lease[];
  dropped: Waiting[];
}

/**
 * Frees the slots and places of silent holders. The job of such a holder may have loaded all its rows, or may still do
 * so: its grant counts as used until it leaves the window, and only its slot is free at once. When the ledger itself is
 * late, everything stood still and no holder could report, so all get their time again.
 */
export function sweep(ledger: Ledger, now: number): Swept {
  const silent = [...ledger.leases, ...ledger.waiting].filter((one) => expiry(one) <= now);
  if (silent.some((one) => expiry(one) + PUNCTUAL_MS < now)) {
    for (const one of silent) one.renewedAt = now;
    return { silenced: [], dropped: [] };
  }
  const gone = new Set(silent.map(({ id }) => id));
  const silenced = ledger.leases.filter(({ id }) => gone.has(id));
  const dropped = ledger.waiting.filter(({ id }) => gone.has(id));
  const end = bucketEnd(ledger.rules.windowMs, now);
  ledger.leases = ledger.leases.filter(({ id }) => !gone.has(id));
  ledger.waiting = ledger.waiting.filter(({ id }) => !gone.has(id));
  ledger.silent.push(...silenced.map((lease) => ({ ...lease, end })));
  shrinkSilent(ledger);
  return { silenced, dropped };
}

/** Kept one by one, so that a holder that comes back finds its lease; not by the thousand. */
const MAX_SILENT = 200;

function shrinkSilent(ledger: Ledger): void {
  // The moment before its end is in the same bucket.
  const tooMany = ledger.silent.splice(0, Math.max(0, ledger.silent.length - MAX_SILENT));
  for (const { end, ...amount } of tooMany) spend(ledger, amount, { now: end - 1, since: 0 });
}

/** Why the first in the queue cannot start. `probe`: one job first tests whether the org accepts jobs again. */
export type Hindrance = 'refused' | 'probe' | 'jobs' | 'emptiness' | Kind;

/** For the first in the queue; the rest wait for it. */
export function hindrance(ledger: Ledger, asked: Waiting, now: number): Hindrance | undefined {
  const { refused, leases, rules } = ledger;
  if (refused !== undefined && now < refused.until) return 'refused';
  if (refused !== undefined && leases.some(({ grantedAt }) => grantedAt >= refused.until)) return 'probe';
  if (leases.length >= rules.maxJobs) return 'jobs';
  return shortOf(ledger, asked, [...held(ledger, now), ...leases]);
}

/**
 * Grants what may start now, strictly in order, even when a later request would fit: a large request would otherwise
 * wait forever behind small ones.
 */
export function grant(ledger: Ledger, now: number): Lease[] {
  prune(ledger, now);
  const granted: Lease[] = [];
  for (let head = ledger.waiting[0]; head !== undefined; head = ledger.waiting[0]) {
    if (hindrance(ledger, head, now) !== undefined) break;
    ledger.waiting.shift();
    const { since: _, ...asked } = head;
    const warning = warningFor(ledger, head);
    const lease = { ...asked, grantedAt: now, renewedAt: now, processed: 0, ...defined({ warning }) };
    ledger.leases.push(lease);
    granted.push(lease);
  }
  return granted;
}

function warningFor(ledger: Ledger, asked: Waiting): string | undefined {
  const kinds = oversized(ledger, asked);
  if (kinds.length === 0) return undefined;
  const needs = kinds.map((kind) => `${count(asked[kind])} ${kind}`).join(' and ');
  return `It needs ${needs}, more than the allocation allows for its priority. It runs alone; Salesforce may leave rows unprocessed.`;
}

/**
 * Takes over the org's own count of its batches (`DailyBulkApiBatches` of `/limits`), since other clients use the org
 * too. Only what the org has certainly counted as ours is subtracted: too much for others makes loads wait until the
 * next read, too little makes them fail. The org's figures lag by minutes; they never lower the ledger's own count.
 */
export function correct(ledger: Ledger, now: number, org: { batchesRemaining: number; batchesMax: number }): void {
  prune(ledger, now);
  const within = (since: number): boolean => since + ledger.rules.windowMs > now;
  const sure = ledger.buckets.filter(({ since }) => within(since));
  const running = ledger.leases
    .filter(({ grantedAt }) => within(grantedAt))
    .map(({ batches, processed }) => Math.min(batches, batchesFor(processed)));
  const ours = running.reduce((total, one) => total + one, sum(sure).batches);
  const used = Math.max(0, org.batchesMax - org.batchesRemaining);
  ledger.others = { batches: Math.max(0, used - ours), max: org.batchesMax, at: now };
}
