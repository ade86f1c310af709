import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IN_BUDGET, SHAPES, numbers, simulate, watch } from '../../../../../benchmarks/polling/jobs.mjs';
import type { PollPlan } from '../../../../../src/domain/input/resolve-input.js';
import { nextPollDelay } from '../../../../../src/workflows/job/poll/poll-delay.js';
import type { ProgressSample, PollHistory } from '../../../../../src/workflows/job/poll/poll-delay.js';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
/** Both compared waits are whole milliseconds. */
const ROUNDING = 1.5;
/** The defaults of the contract. */
const plan: PollPlan = { initialMs: 5 * SECOND, coefficient: 1.5, maximumMs: 5 * MINUTE, settleMs: 30 * SECOND };
/** A maximum so long that it does not limit an estimate. */
const patient: PollPlan = { ...plan, maximumMs: 24 * HOUR };
const noProgress = (count: number): PollHistory => ({ startedAt: 0, total: 1_000, samples: [], count });
/** Without jitter. */
const waitAt = (history: Partial<PollHistory>, now = history.samples?.at(-1)?.at ?? 0, settings = patient): number =>
  nextPollDelay(settings, { startedAt: 0, total: 1_000, samples: [], count: 5, ...history }, { now, random: 0 });

const jitter = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const plans: fc.Arbitrary<PollPlan> = fc
  .tuple(
    fc.integer({ min: 1, max: HOUR }),
    fc.integer({ min: 0, max: HOUR }),
    fc.double({ min: 1, max: 100, noNaN: true }),
  )
  .map(([initialMs, more, coefficient]) => ({ initialMs, coefficient, maximumMs: initialMs + more, settleMs: 1 }));
/** Any possible history of a job: times and counters grow, counters may stand still or exceed the total. */
const histories: fc.Arbitrary<{ history: PollHistory; now: number }> = fc
  .record({
    startedAt: fc.nat({ max: 1e12 }),
    total: fc.nat({ max: 1e6 }),
    steps: fc.array(fc.tuple(fc.nat({ max: HOUR }), fc.nat({ max: 1e5 })), { maxLength: 20 }),
    earlier: fc.nat({ max: 2_000 }),
    later: fc.nat({ max: HOUR }),
  })
  .map(({ startedAt, total, steps, earlier, later }) => {
    const samples: ProgressSample[] = [];
    for (const [wait, rows] of steps) {
      const last = samples.at(-1) ?? { at: startedAt, processed: 0 };
      samples.push({ at: last.at + wait, processed: last.processed + rows });
    }
    const count = samples.length + earlier;
    return { history: { startedAt, total, samples, count }, now: (samples.at(-1)?.at ?? startedAt) + later };
  });

