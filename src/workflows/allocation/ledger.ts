/**
 * The ledger of one org: who may start a job now, so that no load takes what another needs and none meets the org's
 * limits. Pure but for the state that it is handed: no clock, no random numbers, no Temporal.
 */
import { count } from '../words.js';
import { batchesFor } from './state.js';
import type { Amount, Ended, Lease, Ledger, Waiting } from './state.js';
import { bucketEnd, held, oversized, prune, shortOf, spend, sum } from './window.js';
import type { Kind } from './window.js';

/** What a holder asks with. */
export interface Request extends Amount {
  id: string;
  holder: string;
  words: string;
  priority: number;
  /** How long the holder may be silent at most. @default 10 minutes, which is also the least */
  patienceMs?: number;
}

export type Standing = 'waiting' | 'granted' | 'ended' | 'unknown';

const LEAST_PATIENCE_MS = 600_000;
const MOST_PATIENCE_MS = 86_400_000;
/** Who waits only repeats its request now and then, since each repeat costs history. */
const WAITING_PATIENCE_MS = 7_200_000;
/** A sweep that comes later than this after its time shows that workers or server stood still. */
const PUNCTUAL_MS = 60_000;

/** Late repeats come within minutes; ids are up to some 200 characters long. */
const ENDED_KEPT_MS = 3_600_000;
const MAX_ENDED = 500;

/**
 * Puts a request in its place: by priority, then by arrival. A repeat changes nothing; one of a job that has ended must
 * not be granted a second time.
 */
export function request(ledger: Ledger, asked: Request, now: number): Standing {
  const standing = renew(ledger, asked.id, now);
  if (standing !== 'unknown') return standing;
  const waiting: Waiting = {
    id: asked.id,
    holder: asked.holder,
    words: asked.words,
    priority: Math.min(5, Math.max(1, Math.round(asked.priority) || 3)),
    ...whole(asked),
    patienceMs: Math.min(MOST_PATIENCE_MS, Math.max(LEAST_PATIENCE_MS, asked.patienceMs ?? 0)),
    since: now,
    renewedAt: now,
  };
  const place = ledger.waiting.findLastIndex(({ priority }) => priority <= waiting.priority);
  ledger.waiting.splice(place + 1, 0, waiting);
  return 'waiting';
}

/** A signal may come from another version: what is no number must not spoil the sums. */
function whole({ records, batches }: Amount): Amount {
  const safe = (value: number): number =>
    Math.min(Number.MAX_SAFE_INTEGER / 2 ** 20, Math.max(0, Math.ceil(value) || 0));
  return { records: safe(records), batches: safe(batches) };
}

/**
 * The holder is there. One that was thought gone gets its lease back: its job runs, even when that makes more jobs at a
 * time than there should be.
 * @param processed records that the platform said it has processed
 */
export function renew(ledger: Ledger, id: string, now: number, processed = 0): Standing {
  const doubt = take(ledger.doubts, id);
  if (doubt !== undefined) {
    const { end: _, ...lease } = doubt;
    ledger.leases.push(lease);
  }
  const lease = ledger.leases.find((one) => one.id === id);
  if (lease !== undefined) {
    lease.renewedAt = now;
    lease.processed = Math.max(lease.processed, processed);
    if (processed > 0) refusalIsOver(ledger, lease);
    return 'granted';
  }
  const waiting = ledger.waiting.find((one) => one.id === id);
  if (waiting !== undefined) {
    waiting.renewedAt = now;
    return 'waiting';
  }
  return ledger.ended.some((one) => one.id === id) ? 'ended' : 'unknown';
}

/**
 * The job has ended and used so much. That also counts for a holder that went on without a grant, because the ledger
 * was out of reach.
 */
export function settle(ledger: Ledger, id: string, real: Amount, now: number): void {
  const before = ledger.ended.find((one) => one.id === id);
  if (before?.how === 'settled') return;
  const lease = take(ledger.leases, id) ?? take(ledger.doubts, id);
  const waiting = take(ledger.waiting, id);
  const since = lease?.grantedAt ?? waiting?.since ?? 0;
  spend(ledger, now, since, whole(real));
  if (before === undefined) remember(ledger, { id, at: now, how: 'settled' });
  else before.how = 'settled';
  if (lease !== undefined) refusalIsOver(ledger, lease);
}

/** Only a job that began after the refusal shows that the org takes jobs again. */
function refusalIsOver(ledger: Ledger, lease: Lease): void {
  if (ledger.refused !== undefined && lease.grantedAt >= ledger.refused.until) delete ledger.refused;
}

/** Nothing was used: the job failed before its rows were sent, or nobody waits for it any more. */
export function giveBack(ledger: Ledger, id: string, now: number): void {
  if (ledger.ended.some((one) => one.id === id)) return;
  take(ledger.leases, id);
  take(ledger.doubts, id);
  take(ledger.waiting, id);
  // Remembered even when unknown: its request may come after it.
  remember(ledger, { id, at: now, how: 'returned' });
}

function take<T extends { id: string }>(list: T[], id: string): T | undefined {
  const at = list.findIndex((one) => one.id === id);
  return at < 0 ? undefined : list.splice(at, 1)[0];
}

function remember(ledger: Ledger, ended: Ended): void {
  ledger.ended = [...ledger.ended.filter(({ at }) => at + ENDED_KEPT_MS > ended.at), ended].slice(-MAX_ENDED);
}

