import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JobSummary } from '../../../../src/contract/load-result.js';
import type { PartProgress } from '../../../../src/contract/load-progress.js';
import type { PartOutcome, ResultCounts } from '../../../../src/protocol/activities/ended-parts.js';
import type { Stage } from '../../../../src/protocol/activities/plan-types.js';
import { isExceptional, NO_ROWS } from '../../../../src/domain/part-outcome.js';
import { isBalanced, emptyTally, recordCounts } from '../../../../src/workflows/load/tally.js';
import type { Tally } from '../../../../src/workflows/load/tally.js';
import { resolveInput } from '../../../../src/domain/input/resolve-input.js';
import type { IngestJobResult } from '../../../../src/workflows/job/job-state.js';
import { enterJob, enterLeft, enterRetry, mayRetry, emptyState } from '../../../../src/workflows/load/load-state.js';
import { listParts } from '../../../../src/workflows/load/parts/listed-parts.js';
import { newEndedStage } from '../../../../src/workflows/support/ended-part-files.js';
import type { CarriedState } from '../../../../src/workflows/load/load-state.js';
import type { RetryResult } from '../../../../src/workflows/retry/retry-state.js';

const stageOf = (parts: number[]): Stage => ({
  uri: 'file:///data/',
  groups: [{ operation: 'upsert', firstPart: 1, lastPart: parts.length }],
  parts: parts.length,
  sizes: { from: 1, records: parts.slice(0, 500) },
  records: parts.reduce((sum, rows) => sum + rows, 0),
  columnDelimiter: 'COMMA',
  lineEnding: 'LF',
});
const outcomeOf = (part: number, counts: Partial<ResultCounts>, more: Partial<PartOutcome> = {}): PartOutcome => ({
  part,
  kind: 'loaded',
  counts: { ...NO_ROWS, ...counts },
  missing: 0,
  ...more,
});
const job = (id: string): JobSummary => ({
  id,
  operation: 'upsert',
  state: 'JobComplete',
  records: 1,
  failed: 0,
  polls: 2,
});
const ended = (outcome: PartOutcome, more: Partial<IngestJobResult> = {}): IngestJobResult => ({
  outcome,
  jobs: [job(`750-${outcome.part}`)],
  apiRequests: 8,
  filesAgree: true,
  canceled: false,
  lost: { creates: [] },
  ...more,
});
const loadOf = (stage: Stage): CarriedState => ({ ...emptyState(), stage, ended: [newEndedStage(stage.uri)] });
const retried = (tally: Partial<Tally>, more: Partial<RetryResult> = {}): RetryResult => ({
  tally: { ...emptyTally(), ...tally },
  files: { succeeded: [], rejected: [], unprocessed: [], changes: [] },
  ended: [],
  canceled: false,
  lost: { creates: [] },
  ...more,
});

describe('a part that failed as a whole for a reason that may be transient', () => {
  const whole = outcomeOf(2, { unprocessed: 10 }, { kind: 'notStarted' });
  const failedWhole = { code: 'JOB_FAILED', message: 'Why.' };
  const settings = resolveInput({ source: 'file:///x.csv', object: 'Account', operation: 'insert' }, 'bulk-load/x');

  it('is retried, and does not end the load', () => {
    const run = emptyState();
    enterJob(run, stageOf([5, 10]), ended(outcomeOf(1, { succeeded: 5 })));
    enterJob(run, stageOf([5, 10]), ended(whole, { failedWhole }));
    expect(run.error).toBeUndefined();
    expect(run.tally).toMatchObject({ seen: 15, succeeded: 5, unprocessed: 10 });
    expect(mayRetry(run, 'insert', settings)).toBe(true);
    enterRetry(run, retried({ succeeded: 10, recovered: 10 }));
    expect(run.failedWhole).toBeUndefined();
    expect(recordCounts({ ...run.tally, total: 15 })).toMatchObject({ succeeded: 15, unaccounted: 0 });
  });

  it('is not sent again by an insert whose other files are not trusted, and stays the reason', () => {
    const run = emptyState();
    enterJob(run, stageOf([5, 10]), ended(outcomeOf(1, { succeeded: 4 }, { missing: 1 })));
    enterJob(run, stageOf([5, 10]), ended(whole, { failedWhole }));
    expect(mayRetry(run, 'insert', settings)).toBe(false);
    expect(run.failedWhole).toEqual(failedWhole);
  });

  it('is not retried when its job was never tried', () => {
    const run = emptyState();
    enterJob(run, stageOf([10]), ended(outcomeOf(1, {}, { kind: 'notStarted' })));
    expect(mayRetry(run, 'upsert', settings)).toBe(false);
  });
});

