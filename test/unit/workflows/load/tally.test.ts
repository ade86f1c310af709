import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_LISTED_JOBS } from '../../../../src/contract/load-result.js';
import type { JobSummary, LoadError } from '../../../../src/contract/load-result.js';
import type { ResultCounts } from '../../../../src/protocol/activities/ended-parts.js';
import {
  buildResult,
  circuitOpen,
  closingState,
  enterJobs,
  enterPart,
  isBalanced,
  listedJobs,
  emptyTally,
  recordCounts,
} from '../../../../src/workflows/load/tally.js';
import type { Tally } from '../../../../src/workflows/load/tally.js';

const tally = (filled: Partial<Tally>): Tally => ({ ...emptyTally(), ...filled });
const rows = (filled: Partial<ResultCounts>): ResultCounts => ({
  succeeded: 0,
  failed: 0,
  failedForGood: 0,
  unprocessed: 0,
  ...filled,
});
const job = (id: number, state: string, failed: number): JobSummary => ({
  id: `750-${id}`,
  operation: 'upsert',
  state,
  records: 10,
  failed,
  polls: 1,
});
const head = {
  loadId: 'night',
  workflowId: 'bulk-load/night',
  runId: 'run',
  object: 'Account',
  operation: 'upsert',
} as const;
const error: LoadError = { code: 'JOB_FAILED', message: 'It failed.' };

describe('the balance', () => {
  it('accounts for every row, whatever the outcomes', () => {
    const count = fc.nat({ max: 1_000_000 });
    const filled = fc.record({ total: count, succeeded: count, rejected: count, unprocessed: count, failed: count });
    fc.assert(
      fc.property(filled, (counted) => {
        const { total, succeeded, rejected, unprocessed, unaccounted } = recordCounts(tally(counted));
        expect(total).toBe(counted.total);
        expect([succeeded, rejected, unprocessed]).toEqual([counted.succeeded, counted.rejected, counted.unprocessed]);
        expect(succeeded + rejected + unprocessed + unaccounted).toBe(total);
      }),
    );
  });

  it('counts every row of a part once, and permanent failures among the failed rows', () => {
    const filled = emptyTally();
    const counts = { succeeded: 70, failed: 20, failedForGood: 5, unprocessed: 7 };
    enterPart(filled, { part: 1, kind: 'loaded', counts, missing: 3 });
    enterPart(filled, { part: 2, kind: 'loaded', counts: rows({ succeeded: 100 }), missing: 0 });
    expect(filled).toMatchObject({ seen: 200, succeeded: 170, failed: 20, failedForGood: 5, unprocessed: 7 });
  });

  it.each<[boolean, Partial<Tally>]>([
    [true, {}],
    [true, { total: 6, succeeded: 3, rejected: 2, unprocessed: 1 }],
    [false, { total: 7, succeeded: 3, rejected: 2, unprocessed: 1 }],
    [false, { total: 5, succeeded: 3, rejected: 2, unprocessed: 1 }],
    [false, { total: 3, succeeded: 3, disagreeing: 1 }],
  ])('is %s for %j', (balanced, filled) => {
    expect(isBalanced(tally(filled))).toBe(balanced);
  });
});

describe('circuitOpen', () => {
  const defaults = { failedRatio: 0.5, afterRecords: 10_000 };
  it.each<[string, boolean, Partial<Tally>]>([
    ['nothing looked at', false, {}],
    ['too few records', false, { failed: 9_999, failedForGood: 9_999 }],
    ['just enough records', true, { failed: 10_000, failedForGood: 10_000 }],
    ['records enough by those that landed', true, { succeeded: 4_000, failed: 6_000, failedForGood: 6_000 }],
    ['less than the share', false, { succeeded: 6_000, failed: 4_000, failedForGood: 4_000 }],
    ['transient failures only', false, { failed: 20_000, failedForGood: 0 }],
    ['transient failures beside others', false, { failed: 20_000, failedForGood: 9_000 }],
    ['rows that were not processed', false, { failed: 9_999, failedForGood: 9_999, unprocessed: 50_000 }],
  ])('%s: %s', (_name, open, filled) => {
    expect(circuitOpen(tally(filled), defaults)).toBe(open);
  });

  it('uses the given limits', () => {
    const filled = tally({ succeeded: 98, failed: 2, failedForGood: 2 });
    expect(circuitOpen(filled, { failedRatio: 0.01, afterRecords: 100 })).toBe(true);
    expect(circuitOpen(filled, { failedRatio: 0.03, afterRecords: 100 })).toBe(false);
    expect(circuitOpen(filled, { failedRatio: 0.01, afterRecords: 101 })).toBe(false);
    expect(circuitOpen(filled, { failedRatio: 0, afterRecords: 0 })).toBe(true);
    expect(circuitOpen(emptyTally(), { failedRatio: 0, afterRecords: 0 })).toBe(false);
  });
});

