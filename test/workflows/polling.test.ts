import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PollPlan } from '../../src/workflows/input.js';
import { nextPollDelay, retryDelay } from '../../src/workflows/polling.js';
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

  it.each<[string, Partial<PollHistory>, number | undefined, number]>([
    ['half done in a minute', { looks: [{ at: MINUTE, processed: 500 }] }, undefined, MINUTE],
    ['half done, seen a while ago', { looks: [{ at: MINUTE, processed: 500 }] }, 1.5 * MINUTE, 0.5 * MINUTE],
    ['closed late', { startedAt: HOUR, looks: [{ at: HOUR + MINUTE, processed: 500 }] }, undefined, MINUTE],
    [
      'twenty minutes in the queue, then a tenth in a minute',
      { looks: [20, 21].map((n) => ({ at: n * MINUTE, processed: n === 20 ? 0 : 100 })) },
      undefined,
      9 * MINUTE,
    ],
    [
      'slower than it was',
      {
        looks: [
          { at: MINUTE, processed: 500 },
          { at: 5 * MINUTE, processed: 900 },
        ],
      },
      undefined,
      MINUTE,
    ],
  ])('is the time that the rest should take: %s', (_name, history, now, expected) => {
    const wait = waitAt(history, now);
    // A look just before the end is wasted; one long after it is late.
    expect(wait).toBeGreaterThanOrEqual(expected);
    expect(wait).toBeLessThanOrEqual(expected * 1.1);
  });

  it('is the initial interval when the rest is nearly done or overdue', () => {
    expect(waitAt({ looks: [{ at: MINUTE, processed: 999 }] })).toBe(5_000);
    expect(waitAt({ looks: [{ at: MINUTE, processed: 500 }] }, 10 * MINUTE)).toBe(5_000);
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

type Shape = (share: number) => number;
const shapes: [string, Shape][] = [
  ['linear', (share) => share],
  ['stepwise, in batches of 10,000 rows', (share) => Math.floor(share * 90) / 90],
  ['two thirds of the time in the queue', (share) => Math.max(0, share * 3 - 2)],
];

/** Runs the waits against a job of a shape; `lateness` as share of the job's time. */
function simulate(shape: Shape, duration: number, random: () => number): { looks: number; lateness: number } {
  const total = 900_000;
  const looks: Look[] = [];
  for (let now = 0; ;) {
    now += nextPollDelay(plan, { startedAt: 0, total, looks, count: looks.length }, now, random());
    if (now >= duration) return { looks: looks.length + 1, lateness: (now - duration) / duration };
    looks.push({ at: now, processed: Math.floor(total * shape(now / duration)) });
    if (looks.length > 1_000) throw new Error('It looks for ever.');
  }
}

/** Numbers in [0, 1), the same ones for a seed. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32) / 2 ** 32;
}

describe.each(shapes)('a job that is %s', (_name, shape) => {
  const jitters = [() => 0, () => 0.5, () => 0.999_999, ...Array.from({ length: 100 }, (_, seed) => numbers(seed))];

  it('of 30 minutes takes 15 looks at most, and its end is seen within a tenth of its time', () => {
    for (const random of jitters) {
      const { looks, lateness } = simulate(shape, 30 * MINUTE, random);
      expect(looks).toBeLessThanOrEqual(15);
      expect(lateness).toBeLessThanOrEqual(0.1);
    }
  });

  it('of a night takes tens of looks', () => {
    for (const random of jitters) {
      const { looks, lateness } = simulate(shape, 8 * HOUR, random);
      expect(looks).toBeLessThan(120);
      expect(lateness).toBeLessThanOrEqual(0.02);
    }
  });
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
