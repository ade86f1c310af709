import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IN_BUDGET, SHAPES, numbers, simulate, watch } from '../../scripts/bench/polling/jobs.mjs';
import type { PollPlan } from '../../src/workflows/input.js';
import { nextPollDelay, retryDelay, settleDelay } from '../../src/workflows/polling.js';
import type { Look, PollHistory } from '../../src/workflows/polling.js';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
/** Both waits that are compared are whole milliseconds. */
const ROUNDING = 1.5;
/** The defaults of the contract. */
const plan: PollPlan = { initialMs: 5 * SECOND, coefficient: 1.5, maximumMs: 5 * MINUTE, settleMs: 30 * SECOND };
/** So long a maximum that an estimate shows as it is. */
const patient: PollPlan = { ...plan, maximumMs: 24 * HOUR };
const noProgress = (count: number): PollHistory => ({ startedAt: 0, total: 1_000, looks: [], count });
/** Without jitter. */
const waitAt = (history: Partial<PollHistory>, now = history.looks?.at(-1)?.at ?? 0, settings = patient): number =>
  nextPollDelay(settings, { startedAt: 0, total: 1_000, looks: [], count: 5, ...history }, now, 0);

const jitter = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const plans: fc.Arbitrary<PollPlan> = fc
  .tuple(
    fc.integer({ min: 1, max: HOUR }),
    fc.integer({ min: 0, max: HOUR }),
    fc.double({ min: 1, max: 100, noNaN: true }),
  )
  .map(([initialMs, more, coefficient]) => ({ initialMs, coefficient, maximumMs: initialMs + more, settleMs: 1 }));
/** Any history that a job can have: times and counters grow, counters may stand still or pass the total. */
const histories: fc.Arbitrary<{ history: PollHistory; now: number }> = fc
  .record({
    startedAt: fc.nat({ max: 1e12 }),
    total: fc.nat({ max: 1e6 }),
    steps: fc.array(fc.tuple(fc.nat({ max: HOUR }), fc.nat({ max: 1e5 })), { maxLength: 20 }),
    earlier: fc.nat({ max: 2_000 }),
    later: fc.nat({ max: HOUR }),
  })
  .map(({ startedAt, total, steps, earlier, later }) => {
    const looks: Look[] = [];
    for (const [wait, rows] of steps) {
      const last = looks.at(-1) ?? { at: startedAt, processed: 0 };
      looks.push({ at: last.at + wait, processed: last.processed + rows });
    }
    const count = looks.length + earlier;
    return { history: { startedAt, total, looks, count }, now: (looks.at(-1)?.at ?? startedAt) + later };
  });