describe('the end of a load', () => {
  const landed = { total: 3, succeeded: 3 };
  const rejects = { total: 3, succeeded: 2, rejected: 1 };
  const unprocessed = { total: 3, succeeded: 2, unprocessed: 1 };
  const missing = { total: 3, succeeded: 2 };
  const twice = { total: 3, succeeded: 4 };
  const disagreeing = { ...landed, disagreeing: 1 };
  it.each<[string, string | undefined, Partial<Tally>, boolean, LoadError | undefined]>([
    ['Completed', undefined, {}, false, undefined],
    ['Completed', undefined, landed, false, undefined],
    ['CompletedWithRejects', undefined, rejects, false, undefined],
    ['CompletedWithRejects', undefined, unprocessed, false, undefined],
    ['CompletedWithRejects', undefined, { total: 3, rejected: 3 }, false, undefined],
    ['Failed', 'UNBALANCED', missing, false, undefined],
    ['Failed', 'UNBALANCED', twice, false, undefined],
    ['Failed', 'UNBALANCED', disagreeing, false, undefined],
    ['Failed', 'JOB_FAILED', unprocessed, false, error],
    ['Failed', 'JOB_FAILED', landed, false, error],
    ['Failed', 'JOB_FAILED', missing, false, error],
    ['Canceled', undefined, landed, true, undefined],
    ['Canceled', undefined, missing, true, undefined],
    ['Canceled', 'JOB_FAILED', unprocessed, true, error],
  ])('is %s with code %s for %j, canceled %s, error %j', (state, code, filled, canceled, stopped) => {
    expect(closingState(tally(filled), canceled, stopped)).toBe(state);
    const result = buildResult(head, tally(filled), { canceled, error: stopped, files: { succeeded: [] } });
    expect(result.state).toBe(state);
    expect(result.error?.code).toBe(code);
    expect('error' in result).toBe(code !== undefined);
    expect(result.balanced).toBe(isBalanced(tally(filled)));
  });

  it('reports how many rows do not balance', () => {
    const message = (filled: Partial<Tally>): string | undefined =>
      buildResult(head, tally(filled), { canceled: false, error: undefined, files: { succeeded: [] } }).error?.message;
    expect(message({ total: 9, succeeded: 2 })).toMatch(/^7 row.* in no result file/);
    expect(message({ total: 9, succeeded: 14 })).toMatch(/^5 row.* twice/);
    expect(message(disagreeing)).toMatch(/ 1 part.* disagree/);
  });

  it('contains all counts, jobs and files', () => {
    const filled = tally({
      ...{ total: 10, succeeded: 6, rejected: 3, unprocessed: 1 },
      ...{ rounds: 2, recovered: 4, rerendered: 1, apiRequests: 42 },
      jobs: [job(1, 'JobComplete', 0), job(2, 'Aborted', 0)],
      jobsTotal: 2,
    });
    const files = { succeeded: ['file:///s.csv'], rejected: 'file:///r.csv' };
    expect(buildResult(head, filled, { canceled: false, error: undefined, files })).toEqual({
      ...head,
      state: 'CompletedWithRejects',
      records: { total: 10, succeeded: 6, rejected: 3, unprocessed: 1, unaccounted: 0 },
      balanced: true,
      retry: { rounds: 2, recovered: 4, rerendered: 1 },
      jobs: [job(2, 'Aborted', 0), job(1, 'JobComplete', 0)],
      jobsTotal: 2,
      apiRequests: 42,
      files,
    });
  });

  it('lists at most 200 jobs and counts all', () => {
    const jobs = Array.from({ length: 450 }, (_, id) => job(id, 'JobComplete', 0));
    const entered = emptyTally();
    for (const one of jobs) enterJobs(entered, [one]);
    expect(entered.jobs).toHaveLength(200);
    const result = buildResult(head, entered, { canceled: false, error: undefined, files: { succeeded: [] } });
    expect(MAX_LISTED_JOBS).toBe(200);
    expect(result.jobs).toHaveLength(200);
    expect(result.jobsTotal).toBe(450);
  });
});

describe('listedJobs', () => {
  const kinds = fc.constantFrom(['JobComplete', 0], ['JobComplete', 3], ['Failed', 0], ['Failed', 2], ['Aborted', 0]);
  const isClean = ({ state, failed }: JobSummary): boolean => state === 'JobComplete' && failed === 0;

  it('lists failures first, none omitted for a successful job, each kind in order of creation', () => {
    const lists = fc
      .array(kinds, { maxLength: 450, size: 'max' })
      .map((list) => list.map(([state, failed], id) => job(id, state as string, failed as number)));
    fc.assert(
      fc.property(lists, (jobs) => {
        const before = structuredClone(jobs);
        const listed = listedJobs(jobs);
        // Entered one by one, with a limit on how many are kept at a time, they are the same.
        const entered = emptyTally();
        for (const one of jobs) enterJobs(entered, [one]);
        expect(listedJobs(entered.jobs)).toEqual(listed);
        expect(jobs).toEqual(before);
        expect(listed).toHaveLength(Math.min(200, jobs.length));
        expect(new Set(listed).size).toBe(listed.length);
        const troubled = jobs.filter((entry) => !isClean(entry)).length;
        expect(listed.slice(0, troubled).some(isClean)).toBe(false);
        expect(listed.slice(troubled)).toEqual(jobs.filter(isClean).slice(0, Math.max(0, 200 - troubled)));
        for (const state of ['Failed', 'Aborted']) {
          const ids = listed.filter((entry) => entry.state === state).map(({ id }) => Number(id.slice(4)));
          expect(ids).toEqual([...ids].sort((a, b) => a - b));
        }
      }),
    );
  });
});
