/** When whoever waits gets its turn, and why not now: for the ledger's timer and for people. */
import { count, time } from '../words.js';
import { expiry, hindrance } from './ledger.js';
import type { Hindrance } from './ledger.js';
import type { Ledger, Waiting } from './state.js';
import { bucketEnd, held, shortOf } from './window.js';
import type { Held } from './window.js';

export interface Forecast {
  id: string;
  /** When it may go at the earliest. Absent when that depends on jobs that run: nobody knows when they end. */
  at?: number;
  reason: string;
}

/**
 * For the first of those who wait, in their order. It assumes that the running jobs end now and that nobody else comes, so it is the
 * earliest time, not a promise.
 */
export function forecasts(ledger: Ledger, now: number, most: number): Forecast[] {
  const leaves = bucketEnd(ledger.rules.windowMs, now) + ledger.rules.windowMs;
  const running = ledger.leases.map(({ records, batches }) => ({ until: leaves, records, batches }));
  const taken: Held[] = [...held(ledger, now), ...running];
  let from = Math.max(now, ledger.refused?.until ?? now);
  return ledger.waiting.slice(0, most).map((waiting, place) => {
    from = earliest(ledger, waiting, taken, from);
    const { records, batches } = waiting;
    taken.push({ until: bucketEnd(ledger.rules.windowMs, from) + ledger.rules.windowMs, records, batches });
    const hindered = place === 0 ? hindrance(ledger, waiting, now) : undefined;
    const known = from > now && hindered !== 'probe' && hindered !== 'jobs';
    const reason = place === 0 ? reasonFor(ledger, waiting, hindered, now, from) : behind(ledger, waiting, place);
    return { id: waiting.id, ...(known && { at: from }), reason };
  });
}

/** The first moment from `from` on at which it fits beside what is taken then. */
function earliest(ledger: Ledger, waiting: Waiting, taken: readonly Held[], from: number): number {
  const moments = [from, ...taken.map(({ until }) => until).filter((until) => until > from)].sort((a, b) => a - b);
  const fits = (at: number): boolean =>
    shortOf(
      ledger,
      waiting,
      taken.filter(({ until }) => until > at),
    ) === undefined;
  // At the last moment nothing is taken any more.
  return moments.find(fits) ?? from;
}

function reasonFor(
  ledger: Ledger,
  { records, batches, priority }: Waiting,
  why: Hindrance | undefined,
  now: number,
  at: number,
): string {
  const { rules, refused, leases } = ledger;
  const window = `${time(rules.windowMs)
    .replace(/\.0 h$/, '-hour')
    .replace(' min', '-minute')} allocation`;
  const beside = priority >= 3 && rules.reservedRecords > 0 ? ` beside the reserve` : '';
  const when = at > now ? `, free at ${clock(at, now)}` : '';
  switch (why) {
    case undefined:
      return 'is next';
    case 'refused':
      return `waits until ${clock(refused?.until ?? now, now)}, because Salesforce refused a job (${refused?.code})`;
    case 'probe':
      return `waits for one job to show that Salesforce takes jobs again after ${refused?.code}`;
    case 'jobs':
      return rules.maxJobs === 1
        ? 'waits for the running job to end'
        : `waits for one of ${Math.max(rules.maxJobs, leases.length)} jobs to end`;
    case 'records':
      return `waits for ${count(records)} records of the ${window}${beside}${when}`;
    case 'batches':
      return `waits for ${count(batches)} batches of the ${window}${beside}${when}`;
    case 'emptiness':
      return `needs more than the ${window} has for its priority, so it waits until nothing else is used${when}`;
  }
}

function behind(ledger: Ledger, { priority }: Waiting, place: number): string {
  const first = ledger.waiting.slice(0, place).filter((other) => other.priority < priority).length;
  const parts = (number: number): string => `${count(number)} ${number === 1 ? 'part' : 'parts'}`;
  const earlier = place - first;
  if (first === 0) return `behind ${parts(earlier)} that asked earlier`;
  const higher = `behind ${parts(first)} with a higher priority`;
  return earlier === 0 ? higher : `${higher} and ${parts(earlier)} that asked earlier`;
}

/** The same of a moment that is over: rounded down. */
export function pastClock(at: number, now: number): string {
  return clock(Math.floor(at / 60_000) * 60_000, now);
}

/** `03:40 UTC`, with the day when it is another one. Rounded up: at that minute it is so. */
export function clock(at: number, now: number): string {
  const [day, clockTime] = new Date(Math.ceil(at / 60_000) * 60_000).toISOString().split(/[TZ]/) as [string, string];
  const today = new Date(now).toISOString().startsWith(day);
  return `${today ? '' : `${day} `}${clockTime.slice(0, 5)} UTC`;
}

/**
 * When to look at the ledger again, if no message comes before: then somebody counts as gone, or the first in the queue
 * may go, or there is nothing left to remember. `undefined`: only a message can change anything.
 */
export function nextChangeAt(ledger: Ledger, now: number): number | undefined {
  const moments = [...ledger.leases, ...ledger.waiting].map(expiry);
  const turn = turnOfFirst(ledger, now);
  if (turn !== undefined) moments.push(turn);
  if (moments.length === 0) moments.push(emptyAt(ledger, now));
  return moments.length === 0 ? undefined : Math.max(now, Math.min(...moments));
}

function turnOfFirst(ledger: Ledger, now: number): number | undefined {
  const first = ledger.waiting[0];
  if (first === undefined) return undefined;
  const why = hindrance(ledger, first, now);
  if (why === undefined) return now;
  if (why === 'refused') return ledger.refused?.until;
  if (why === 'probe' || why === 'jobs') return undefined;
  // Leases do not leave by themselves: their holders report.
  const moves = held(ledger, now);
  return moves
    .map(({ until }) => until)
    .find((at) => {
      const later = [...moves.filter(({ until }) => until > at), ...ledger.leases];
      return shortOf(ledger, first, later) === undefined;
    });
}

/** From when on the ledger has nothing to remember, so that it may end; only true while nobody asks for anything. */
function emptyAt(ledger: Ledger, now: number): number {
  return Math.max(now, ledger.refused?.until ?? now, ...held(ledger, now).map(({ until }) => until));
}

/** Nobody runs or waits, and what was used has left the window: the next one may begin with an empty ledger. */
export function isEmpty(ledger: Ledger, now: number): boolean {
  return ledger.leases.length === 0 && ledger.waiting.length === 0 && emptyAt(ledger, now) <= now;
}