describe('a load from its parts to its last retry', () => {
  const count = fc.nat({ max: 10_000 });
  const parts = fc.array(
    fc.record({ succeeded: count, transient: count, forGood: count, unprocessed: count, missing: fc.nat({ max: 3 }) }),
    { minLength: 1, maxLength: 20 },
  );

  it('accounts for every row once', () => {
    fc.assert(
      fc.property(parts, fc.double({ min: 0, max: 1, noNaN: true }), (fates, luck) => {
        const sizes = fates.map((f) => f.succeeded + f.transient + f.forGood + f.unprocessed + f.missing);
        const sum = (pick: (fate: (typeof fates)[number]) => number): number => fates.reduce((n, f) => n + pick(f), 0);
        const stage = stageOf(sizes);
        const run = loadOf(stage);
        run.tally.total = stage.records;
        fates.forEach(({ succeeded, transient, forGood, unprocessed, missing }, index) => {
          const counts = { succeeded, failed: transient + forGood, failedForGood: forGood, unprocessed };
          enterJob(run, stage, ended(outcomeOf(index + 1, counts, { missing })));
        });
        expect(run.tally.seen).toBe(stage.records);
        expect(run.tally.jobs).toHaveLength(fates.length);
        const landed = sum((f) => f.succeeded);
        expect(recordCounts(run.tally)).toMatchObject({ total: stage.records, succeeded: landed });

        // The retry sends rows with transient errors; permanent and unlucky ones are rejected or stay unprocessed.
        const recovered = Math.floor(luck * sum((f) => f.transient));
        const rejected = sum((f) => f.transient + f.forGood) - recovered;
        const unprocessed = sum((f) => f.unprocessed);
        enterRetry(run, retried({ succeeded: recovered, recovered, rejected, unprocessed, rounds: 1 }));
        const unaccounted = sum((f) => f.missing);
        expect(recordCounts(run.tally)).toEqual({
          total: stage.records,
          succeeded: landed + recovered,
          rejected,
          unprocessed,
          unaccounted,
        });
        expect(isBalanced(run.tally)).toBe(unaccounted === 0);
      }),
    );
  });
});

describe('enterJob', () => {
  const stage = stageOf([10, 10, 10]);

  it('adds up jobs and requests, and rows that did not simply land', () => {
    const run = loadOf(stage);
    enterJob(run, stage, ended(outcomeOf(2, { succeeded: 10 })));
    enterJob(run, stage, ended(outcomeOf(1, { succeeded: 9, failed: 1 }), { jobs: [job('a'), job('b')] }));
    enterJob(run, stage, ended(outcomeOf(3, {}, { kind: 'notStarted' }), { jobs: [], apiRequests: 1 }));
    expect(run.tally).toMatchObject({ succeeded: 19, failed: 1, apiRequests: 17, disagreeing: 0 });
    expect(run.tally.jobs.map(({ id }) => id)).toEqual(['750-2', 'a', 'b']);
    expect(run.ended[0]?.outcomes.map(({ part }) => part)).toEqual([2, 1, 3]);
    expect(run.ended[0]?.jobs).toEqual(run.tally.jobs);
    expect(run.left).toEqual({ parts: 2, failed: 1, passing: 1, unprocessed: 0, missing: 0, unmatched: 0 });
    // A separate file for each part in which a row landed.
    expect(run.files.succeeded).toHaveLength(2);
    expect(new Set(run.files.succeeded).size).toBe(2);
    for (const uri of run.files.succeeded) expect(uri).toMatch(/^file:\/\/\/data\/.*\.csv$/);
  });

  it('counts parts whose files disagree', () => {
    const run = emptyState();
    run.tally.total = 10;
    enterJob(run, stage, ended(outcomeOf(1, { succeeded: 10 }), { filesAgree: false }));
    expect(run.tally.disagreeing).toBe(1);
    expect(recordCounts(run.tally).unaccounted).toBe(0);
    expect(isBalanced(run.tally)).toBe(false);
  });

  it('keeps the first error', () => {
    const run = emptyState();
    enterJob(run, stage, ended(outcomeOf(1, {}), { error: { code: 'FIRST', message: '1' } }));
    enterJob(run, stage, ended(outcomeOf(2, {}), { error: { code: 'SECOND', message: '2' } }));
    enterRetry(run, retried({}, { error: { code: 'THIRD', message: '3' } }));
    expect(run.error?.code).toBe('FIRST');
  });
});