describe('the wait before a look', () => {
  it('grows from the initial interval by the coefficient up to the maximum while nothing is known', () => {
    const waits = Array.from({ length: 14 }, (_, count) => nextPollDelay(plan, noProgress(count), 0, 0));
    expect(waits.slice(0, 4)).toEqual([5_000, 7_500, 11_250, 16_875]);
    waits.forEach((wait, n) => expect(wait).toBeGreaterThanOrEqual(waits[n - 1] ?? 0));
    expect(waits.at(-1)).toBe(5 * MINUTE);
    expect(nextPollDelay(plan, noProgress(100_000), 0, 0)).toBe(5 * MINUTE);
    expect(nextPollDelay({ ...plan, coefficient: 1 }, noProgress(50), 0, 0)).toBe(5_000);
  });

  it('stays between initial interval and maximum before jitter, whatever the job reports', () => {
    fc.assert(
      fc.property(plans, histories, (settings, { history, now }) => {
        const wait = nextPollDelay(settings, history, now, 0);
        expect(wait).toBeGreaterThanOrEqual(settings.initialMs);
        expect(wait).toBeLessThanOrEqual(settings.maximumMs);
      }),
    );
  });

  it('is only lengthened by jitter, by a fifth at most', () => {
    fc.assert(
      fc.property(plans, histories, jitter, (settings, { history, now }, random) => {
        const plain = nextPollDelay(settings, history, now, 0);
        const wait = nextPollDelay(settings, history, now, random);
        expect(wait).toBeGreaterThanOrEqual(plain);
        expect(wait).toBeLessThanOrEqual(plain * 1.2 + ROUNDING);
      }),
    );
    expect(nextPollDelay(plan, noProgress(0), 0, 0.5)).toBe(5_500);
  });

  /** Looks of a job that does 5 of 1,000 rows a second: so even that its end can be told. */
  const even = (until: number, from = 0): Look[] =>
    [0.25, 0.5, 0.75, 1].map((share) => ({
      at: from + share * until,
      processed: (share * until * 5) / SECOND,
    }));

  it.each<[string, Partial<PollHistory>, number, number]>([
    ['most done in 160 s', { looks: even(160 * SECOND) }, 160 * SECOND, 40 * SECOND],
    ['most done, seen a while ago', { looks: even(160 * SECOND) }, 170 * SECOND, 30 * SECOND],
    ['closed late', { startedAt: HOUR, looks: even(160 * SECOND, HOUR) }, HOUR + 160 * SECOND, 40 * SECOND],
    [
      'twenty minutes in the queue, then even',
      { looks: [{ at: 20 * MINUTE, processed: 0 }, ...even(160 * SECOND, 20 * MINUTE)] },
      20 * MINUTE + 160 * SECOND,
      40 * SECOND,
    ],
  ])('is the time that the rest should take: %s', (_name, history, now, expected) => {
    const finer = { total: 1_000, ...history, looks: refined(history.looks ?? [], history.startedAt ?? 0) };
    const wait = waitAt(finer, now);
    // A look just before the end is wasted; one long after it is late.
    expect(wait).toBeGreaterThanOrEqual(expected);
    expect(wait).toBeLessThanOrEqual(expected * 1.1);
  });

  it('is the initial interval when the rest is nearly done', () => {
    const looks = refined(even(199 * SECOND), 0);
    expect(waitAt({ looks })).toBe(5_000);
  });

  it.each<[string, Look[], number]>([
    [
      'one of a few long batches may end now',
      [0.25, 0.5, 0.75].map((share) => ({ at: share * HOUR, processed: share * 1_000 })),
      0.75 * HOUR,
    ],
    ['the rest is overdue', refined(even(160 * SECOND), 0), 500 * SECOND],
    ['all was done since the look before', [{ at: 10 * MINUTE, processed: 999 }], 10 * MINUTE],
  ])('lets no end be seen more than a tenth of the time late: %s', (_name, looks, now) => {
    const { startedAt, total, count } = { startedAt: 0, total: 1_000, count: 5 };
    expect(nextPollDelay(patient, { startedAt, total, looks, count }, now, 1)).toBeLessThanOrEqual(
      0.1 * now + ROUNDING,
    );
  });

  it('is short after a first progress that may be that of a job that has just begun', () => {
    const looks = [20, 25].map((n) => ({ at: n * MINUTE, processed: n === 20 ? 0 : 30 }));
    expect(waitAt({ looks })).toBeLessThanOrEqual(2.5 * MINUTE);
    // A sixth of the rows in one longest wait: all of them may have come in its last minute.
    const fast = [22, 27.5].map((n) => ({ at: n * MINUTE, processed: n === 22 ? 0 : 167 }));
    expect(nextPollDelay(plan, { ...noProgress(12), looks: fast }, 27.5 * MINUTE, 1)).toBeLessThanOrEqual(4.5 * MINUTE);
    // As soon as it is seen to go on, its speed counts.
    expect(waitAt({ looks: [...looks, { at: 27 * MINUTE, processed: 430 }] })).toBeLessThanOrEqual(3 * MINUTE);
  });

  it.each<[string, Partial<PollHistory>]>([
    ['nothing processed', { looks: [{ at: HOUR, processed: 0 }] }],
    ['everything processed, not yet ended', { looks: [{ at: HOUR, processed: 1_000 }] }],
    ['more processed than sent', { looks: [{ at: HOUR, processed: 1_001 }] }],
    ['rows sent not known', { total: 0, looks: [{ at: HOUR, processed: 500 }] }],
    ['no time passed', { startedAt: HOUR, looks: [{ at: HOUR, processed: 500 }] }],
  ])('falls back to backoff: %s', (_name, history) => {
    expect(waitAt(history)).toBe(waitAt({ looks: [] }));
  });

  it('trusts no estimate from a first moment', () => {
    expect(waitAt({ total: 1e6, looks: [{ at: 5 * SECOND, processed: 1 }] })).toBeLessThan(MINUTE);
  });
});

/** With looks in between, so that the steps are small. */
function refined(looks: readonly Look[], startedAt: number): Look[] {
  let before: Look = { at: startedAt, processed: 0 };
  return looks.flatMap((look) => {
    const { at, processed } = before;
    before = look;
    return Array.from({ length: 10 }, (_, n) => ({
      at: at + ((n + 1) / 10) * (look.at - at),
      processed: processed + ((n + 1) / 10) * (look.processed - processed),
    }));
  });
}

