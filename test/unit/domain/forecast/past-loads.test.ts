/** What past loads tell about the next one. */
import { expect, it } from 'vitest';
import type { HistoryEntry } from '../../../../src/contract/load-history.js';
import { pastLoads } from '../../../../src/domain/forecast/past-loads.js';
import { phaseSeconds } from '../../../../src/domain/history/phase-seconds.js';

function load(rows: number, loading: number, more: Partial<HistoryEntry> = {}): HistoryEntry {
  return {
    ...{ version: 1, loadId: 'n', workflowId: 'bulk-load/n', runId: 'r', run: 'run-1', connection: 'default' },
    ...{ object: 'Account', operation: 'upsert', state: 'Completed', sent: rows, locked: 0, jobs: 1, batches: 1 },
    ...{ apiRequests: 9, retry: { rounds: 0, recovered: 0 }, startedAt: '2026-11-30T01:00:00.000Z' },
    endedAt: '2026-11-30T02:00:00.000Z',
    records: { total: rows, succeeded: rows, rejected: 0, unprocessed: 0, unaccounted: 0 },
    seconds: { planning: 10, loading, retrying: loading / 10, reporting: 4 },
    ...more,
  };
}

it('gives the speed, the duration, and how much time retries took', () => {
  const retried = load(600_000, 1_000, { sent: 660_000 });
  const past = pastLoads([retried, retried], undefined);
  expect(past).toMatchObject({ loads: 2, retryShare: 0.1, retryWaitMs: 0, restMs: 4_000, rate: { sd: 0 } });
  expect(Math.exp(past?.rate.mean ?? 0)).toBeCloseTo(0.6);
  expect(Math.exp(past?.duration.mean ?? 0)).toBeCloseTo(1_114_000, -1);
});

it('leaves out loads of a few rejected rows, whose waits say nothing about a night', () => {
  const mended = (rows: number): HistoryEntry =>
    load(rows, 6, { sent: 2 * rows, seconds: { planning: 1, loading: 6, retrying: 70, reporting: 1 } });
  const past = pastLoads([mended(26), mended(5), load(60_000, 104), load(60_000, 24)], undefined);
  expect(past).toMatchObject({ loads: 2, rows: 60_000, retryShare: 0 });
  // A wait of a minute stays a minute.
  expect(pastLoads([mended(26)], undefined)).toMatchObject({ retryShare: 1, retryWaitMs: 64_000 });
});

it('has a spread when nights differ', () => {
  const { rate } = pastLoads([load(600_000, 500), load(600_000, 1_000), load(600_000, 2_000)], undefined) ?? {};
  expect(rate?.sd).toBeCloseTo(Math.log(2));
});

it('is unknown without loads that ended well, took a while, and kept their times', () => {
  const { seconds: _none, ...old } = load(10, 100);
  const useless = [load(10, 100, { state: 'Failed' }), load(10, 1), load(0, 100), old];
  expect(pastLoads(useless, undefined)).toBeUndefined();
  expect(pastLoads([...useless, load(10, 100, { state: 'CompletedWithRejects' })], undefined)?.loads).toBe(1);
});

it('prefers loads of the same schedule once there are enough', () => {
  const others = [load(900, 100), load(900, 100), load(900, 100)];
  const own = (n: number): HistoryEntry[] => Array.from({ length: n }, () => load(1_000, 100, { schedule: 'nightly' }));
  expect(pastLoads([...others, ...own(2)], 'nightly')?.loads).toBe(5);
  expect(pastLoads([...others, ...own(3)], 'nightly')).toMatchObject({ loads: 3, rate: { sd: 0 } });
  expect(pastLoads(own(50), 'nightly')?.loads).toBe(20);
});

it('measures phases without pauses', () => {
  const at = (minute: number): string => new Date(Date.UTC(2026, 10, 30, 1, minute)).toISOString();
  const seconds = phaseSeconds({
    phases: [
      { phase: 'planning', at: at(1) },
      { phase: 'loading', at: at(2) },
      { phase: 'retrying', at: at(32) },
      { phase: 'holding', at: at(40) },
      { phase: 'retrying', at: at(50) },
      { phase: 'reporting', at: at(52) },
    ],
    pauses: [
      { from: at(10), to: at(20) },
      { from: at(31), to: at(33) },
    ],
    endedAt: at(53),
  });
  expect(seconds).toEqual({ planning: 60, loading: 30 * 60 - 660, retrying: 8 * 60 - 60 + 120, reporting: 60 });
});