describe('enterRetry', () => {
  it('adds to the result of the first pass, and replaces the unprocessed rows', () => {
    const run = emptyState();
    const first: Partial<Tally> = { total: 100, succeeded: 60, failed: 30, unprocessed: 10, apiRequests: 8 };
    Object.assign(run.tally, first, { jobs: [job('first')], jobsTotal: 1 });
    run.files.succeeded.push('file:///part-1.csv');
    enterRetry(
      run,
      retried(
        {
          ...{ succeeded: 25, recovered: 24, rejected: 12, unprocessed: 3, rerendered: 2, rounds: 3 },
          ...{ apiRequests: 20, disagreeing: 1, jobs: [job('again')], jobsTotal: 1 },
        },
        {
          files: {
            ...{ succeeded: ['file:///s.csv'], rejected: ['file:///r.csv'], unprocessed: ['file:///u.csv'] },
            changes: ['file:///c.csv'],
          },
          error: { code: 'STORAGE_LIMIT_EXCEEDED', message: 'Full.' },
        },
      ),
    );
    expect(recordCounts(run.tally)).toEqual({
      total: 100,
      succeeded: 85,
      rejected: 12,
      unprocessed: 3,
      unaccounted: 0,
    });
    expect(run.tally).toMatchObject({ recovered: 24, rerendered: 2, rounds: 3, apiRequests: 28, disagreeing: 1 });
    expect(run.tally.jobs.map(({ id }) => id)).toEqual(['first', 'again']);
    expect(run.files).toEqual({
      succeeded: ['file:///part-1.csv', 'file:///s.csv'],
      rejected: ['file:///r.csv'],
      unprocessed: ['file:///u.csv'],
      changes: ['file:///c.csv'],
    });
    expect(run).toMatchObject({ triaged: true, error: { code: 'STORAGE_LIMIT_EXCEEDED' } });
  });
});

describe('isExceptional', () => {
  it.each<[boolean, PartOutcome]>([
    [false, outcomeOf(1, { succeeded: 5 })],
    [false, outcomeOf(1, {})],
    [true, outcomeOf(1, { succeeded: 5, failed: 1 })],
    [true, outcomeOf(1, { succeeded: 5, unprocessed: 1 })],
    [true, outcomeOf(1, { succeeded: 5 }, { missing: 1 })],
    [true, outcomeOf(1, { succeeded: 5 }, { missing: -1 })],
    [true, outcomeOf(1, {}, { kind: 'notStarted' })],
    [true, outcomeOf(1, {}, { kind: 'lost' })],
  ])('is %s for %j', (exceptional, outcome) => {
    expect(isExceptional(outcome)).toBe(exceptional);
  });
});

describe('mayRetry', () => {
  const all = ['insert', 'update', 'upsert', 'delete', 'hardDelete'];
  const known = ['update', 'upsert', 'delete'];
  const locked = outcomeOf(2, { succeeded: 5, failed: 3, failedForGood: 2 });
  it.each<[string, string[], string[], PartOutcome[], number]>([
    ['nothing to sort', [], all, [], 0],
    ['rows that only people can mend', [], all, [outcomeOf(1, { failed: 4, failedForGood: 4 })], 0],
    ['a row that may pass', all, [], [locked], 0],
    ['one part of many', all, [], [outcomeOf(1, { failed: 4, failedForGood: 4 }), locked], 0],
    ['rows that were not processed', all, [], [outcomeOf(1, { unprocessed: 1 })], 0],
    ['an unknown part', [], all, [outcomeOf(1, {}, { kind: 'lost' })], 0],
    ['a part that was not started', [], all, [outcomeOf(1, {}, { kind: 'notStarted' })], 0],
    ['rows that are in no file', known, ['insert'], [outcomeOf(1, { succeeded: 4 }, { missing: 1 })], 0],
    ['a row that may pass beside missing ones', known, ['insert'], [{ ...locked, missing: 1 }], 0],
    ['a row that may pass, where files disagree', known, ['insert'], [locked], 1],
  ])('%s: %j yes, %j no', (_name, yes, no, outcomes, disagreeing) => {
    const run = emptyState();
    for (const outcome of outcomes) enterLeft(run.left, outcome);
    run.tally.disagreeing = disagreeing;
    const plain = resolveInput({ source: 'file:///a.csv', object: 'Account', operation: 'insert' }, 'bulk-load/a');
    for (const operation of yes) expect([operation, mayRetry(run, operation, plain)]).toEqual([operation, true]);
    for (const operation of no) expect([operation, mayRetry(run, operation, plain)]).toEqual([operation, false]);
  });
});

