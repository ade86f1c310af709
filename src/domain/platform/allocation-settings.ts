/** How much of an org's rolling limits nightload may use: the `allocation` section of a connection. */
import { msToNumber } from '@temporalio/common/lib/time.js';
import type { Duration as TemporalDuration } from '@temporalio/common/lib/time.js';

/** With defaults filled in; plain numbers, so that it can be passed to a workflow. */
export interface Allocation {
  recordsPerWindow: number;
  batchesPerWindow: number;
  windowMs: number;
  /** Kept free for loads of priority 1 and 2; the same share of batches is kept. */
  reservedRecords: number;
  /** Concurrent ingest jobs. */
  maxJobs: number;
}

/** As in a connections file, references resolved. */
export interface AllocationPart {
  recordsPerWindow?: number | undefined;
  batchesPerWindow?: number | undefined;
  window?: string | undefined;
  reserve?: string | number | undefined;
  maxJobs?: number | undefined;
}

/**
 * The platform's published limits. It publishes none for concurrent jobs, but delays work of the whole org beyond 2,000
 * unprocessed requests, and a job of 100 MB is about 100 batches: ten jobs stay well below that, and an org processes
 * ten no faster than two.
 */
export const DEFAULT_ALLOCATION: Readonly<Allocation> = {
  recordsPerWindow: 150_000_000,
  batchesPerWindow: 15_000,
  windowMs: 86_400_000,
  reservedRecords: 0,
  maxJobs: 10,
};

export const SHARE_PATTERN = '^(?:\\d{1,2}(?:\\.\\d+)?|100) ?%$';
/** A ledger cannot follow a shorter window, and no org has a longer one. */
const MIN_WINDOW_MS = 60_000;
const MAX_WINDOW_MS = 7 * 86_400_000;

/** @returns what is wrong with it, as a text that follows the key's name */
export function windowTrouble(window: string): string | undefined {
  const ms = durationOf(window);
  if (Number.isNaN(ms)) return 'is not a duration; write it as 24h';
  return ms < MIN_WINDOW_MS || ms > MAX_WINDOW_MS ? 'must be from 1m to 7d' : undefined;
}

function durationOf(window: string): number {
  try {
    return msToNumber(window as TemporalDuration);
  } catch {
    return Number.NaN;
  }
}

/** @returns what is wrong with it, as a text that follows the key's name */
export function reserveTrouble(part: Pick<AllocationPart, 'reserve' | 'recordsPerWindow'>): string | undefined {
  const { reserve } = part;
  if (typeof reserve === 'string' && !new RegExp(SHARE_PATTERN, 'u').test(reserve)) {
    return 'is not a share; write it as "20%", or as a number of records';
  }
  const records = part.recordsPerWindow ?? DEFAULT_ALLOCATION.recordsPerWindow;
  return reservedOf(reserve, records) >= records
    ? 'leaves nothing for loads of priority 3 to 5, which most loads have; keep it below the whole allocation'
    : undefined;
}

function reservedOf(reserve: string | number | undefined, records: number): number {
  if (reserve === undefined) return DEFAULT_ALLOCATION.reservedRecords;
  return typeof reserve === 'number' ? reserve : Math.ceil((records * Number.parseFloat(reserve)) / 100);
}

/** Resolves a section in which the functions above find no problem. */
export function allocationOf(part: AllocationPart = {}): Allocation {
  const recordsPerWindow = part.recordsPerWindow ?? DEFAULT_ALLOCATION.recordsPerWindow;
  return {
    recordsPerWindow,
    batchesPerWindow: part.batchesPerWindow ?? DEFAULT_ALLOCATION.batchesPerWindow,
    windowMs: part.window === undefined ? DEFAULT_ALLOCATION.windowMs : durationOf(part.window),
    reservedRecords: reservedOf(part.reserve, recordsPerWindow),
    maxJobs: part.maxJobs ?? DEFAULT_ALLOCATION.maxJobs,
  };
}
