import { describe, expect, it } from 'vitest';
import { DEFAULT_ALLOCATION } from '../../../../../src/domain/platform/allocation-settings.js';
import type { Allocation } from '../../../../../src/domain/platform/allocation-settings.js';
import { forecasts, isEmpty, nextChangeAt } from '../../../../../src/workflows/allocation/ledger/forecast.js';
import { clock } from '../../../../../src/domain/text/format.js';
import {
  correct,
  giveBack,
  grant,
  renew,
  request,
  settle,
  sweep,
} from '../../../../../src/workflows/allocation/ledger/ledger.js';
import type { Request } from '../../../../../src/protocol/messages/allocation-types.js';
import type { OrgSummary } from '../../../../../src/protocol/messages/allocation-messages.js';
import { enterRefusal } from '../../../../../src/workflows/allocation/ledger/refusals.js';
import { pollFactor } from '../../../../../src/workflows/job/poll/poll-throttle.js';
import { batchesFor } from '../../../../../src/domain/platform/batches.js';
import { openLedger } from '../../../../../src/workflows/allocation/ledger/ledger-state.js';
import type { Ledger } from '../../../../../src/workflows/allocation/ledger/ledger-state.js';
import { summary } from '../../../../../src/workflows/allocation/ledger/summary.js';
import { usedBy } from '../../../../../src/workflows/job/lease/lease.js';
import { bar, windowDetails } from '../../../../../src/domain/text/window-details.js';
import { newJobState } from '../../../../../src/workflows/job/job-state.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const NOW = Date.UTC(2026, 10, 25, 1);

function ask(id: string, records: number, more: Partial<Request> = {}): Request {
  return { id, holder: `load/${id}`, words: id, priority: 3, records, batches: batchesFor(records), ...more };
}

function ledgerOf(rules: Partial<Allocation> = {}): Ledger {
  return openLedger({ ...DEFAULT_ALLOCATION, recordsPerWindow: 1_000_000, ...rules });
}

function granted(ledger: Ledger, now: number): string[] {
  return grant(ledger, now).map(({ id }) => id);
}

it.each([
  [0, 0],
  [1, 1],
  [10_000, 1],
  [10_001, 2],
  [150_000_000, 15_000],
])('counts a batch for each 10,000 records: %i records are %i', (records, batches) => {
  expect(batchesFor(records)).toBe(batches);
});

describe('the queue', () => {
  it('lets a higher priority pass waiting requests, never running jobs', () => {
    const ledger = ledgerOf({ maxJobs: 1 });
    for (const [id, priority] of [
      ['a', 3],
      ['b', 3],
      ['c', 5],
      ['d', 1],
    ] as const) {
      request(ledger, ask(id, 10, { priority }), NOW);
      grant(ledger, NOW);
    }
    const order: string[] = [];
    for (let next: string | undefined = 'a'; next !== undefined; next = granted(ledger, NOW)[0]) {
      order.push(next);
      settle(ledger, { id: next, records: 10, batches: 1 }, NOW);
    }
    expect(order).toEqual(['a', 'd', 'b', 'c']);
  });

  it('lets no small request pass a large one that waits for capacity', () => {
    const ledger = ledgerOf();
    request(ledger, ask('first', 900_000), NOW);
    expect(granted(ledger, NOW)).toEqual(['first']);
    request(ledger, ask('large', 500_000), NOW);
    request(ledger, ask('small', 10), NOW);
    expect(granted(ledger, NOW)).toEqual([]);
    expect(forecasts(ledger, NOW, 10)).toMatchObject([
      { id: 'large', reason: expect.stringContaining('waits for 500,000 records of the 24-hour allocation') as string },
      { id: 'small', reason: 'behind 1 part that asked earlier' },
    ]);
  });

  it('keeps the reserve for priority 1 and 2', () => {
    const ledger = ledgerOf({ reservedRecords: 200_000 });
    request(ledger, ask('night', 800_000), NOW);
    request(ledger, ask('more', 100_000), NOW);
    expect(granted(ledger, NOW)).toEqual(['night']);
    request(ledger, ask('morning', 150_000, { priority: 2 }), NOW);
    expect(granted(ledger, NOW)).toEqual(['morning']);
  });

  it('runs a request larger than the limit alone, with a warning', () => {
    const ledger = ledgerOf();
    request(ledger, ask('before', 10), NOW);
    grant(ledger, NOW);
    request(ledger, ask('huge', 2_000_000), NOW);
    expect(granted(ledger, NOW)).toEqual([]);
    settle(ledger, { id: 'before', records: 10, batches: 1 }, NOW);
    const at = forecasts(ledger, NOW, 1)[0]?.at ?? 0;
    expect(at).toBeGreaterThan(NOW + 24 * HOUR);
    expect(granted(ledger, at - 1)).toEqual([]);
    expect(grant(ledger, at)).toMatchObject([
      { id: 'huge', warning: expect.stringContaining('2,000,000 records') as string },
    ]);
  });
});

