/** When waiting requests get their lease, and why not now: for the ledger's timer and for people. */
import { clock, count, time } from '../../../domain/text/format.js';
import { expiry, hindrance } from './ledger.js';
import type { Hindrance } from './ledger.js';
import type { Ledger, Waiting } from './ledger-state.js';
import { bucketEnd, held, shortOf } from './rolling-window.js';
import type { Held } from './rolling-window.js';
import type { Forecast } from '../../../protocol/messages/allocation-types.js';

/**
 * Forecasts for the first requests in the queue, in order. Assumes that the running jobs end now and that no other
 * requests arrive, so each is the earliest time, not a promise.
 */
export function forecasts(ledger: Ledger, now: number, most: number): Forecast[] {
  const leaves = bucketEnd(ledger.rules.windowMs, now) + ledger.rules.windowMs;
  const running = ledger.leases.map(({ records, batches }) => ({ until: leaves, records, batches }));
  const taken: Held[] = [...held(ledger, now), ...running];
  let from = Math.max(now, ledger.refused?.until ?? now);
  return ledger.waiting.slice(0, most).map((waiting, place) => {
    from = earliest(ledger, waiting, { taken, from });
    const { records, batches } = waiting;
    taken.push({ until: bucketEnd(ledger.rules.windowMs, from) + ledger.rules.windowMs, records, batches });
    const hindered = place === 0 ? hindrance(ledger, waiting, now) : undefined;
    const known = from > now && hindered !== 'probe' && hindered !== 'jobs';
    const reason =
      place === 0 ? reasonFor(ledger, waiting, { why: hindered, now, at: from }) : behind(ledger, waiting, place);
    return { id: waiting.id, ...(known && { at: from }), reason };
  });
}

/** The first moment at or after `from` at which it fits next to what is in use then. */
function earliest(ledger: Ledger, waiting: Waiting, { taken, from }: { taken: readonly Held[]; from: number }): number {
  const moments = [from, ...taken.map(({ until }) => until).filter((until) => until > from)].sort((a, b) => a - b);
  const fits = (at: number): boolean =>
    shortOf(
      ledger,
      waiting,
      taken.filter(({ until }) => until > at),
    ) === undefined;
  // At the last moment nothing is in use any more.
  return moments.find(fits) ?? from;
}

function reasonFor(
  ledger: Ledger,
  { records, batches, priority }: Waiting,
  { why, now, at }: { why: Hindrance | undefined; now: number; at: number },
): string {
  const { rules, refused, leases } = ledger;
  const window = `${time(rules.windowMs)
    .replace(/\.0 h$/, '-hour')
    .replace(' min', '-minute')} allocation`;
  const beside = priority >= 3 && rules.reservedRecords > 0 ? ` outside the reserve` : '';
  const when = at > now ? `, free at ${clock(at, now)}` : '';
  switch (why) {
    case undefined:
      return 'is next';
    case 'refused':
      return `waits until ${clock(refused?.until ?? now, now)}, because Salesforce refused a job (${refused?.code})`;
    case 'probe':
      return `waits for one job to show that Salesforce accepts jobs again after ${refused?.code}`;
    case 'jobs':
      return rules.maxJobs === 1
        ? 'waits for the running job to end'
        : `waits for one of ${Math.max(rules.maxJobs, leases.length)} jobs to end`;
    case 'records':
      return `waits for ${count(records)} records of the ${window}${beside}${when}`;
    case 'batches':
      return `waits for ${count(batches)} batches of the ${window}${beside}${when}`;
    case 'emptiness':
      return `needs more than the ${window} allows for its priority, so it waits until nothing else is in use${when}`;
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

/**
 * When the ledger takes its next step if no message arrives first: a holder expires, the first in the queue may start,
 * or there is nothing left to remember. `undefined`: only a message can change anything.
 */
export function nextChangeAt(ledger: Ledger, now: number): number | undefined {
  const moments = [...ledger.leases, ...ledger.waiting].map(expiry);
  const first = grantOfFirst(ledger, now);
  if (first !== undefined) moments.push(first);
  if (moments.length === 0) moments.push(emptyAt(ledger, now));
  return moments.length === 0 ? undefined : Math.max(now, Math.min(...moments));
}

function grantOfFirst(ledger: Ledger, now: number): number | undefined {
  const first = ledger.waiting[0];
  if (first === undefined) return undefined;
  const why = hindrance(ledger, first, now);
  if (why === undefined) return now;
  if (why === 'refused') return ledger.refused?.until;
  if (why === 'probe' || why === 'jobs') return undefined;
  // Leases do not leave the window by themselves: their holders report.
  const moves = held(ledger, now);
  return moves
    .map(({ until }) => until)
    .find((at) => {
      const later = [...moves.filter(({ until }) => until > at), ...ledger.leases];
      return shortOf(ledger, first, later) === undefined;
    });
}

/** When the ledger has nothing left to remember and may end; only valid while there are no leases or requests. */
function emptyAt(ledger: Ledger, now: number): number {
  return Math.max(now, ledger.refused?.until ?? now, ...held(ledger, now).map(({ until }) => until));
}

/** No job runs or waits, and all usage has left the window: the next run may start with an empty ledger. */
export function isEmpty(ledger: Ledger, now: number): boolean {
  return ledger.leases.length === 0 && ledger.waiting.length === 0 && emptyAt(ledger, now) <= now;
}