describe('the wait before a poll', () => {
  it('grows from the initial interval by the coefficient up to the maximum while nothing is known', () => {
    const waits = Array.from({ length: 14 }, (_, count) =>
      nextPollDelay(plan, noProgress(count), { now: 0, random: 0 }),
    );
    expect(waits.slice(0, 4)).toEqual([5_000, 7_500, 11_250, 16_875]);
    waits.forEach((wait, n) => expect(wait).toBeGreaterThanOrEqual(waits[n - 1] ?? 0));
    expect(waits.at(-1)).toBe(5 * MINUTE);
    expect(nextPollDelay(plan, noProgress(100_000), { now: 0, random: 0 })).toBe(5 * MINUTE);
    expect(nextPollDelay({ ...plan, coefficient: 1 }, noProgress(50), { now: 0, random: 0 })).toBe(5_000);
  });

  it('stays between initial interval and maximum before jitter, whatever the job reports', () => {
    fc.assert(
      fc.property(plans, histories, (settings, { history, now }) => {
        const wait = nextPollDelay(settings, history, { now, random: 0 });
        expect(wait).toBeGreaterThanOrEqual(settings.initialMs);
        expect(wait).toBeLessThanOrEqual(settings.maximumMs);
      }),
    );
  });

  it('is only lengthened by jitter, by a fifth at most', () => {
    fc.assert(
      fc.property(plans, histories, jitter, (settings, { history, now }, random) => {
        const plain = nextPollDelay(settings, history, { now, random: 0 });
        const wait = nextPollDelay(settings, history, { now, random });
        expect(wait).toBeGreaterThanOrEqual(plain);
        expect(wait).toBeLessThanOrEqual(plain * 1.2 + ROUNDING);
      }),
    );
    expect(nextPollDelay(plan, noProgress(0), { now: 0, random: 0.5 })).toBe(5_500);
  });

  /** Polls of a job with a constant 5 of 1,000 rows a second, so that its end is predictable. */
  const even = (until: number, from = 0): ProgressSample[] =>
    [0.25, 0.5, 0.75, 1].map((share) => ({
      at: from + share * until,
      processed: (share * until * 5) / SECOND,
    }));

  it.each<[string, Partial<PollHistory>, number, number]>([
    ['most done in 160 s', { samples: even(160 * SECOND) }, 160 * SECOND, 40 * SECOND],
    ['most done, seen a while ago', { samples: even(160 * SECOND) }, 170 * SECOND, 30 * SECOND],
    ['closed late', { startedAt: HOUR, samples: even(160 * SECOND, HOUR) }, HOUR + 160 * SECOND, 40 * SECOND],
    [
      'twenty minutes in the queue, then even',
      { samples: [{ at: 20 * MINUTE, processed: 0 }, ...even(160 * SECOND, 20 * MINUTE)] },
      20 * MINUTE + 160 * SECOND,
      40 * SECOND,
    ],
  ])('is the time that the rest should take: %s', (_name, history, now, expected) => {
    const finer = { total: 1_000, ...history, samples: refined(history.samples ?? [], history.startedAt ?? 0) };
    const wait = waitAt(finer, now);
    // A poll just before the end is wasted; one long after it is late.
    expect(wait).toBeGreaterThanOrEqual(expected);
    expect(wait).toBeLessThanOrEqual(expected * 1.1);
  });

  it('is the initial interval if the rest is nearly done', () => {
    const samples = refined(even(199 * SECOND), 0);
    expect(waitAt({ samples })).toBe(5_000);
  });

  it.each<[string, ProgressSample[], number]>([
    [
      'one of a few long batches may end now',
      [0.25, 0.5, 0.75].map((share) => ({ at: share * HOUR, processed: share * 1_000 })),
      0.75 * HOUR,
    ],
    ['the rest is overdue', refined(even(160 * SECOND), 0), 500 * SECOND],
    ['all was done since the look before', [{ at: 10 * MINUTE, processed: 999 }], 10 * MINUTE],
  ])('notices no end later than a tenth of the time: %s', (_name, samples, now) => {
    const { startedAt, total, count } = { startedAt: 0, total: 1_000, count: 5 };
    expect(nextPollDelay(patient, { startedAt, total, samples, count }, { now, random: 1 })).toBeLessThanOrEqual(
      0.1 * now + ROUNDING,
    );
  });

  it('is short after a first progress that may be that of a job that has just begun', () => {
    const samples = [20, 25].map((n) => ({ at: n * MINUTE, processed: n === 20 ? 0 : 30 }));
    expect(waitAt({ samples })).toBeLessThanOrEqual(2.5 * MINUTE);
    // A sixth of the rows within one maximum wait: all of them may have been processed in its last minute.
    const fast = [22, 27.5].map((n) => ({ at: n * MINUTE, processed: n === 22 ? 0 : 167 }));
    expect(
      nextPollDelay(plan, { ...noProgress(12), samples: fast }, { now: 27.5 * MINUTE, random: 1 }),
    ).toBeLessThanOrEqual(4.5 * MINUTE);
    // As soon as it progresses, its speed counts.
    expect(waitAt({ samples: [...samples, { at: 27 * MINUTE, processed: 430 }] })).toBeLessThanOrEqual(3 * MINUTE);
  });

  it.each<[string, Partial<PollHistory>]>([
    ['nothing processed', { samples: [{ at: HOUR, processed: 0 }] }],
    ['everything processed, not yet ended', { samples: [{ at: HOUR, processed: 1_000 }] }],
    ['more processed than sent', { samples: [{ at: HOUR, processed: 1_001 }] }],
    ['rows sent not known', { total: 0, samples: [{ at: HOUR, processed: 500 }] }],
    ['no time passed', { startedAt: HOUR, samples: [{ at: HOUR, processed: 500 }] }],
  ])('falls back to backoff: %s', (_name, history) => {
    expect(waitAt(history)).toBe(waitAt({ samples: [] }));
  });

  it('does not trust an estimate from a first moment', () => {
    expect(waitAt({ total: 1e6, samples: [{ at: 5 * SECOND, processed: 1 }] })).toBeLessThan(MINUTE);
  });
});

/** With polls in between, so that the steps are small. */
function refined(samples: readonly ProgressSample[], startedAt: number): ProgressSample[] {
  let before: ProgressSample = { at: startedAt, processed: 0 };
  return samples.flatMap((look) => {
    const { at, processed } = before;
    before = look;
    return Array.from({ length: 10 }, (_, n) => ({
      at: at + ((n + 1) / 10) * (look.at - at),
      processed: processed + ((n + 1) / 10) * (look.processed - processed),
    }));
  });
}

describe('the jobs of the benchmark', () => {
  it('have shapes that begin at zero, end at all rows and never go back', () => {
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
  // For some shapes, the end is noticed later or after more polls in a few of many runs.
  const [polls, lateness] = IN_BUDGET.includes(name) ? [15, 0.1] : [17, 0.2];

  it('of 30 minutes takes few polls, and its end is noticed soon', () => {
    const runs = simulate({ ...job, minutes: 30, seeds: 200 });
    expect(runs.polls.most).toBeLessThanOrEqual(polls);
    expect(runs.lateness.most).toBeLessThanOrEqual(lateness);
    expect(runs.polls.median).toBeLessThanOrEqual(15);
    expect(runs.lateness.median).toBeLessThanOrEqual(0.1);
  });

  it.each([0, 0.5, 0.999_999])('does so at jitter %f', (jitter) => {
    const run = watch({ ...job, minutes: 30, random: () => jitter });
    expect(run.polls).toBeLessThanOrEqual(polls + 1);
    expect(run.lateness).toBeLessThanOrEqual(lateness);
  });

  it('of a night takes tens of polls', () => {
    const runs = simulate({ ...job, minutes: 8 * 60, seeds: 50 });
    expect(runs.polls.most).toBeLessThan(120);
    expect(runs.lateness.most).toBeLessThanOrEqual(0.02);
  });
});