describe('silent holders', () => {
  it('lose their lease, and their granted amount counts for a window', () => {
    const ledger = ledgerOf({ maxJobs: 1 });
    request(ledger, ask('gone', 900_000), NOW);
    request(ledger, ask('next', 200_000), NOW);
    expect(granted(ledger, NOW)).toEqual(['gone']);
    const swept = nextChangeAt(ledger, NOW) as number;
    renew(ledger, 'next', swept - 1);
    expect(sweep(ledger, swept).silenced.map(({ id }) => id)).toEqual(['gone']);
    expect(granted(ledger, swept)).toEqual([]);
    expect(summary(ledger, swept)).toMatchObject({
      records: { used: 900_000, granted: 0 },
      silentJobs: 1,
      jobsTotal: 0,
    });
    // It comes back: its job had run all the time.
    expect(renew(ledger, 'gone', swept + 1)).toBe('granted');
    settle(ledger, { id: 'gone', records: 100, batches: 1 }, swept + 2);
    expect(granted(ledger, swept + 2)).toEqual(['next']);
  });

  it('all get their full time again if the ledger itself was stopped', () => {
    const ledger = ledgerOf();
    request(ledger, ask('a', 10), NOW);
    grant(ledger, NOW);
    expect(sweep(ledger, NOW + 5 * HOUR)).toEqual({ silenced: [], dropped: [] });
    expect(ledger.leases).toHaveLength(1);
  });

  it('give back a lease before their request arrives: it is not granted any more', () => {
    const ledger = ledgerOf();
    giveBack(ledger, 'a', NOW);
    expect(request(ledger, ask('a', 10), NOW)).toBe('ended');
    expect(granted(ledger, NOW)).toEqual([]);
  });
});

describe('a refusal of the org', () => {
  it('stops all, lets one job try, and is forgotten once that job has processed records', () => {
    const ledger = ledgerOf();
    for (const id of ['a', 'b', 'c']) request(ledger, ask(id, 10), NOW);
    grant(ledger, NOW);
    const until = enterRefusal(ledger, 'EXCEEDED_QUOTA', { now: NOW, jitter: 0.5 });
    expect(enterRefusal(ledger, 'EXCEEDED_QUOTA', { now: NOW + 1, jitter: 0.9 })).toBe(until);
    for (const id of ['a', 'b', 'c']) giveBack(ledger, id, NOW);
    for (const id of ['d', 'e']) request(ledger, ask(id, 10), NOW);
    expect(granted(ledger, NOW)).toEqual([]);
    expect(forecasts(ledger, NOW, 1)[0]).toMatchObject({
      at: until,
      reason: expect.stringContaining('EXCEEDED_QUOTA') as string,
    });
    expect(nextChangeAt(ledger, NOW)).toBe(until);
    expect(granted(ledger, until)).toEqual(['d']);
    renew(ledger, 'd', until + 1, { processed: 0 });
    expect(granted(ledger, until + 1)).toEqual([]);
    renew(ledger, 'd', until + 2, { processed: 5 });
    expect(granted(ledger, until + 2)).toEqual(['e']);
  });

  it('makes the next wait longer if the trial is refused too, up to an hour and a fifth', () => {
    const ledger = ledgerOf();
    let now = NOW;
    const waits: number[] = [];
    for (let n = 0; n < 8; n++) {
      request(ledger, ask(`job-${n}`, 10), now);
      expect(granted(ledger, now)).toEqual([`job-${n}`]);
      const until = enterRefusal(ledger, 'REQUEST_LIMIT_EXCEEDED', { now, jitter: 0.99 });
      giveBack(ledger, `job-${n}`, now);
      waits.push((until - now) / MINUTE);
      now = until;
    }
    expect(waits[0]).toBeCloseTo(5 * 1.198, 2);
    expect(waits[1]).toBeCloseTo(10 * 1.198, 2);
    expect(Math.max(...waits)).toBeLessThan(72);
    expect(waits.at(-1)).toBeCloseTo(60 * 1.198, 2);
  });
});