describe('listParts', () => {
  const MOST = 200;
  const running = (...parts: number[]): Map<number, PartProgress> =>
    new Map(parts.map((n) => [n, { n, phase: 'processing', jobId: `750-${n}`, processed: 4, failed: 1, total: 10 }]));
  const started = (sizes: number[], next: number, outcomes: PartOutcome[]): CarriedState => {
    const stage = stageOf(sizes);
    const run = { ...loadOf(stage), next };
    for (const outcome of outcomes) enterJob(run, stage, ended(outcome));
    return run;
  };

  it('shows the state of each part', () => {
    const outcomes = [
      outcomeOf(1, { succeeded: 10 }),
      outcomeOf(2, { succeeded: 7, failed: 2, unprocessed: 1 }),
      outcomeOf(3, {}, { kind: 'lost' }),
      outcomeOf(4, {}, { kind: 'notStarted' }),
    ];
    expect(listParts(started([10, 10, 10, 10, 10, 5], 6, outcomes), running(5))).toEqual([
      { n: 1, phase: 'done', processed: 10, failed: 0, total: 10 },
      { n: 2, phase: 'done', processed: 9, failed: 2, total: 10 },
      { n: 3, phase: 'failed', processed: 0, failed: 0, total: 10 },
      { n: 4, phase: 'failed', processed: 0, failed: 0, total: 10 },
      { n: 5, phase: 'processing', jobId: '750-5', processed: 4, failed: 1, total: 10 },
      { n: 6, phase: 'waiting', processed: 0, failed: 0, total: 5 },
    ]);
  });

  it('shows nothing before the parts are known', () => {
    expect(listParts(emptyState(), new Map())).toEqual([]);
  });

  it('shows at most 200 parts in order, without duplicates, and running ones before all others', () => {
    const loads = fc.record({ parts: fc.nat({ max: 500 }), share: fc.double({ min: 0, max: 1, noNaN: true }) });
    fc.assert(
      fc.property(loads, fc.integer({ min: 0, max: 20 }), ({ parts, share }, window) => {
        const next = 1 + Math.floor(share * parts);
        const now = running(...Array.from({ length: Math.min(window, next - 1) }, (_, back) => next - 1 - back));
        const done = Array.from({ length: Math.max(0, next - 1 - now.size) }, (_, i) =>
          outcomeOf(i + 1, { succeeded: 10 }),
        );
        const shown = listParts(started(Array<number>(parts).fill(10), next, done), now);
        const numbers = shown.map(({ n }) => n);
        expect(shown).toHaveLength(Math.min(MOST, parts));
        expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
        for (const n of now.keys()) expect(numbers).toContain(n);
        for (const { n, phase } of shown) expect(phase === 'waiting').toBe(n >= next);
      }),
    );
  });

  it('shows parts with problems rather than those that landed', () => {
    const outcomes = Array.from({ length: 1_000 }, (_, i) =>
      outcomeOf(i + 1, (i + 1) % 100 === 0 ? { succeeded: 9, failed: 1 } : { succeeded: 10 }),
    );
    const shown = listParts(started(Array<number>(1_000).fill(10), 1_001, outcomes), new Map());
    expect(shown).toHaveLength(MOST);
    expect(shown.filter(({ failed }) => failed > 0).map(({ n }) => n)).toEqual([
      100, 200, 300, 400, 500, 600, 700, 800, 900, 1_000,
    ]);
  });
});
