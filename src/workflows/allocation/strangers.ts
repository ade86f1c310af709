/**
 * What the ledger believes of messages whose sender it cannot see. A job never used more than it was granted, and jobs
 * that the ledger does not know together fill no more than a small share of the window. Pure.
 */
import type { Allocation } from '../../salesforce/connections-allocation.js';
import type { Amount, Lease, Ledger, Waiting } from './state.js';
import { limits } from './window.js';

/** Of the window: for jobs that went on while the ledger was out of reach. The org's own figures tell of the rest. */
const STRANGERS_SHARE = 0.1;
/** So long the word of a check of a holder holds. */
const CHECK_HOLDS_MS = 3_600_000;
/** Asked about at a time. */
const MAX_CHECKED = 100;

function known({ leases, doubts, waiting }: Ledger, id: string): Amount | undefined {
  return [...leases, ...doubts, ...waiting].find((one) => one.id === id);
}

/** Whether a job of this id runs, or may. */
export function isGranted({ leases, doubts }: Ledger, id: string): boolean {
  return leases.some((one) => one.id === id) || doubts.some((one) => one.id === id);
}

/** How much of what a message says a job has used counts. */
export function believed(ledger: Ledger, id: string, real: Amount, now: number): Amount {
  const asked = known(ledger, id);
  if (asked !== undefined) return smaller(real, asked);
  // It has been counted.
  if (ledger.ended.some((one) => one.id === id && one.how === 'settled')) return real;
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

/** Those who hold or wait and of whom nobody has said yet that they are there, the first in line first. */
export function unchecked({ leases, waiting }: Ledger, now: number): (Lease | Waiting)[] {
  return [...leases, ...waiting]
    .filter(({ checkedAt = -Infinity }) => checkedAt + CHECK_HOLDS_MS <= now)
    .slice(0, MAX_CHECKED);
}

export function enterChecked({ leases, waiting }: Ledger, ids: readonly string[], now: number): void {
  for (const one of [...leases, ...waiting]) if (ids.includes(one.id)) one.checkedAt = now;
}

export function sameRules(one: Allocation, other: Allocation): boolean {
  const keys = Object.keys(one) as (keyof Allocation)[];
  return keys.every((key) => one[key] === other[key]);
}