describe("the org's own limits", () => {
  it('subtract the usage of other programs, without counting ours twice', () => {
    const ledger = ledgerOf({ batchesPerWindow: 100 });
    request(ledger, ask('ours', 300_000), NOW);
    grant(ledger, NOW);
    settle(ledger, { id: 'ours', records: 300_000, batches: 30 }, NOW + MINUTE);
    correct(ledger, NOW + 2 * MINUTE, { batchesRemaining: 20, batchesMax: 100 });
    expect(summary(ledger, NOW + 2 * MINUTE).batches).toMatchObject({ used: 80, others: 50, free: 20 });
    request(ledger, ask('too much', 210_000), NOW + 2 * MINUTE);
    expect(granted(ledger, NOW + 2 * MINUTE)).toEqual([]);
    correct(ledger, NOW + 20 * MINUTE, { batchesRemaining: 70, batchesMax: 100 });
    expect(granted(ledger, NOW + 20 * MINUTE)).toEqual(['too much']);
  });

  it('lower the limit if the org has fewer batches than the setting', () => {
    const ledger = ledgerOf();
    correct(ledger, NOW, { batchesRemaining: 5, batchesMax: 5 });
    expect(summary(ledger, NOW).batches.limit).toBe(5);
  });
});

it('have no state left when all usage has left the window', () => {
  const ledger = ledgerOf();
  request(ledger, ask('a', 10), NOW);
  grant(ledger, NOW);
  settle(ledger, { id: 'a', records: 10, batches: 1 }, NOW);
  const end = nextChangeAt(ledger, NOW) as number;
  expect(isEmpty(ledger, end - 1)).toBe(false);
  expect(isEmpty(ledger, end)).toBe(true);
  expect(end).toBeLessThanOrEqual(NOW + 24 * HOUR + 15 * MINUTE);
});

describe('the usage of a job', () => {
  const look = (state: string, processed: number, failed = 0) => ({
    ...newJobState(),
    jobId: 'j',
    closed: true,
    last: { id: 'j', state, processed, failed },
  });
  it.each([
    ['a complete one: what it processed', look('JobComplete', 25_000, 3), { records: 25_000, batches: 3 }],
    ['one that failed halfway: all of its batches', look('Failed', 11_000), { records: 11_000, batches: 3 }],
    ['one that could not begin: nothing', look('Failed', 0), { records: 0, batches: 0 }],
    ['one whose end is unknown: all', look('InProgress', 5), { records: 25_000, batches: 3 }],
  ])('%s', (_name, run, used) => {
    expect(usedBy({ records: 25_000 }, run)).toEqual(used);
  });
  it('is zero for a job that was never closed', () => {
    expect(usedBy({ records: 25_000 }, { ...look('Aborted', 0), closed: false })).toBeUndefined();
  });
});

it.each([
  [undefined, 1],
  [0.79, 1],
  [0.8, 2],
  [0.95, 4],
])('polls jobs less often when API requests become scarce: %s used, %i times as long', (used, factor) => {
  expect(pollFactor(used)).toBe(factor);
});

describe('texts', () => {
  it('show every share above zero', () => {
    expect(bar({ limit: 100, used: 50, granted: 1, reserved: 20, free: 29 }, 10)).toBe('█████▓░░··');
    expect(bar({ limit: 100, used: 100, granted: 50, reserved: 0, free: 0 }, 10)).toBe('██████████');
    expect(bar({ limit: 100, used: 0, granted: 0, reserved: 0, free: 100 }, 10)).toBe('··········');
  });

  it('list who runs, who waits and why, with times rounded up', () => {
    const ledger = ledgerOf();
    request(ledger, ask('a', 900_000), NOW);
    grant(ledger, NOW);
    settle(ledger, { id: 'a', records: 900_000, batches: 90 }, NOW);
    request(ledger, ask('b', 500_000), NOW);
    const all: OrgSummary = { ...summary(ledger, NOW), org: '00D000000000001', connections: ['default'] };
    const text = windowDetails(all);
    expect(text).toContain('100,000 of 1,000,000 records free, 900,000 used');
    expect(text).toContain('waits: b (`load/b`), priority 3: waits for 500,000 records');
    expect(text).toContain('free at 2026-11-26 01:15 UTC');
    expect(clock(NOW + 1, NOW)).toBe('01:01 UTC');
  });
});