/** When a holder that stays silent counts as gone. */
export function expiry(one: Lease | Waiting): number {
  return one.renewedAt + ('grantedAt' in one ? one.patienceMs : Math.max(one.patienceMs, WAITING_PATIENCE_MS));
}

export interface Swept {
  doubted: Lease[];
  dropped: Waiting[];
}

/**
 * Frees the slots and places of holders that are gone. A job of a holder that is gone may have loaded all its rows, or
 * may do so yet: what it was granted counts as used until the window has moved, and only its slot is free at once. When
 * the ledger itself comes late, everything stood still: nobody could have been heard, so all get their time anew.
 */
export function sweep(ledger: Ledger, now: number): Swept {
  const silent = [...ledger.leases, ...ledger.waiting].filter((one) => expiry(one) <= now);
  if (silent.some((one) => expiry(one) + PUNCTUAL_MS < now)) {
    for (const one of silent) one.renewedAt = now;
    return { doubted: [], dropped: [] };
  }
  const gone = new Set(silent.map(({ id }) => id));
  const doubted = ledger.leases.filter(({ id }) => gone.has(id));
  const dropped = ledger.waiting.filter(({ id }) => gone.has(id));
  const end = bucketEnd(ledger.rules.windowMs, now);
  ledger.leases = ledger.leases.filter(({ id }) => !gone.has(id));
  ledger.waiting = ledger.waiting.filter(({ id }) => !gone.has(id));
  ledger.doubts.push(...doubted.map((lease) => ({ ...lease, end })));
  shrinkDoubts(ledger);
  return { doubted, dropped };
}

/** In doubt one by one, so that a holder that comes back finds its lease; not by the thousand. */
const MAX_DOUBTS = 200;

function shrinkDoubts(ledger: Ledger): void {
  // The moment before its end lies in the same bucket.
  const tooMany = ledger.doubts.splice(0, Math.max(0, ledger.doubts.length - MAX_DOUBTS));
  for (const { end, ...amount } of tooMany) spend(ledger, end - 1, 0, amount);
}

/** Why the next in turn does not go. `probe`: one job shows first whether the org takes jobs again. */
export type Hindrance = 'refused' | 'probe' | 'jobs' | 'emptiness' | Kind;

/** Of the first in the queue; those behind it wait for it. */
export function hindrance(ledger: Ledger, asked: Waiting, now: number): Hindrance | undefined {
  const { refused, leases, rules } = ledger;
  if (refused !== undefined && now < refused.until) return 'refused';
  if (refused !== undefined && leases.some(({ grantedAt }) => grantedAt >= refused.until)) return 'probe';
  if (leases.length >= rules.maxJobs) return 'jobs';
  return shortOf(ledger, asked, [...held(ledger, now), ...leases]);
}

/**
 * Grants what may go now, in order. Strictly the first in the queue first, even when one behind it would fit: whoever
 * asks for much would otherwise wait for ever behind those who ask for little.
 */
export function grant(ledger: Ledger, now: number): Lease[] {
  prune(ledger, now);
  const granted: Lease[] = [];
  for (let head = ledger.waiting[0]; head !== undefined; head = ledger.waiting[0]) {
    if (hindrance(ledger, head, now) !== undefined) break;
    ledger.waiting.shift();
    const { since: _, ...asked } = head;
    const warning = warningFor(ledger, head);
    const lease = { ...asked, grantedAt: now, renewedAt: now, processed: 0, ...(warning !== undefined && { warning }) };
    ledger.leases.push(lease);
    granted.push(lease);
  }
  return granted;
}

function warningFor(ledger: Ledger, asked: Waiting): string | undefined {
  const kinds = oversized(ledger, asked);
  if (kinds.length === 0) return undefined;
  const needs = kinds.map((kind) => `${count(asked[kind])} ${kind}`).join(' and ');
  return `It needs ${needs}, which is more than the allocation has for its priority. It goes alone; Salesforce may leave rows unprocessed.`;
}

/**
 * Takes over the org's own account of its batches (`DailyBulkApiBatches` of `/limits`), since others use the org too.
 * Taken off is only what the org surely counts as ours: too much for others makes loads wait until the next look, too
 * little makes them fail. The org's figures lag behind by minutes; the ledger's own count is never lowered by them.
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

const FIRST_REFUSAL_MS = 300_000;
const LONGEST_REFUSAL_MS = 3_600_000;

/**
 * The org refused a job because of a limit (`EXCEEDEDQUOTA`, `REQUEST_LIMIT_EXCEEDED`): the ledger was wrong about what
 * is free. Nothing is granted until its own use moves on or, if that takes long, for a while that doubles.
 * @param jitter in [0, 1); only lengthens
 * @returns until when
 */
export function learnExceeded(ledger: Ledger, now: number, code: string, jitter: number): number {
  const { refused } = ledger;
  // Jobs that run side by side are refused together: that is one lesson, not many.
  if (refused !== undefined && now < refused.until) return refused.until;
  const times = (refused?.times ?? 0) + 1;
  const backoff = FIRST_REFUSAL_MS * 2 ** Math.min(times - 1, 10);
  const moves = (held(ledger, now)[0]?.until ?? now) - now;
  const wait = Math.min(LONGEST_REFUSAL_MS, Math.max(backoff, moves)) * (1 + 0.2 * jitter);
  const until = now + Math.ceil(wait);
  ledger.refused = { code, until, times };
  return until;
}