describe('the jobs of the benchmark', () => {
  it('have shapes that begin with nothing, end with everything and never go back', () => {
    for (const shape of Object.values(SHAPES)) {
      const done = shape(numbers(1));
      const shares = Array.from({ length: 1_001 }, (_, n) => done(n / 1_000));
      expect(shares[0]).toBe(0);
      expect(shares.at(-1)).toBeCloseTo(1);
      shares.forEach((share, n) => expect(share).toBeGreaterThanOrEqual(shares[n - 1] ?? 0));
    }
  });
});

describe.each(Object.entries(SHAPES))('a job that is %s', (name, shape) => {
  const job = { next: nextPollDelay, plan, shape };
  // Some shapes are known to end later, or to take more looks, in a few of many runs.
  const [looks, lateness] = IN_BUDGET.includes(name) ? [15, 0.1] : [17, 0.2];

  it('of 30 minutes takes few looks, and its end is seen soon', () => {
    const runs = simulate({ ...job, minutes: 30, seeds: 200 });
    expect(runs.looks.most).toBeLessThanOrEqual(looks);
    expect(runs.lateness.most).toBeLessThanOrEqual(lateness);
    expect(runs.looks.median).toBeLessThanOrEqual(15);
    expect(runs.lateness.median).toBeLessThanOrEqual(0.1);
  });

  it.each([0, 0.5, 0.999_999])('does so at jitter %f', (jitter) => {
    const run = watch({ ...job, minutes: 30, random: () => jitter });
    expect(run.looks).toBeLessThanOrEqual(looks + 1);
    expect(run.lateness).toBeLessThanOrEqual(lateness);
  });

  it('of a night takes tens of looks', () => {
    const runs = simulate({ ...job, minutes: 8 * 60, seeds: 50 });
    expect(runs.looks.most).toBeLessThan(120);
    expect(runs.lateness.most).toBeLessThanOrEqual(0.02);
  });
});

describe('the wait until a job counts as settled', () => {
  const waitFor = (processed: number, seconds: number, idleSeconds = 0): number => {
    const looks = [
      { at: 0, processed: 0 },
      { at: idleSeconds * SECOND, processed: 0 },
      { at: seconds * SECOND, processed },
    ];
    return settleDelay(plan, { closedAt: 0, looks }, seconds * SECOND);
  };

  it.each([
    ['fast: no longer than asked', 100_000, 300, 0, 30 * SECOND],
    ['a hundred rows a second', 6_000, 60, 0, 30 * SECOND],
    ['twenty rows a second', 6_000, 300, 0, 100 * SECOND],
    ['one row a second: at most ten times as long as asked', 600, 600, 0, 5 * MINUTE],
    ['long in the queue, then fast', 60_000, 7_260, 7_200, 30 * SECOND],
    ['nothing processed: twice as long as it has had', 0, 40, 0, 80 * SECOND],
  ])('is twice the time of a transaction: %s', (_name, processed, seconds, idle, expected) => {
    expect(waitFor(processed, seconds, idle)).toBe(expected);
  });
});

it('waits longest for a job of another run: how long its transactions take is not known', () => {
  expect(settleDelay(plan, { closedAt: 0, looks: [{ at: 0, processed: 200 }], adopted: true }, 1)).toBe(5 * MINUTE);
});

describe('retryDelay', () => {
  it('waits 1, 4 and 16 minutes with the default settings', () => {
    const defaults = { initialWaitMs: MINUTE, coefficient: 4 };
    expect([1, 2, 3].map((round) => retryDelay(defaults, round, 0))).toEqual([MINUTE, 4 * MINUTE, 16 * MINUTE]);
    expect(retryDelay({ ...defaults, coefficient: 1 }, 9, 0)).toBe(MINUTE);
    expect(retryDelay({ ...defaults, initialWaitMs: 0 }, 3, 0.9)).toBe(0);
  });

  it('never shrinks from round to round, stays within a day, and is lengthened by jitter by a fifth at most', () => {
    const settings = fc.record({
      initialWaitMs: fc.integer({ min: 0, max: 24 * HOUR }),
      coefficient: fc.double({ min: 1, max: 100, noNaN: true }),
    });
    fc.assert(
      fc.property(settings, fc.integer({ min: 1, max: 100 }), jitter, (chosen, round, random) => {
        const plain = retryDelay(chosen, round, 0);
        expect(plain).toBeLessThanOrEqual(24 * HOUR);
        expect(plain).toBeGreaterThanOrEqual(retryDelay(chosen, Math.max(1, round - 1), 0));
        expect(plain).toBeGreaterThanOrEqual(chosen.initialWaitMs);
        const wait = retryDelay(chosen, round, random);
        expect(wait).toBeGreaterThanOrEqual(plain);
        expect(wait).toBeLessThanOrEqual(plain * 1.2 + ROUNDING);
      }),
    );
  });
});
