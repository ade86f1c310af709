/** Which figures of a load are unusual. */
import { describe, expect, it } from 'vitest';
import type { HistoryEntry } from '../../../../src/contract/load-history.js';
import { compared, median } from '../../../../src/domain/history/deviations.js';

function night(
  day: number,
  change: Partial<HistoryEntry> & { minutes?: number; rows?: number; rejected?: number } = {},
): HistoryEntry {
  const { minutes = 30 + (day % 3), rows = 10_000 + 50 * (day % 5), rejected = day % 4, ...rest } = change;
  const start = Date.UTC(2026, 10, day, 1);
  return {
    ...{ version: 1, loadId: `n-${day}`, workflowId: `bulk-load/n-${day}`, runId: 'r', run: 'run-1' },
    ...{ connection: 'default', object: 'Account', operation: 'upsert', state: 'Completed' },
    ...{ sent: rows, locked: 10, jobs: 1, batches: 2, apiRequests: 40, retry: { rounds: 0, recovered: 0 } },
    startedAt: new Date(start).toISOString(),
    endedAt: new Date(start + 60_000 * minutes).toISOString(),
    records: { total: rows, succeeded: rows - rejected, rejected, unprocessed: 0, unaccounted: 0 },
    ...rest,
  };
}

const usual = Array.from({ length: 10 }, (_, n) => night(10 - n));

describe('a load', () => {
  it('like the others deviates in nothing', () => {
    const [group] = compared(usual);
    expect(group?.loads.map(({ deviates }) => deviates)).toEqual(usual.map(() => ({})));
    expect(group?.usual).toMatchObject({ minutes: 31, batches: 2, apiRequests: 40 });
  });

  it('that is far from the others is marked, and does not change what is usual', () => {
    const bad = night(11, { minutes: 200, rows: 4_000, rejected: 900, locked: 2_000, sent: 9_000, batches: 30 });
    const [group] = compared([bad, ...usual]);
    expect(group?.loads[0]?.deviates).toEqual({
      ...{ rows: 'low', minutes: 'high', rejected: 'high', lockShare: 'high', batches: 'high' },
    });
    expect(group?.loads.slice(1).every(({ deviates }) => Object.keys(deviates).length === 0)).toBe(true);
  });

  it('is compared only with loads of the same schedule, connection, object and operation', () => {
    const other = [
      night(20, { object: 'Contact', rows: 5 }),
      night(21, { schedule: 'nightly', rows: 5 }),
      night(22, { connection: 'b', rows: 5 }),
    ];
    const groups = compared([...other, ...usual]);
    expect(groups).toHaveLength(4);
    expect(groups.slice(0, 3).every(({ usual: known }) => known === undefined)).toBe(true);
  });

  it('that failed does not say what is usual', () => {
    const failed = Array.from({ length: 20 }, (_, n) => night(n + 1, { state: 'Failed', minutes: 1, rows: 0 }));
    const [group] = compared([...failed, ...usual]);
    expect(group?.usual?.minutes).toBe(31);
    expect(group?.loads[0]?.deviates.minutes).toBe('low');
  });

  it('is not marked for differences that are not worth a look', () => {
    const same = Array.from({ length: 10 }, (_, n) => night(10 - n, { minutes: 30, rows: 10_000, rejected: 0 }));
    const near = night(11, { minutes: 30.4, rows: 10_900, rejected: 4, apiRequests: 45 });
    expect(compared([near, ...same])[0]?.loads[0]?.deviates).toEqual({});
  });
});

it('the median is the middle', () => {
  expect([median([3]), median([4, 1]), median([9, 1, 5])]).toEqual([3, 2.5, 5]);
});
