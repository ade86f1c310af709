/** When a load will end, and whether people are warned. */
import { describe, expect, it } from 'vitest';
import { chanceOfMissing, remaining, timesOf } from '../../../../src/domain/forecast/forecast.js';
import type { LoadNow, RowsLeft } from '../../../../src/domain/forecast/forecast.js';
import { isLate, lateFrom, warningChance } from '../../../../src/domain/forecast/late.js';
import { chanceAbove } from '../../../../src/domain/forecast/normal.js';
import type { Pace } from '../../../../src/domain/forecast/pace.js';

const MIN = 60_000;
const HOUR = 60 * MIN;

/** Two parts at a time, 600 rows per second. */
const pace: Pace = {
  ...{ at: 0, rows: 1_000_000, looked: 0, running: 2 },
  ...{ weightedRows: 0.6 * 30 * MIN, weightedMs: 30 * MIN, weightedParts: 2 * 30 * MIN },
};

function left(rows: number, more: Partial<RowsLeft> = {}): RowsLeft {
  const longest = Math.min(rows, 100_000);
  return { total: 6_000_000, rows, longest, parallel: 2, retry: { rows: 0, waitMs: 0, passedMs: 0 }, ...more };
}

function endsIn(load: LoadNow): number {
  const found = remaining(load);
  return found === undefined ? Number.NaN : (timesOf(load.now, found).endsAt - load.now) / HOUR;
}

const past = {
  loads: 10,
  rows: 6_000_000,
  rate: { mean: Math.log(0.6), sd: 0.1 },
  duration: { mean: Math.log(3 * HOUR), sd: 0.1 },
  retryShare: 0,
  restMs: MIN,
};

/** A few tries with a handful of rows, which took the time of a poll, before the first real night. */
it.each([
  [40, 6_000, 250_000, 5 * HOUR],
  [40, 6_000, 250_000, HOUR],
  [50, 6_000, 20_000, 6 * MIN],
  [40, 6_000, 20_000, 30 * MIN],
  [300, 6_000, 100_000, HOUR],
])('past loads of %i rows in %i ms raise no alarm for %i rows in %i ms', (rows, ms, total, time) => {
  const tries = {
    ...{ loads: 3, rows, retryShare: 0, restMs: 200 },
    rate: { mean: Math.log(rows / ms), sd: 0.1 },
    duration: { mean: Math.log(ms), sd: 0.1 },
  };
  const load = { now: 0, past: tries, left: left(total, { total, longest: total, parallel: 1 }) };
  expect(isLate(load, time)).toBe(false);
  expect(endsIn(load)).toBeLessThan(time / HOUR);
});

describe('the forecast', () => {
  it('divides the rows that are left by the pace', () => {
    expect(endsIn({ now: 0, pace, left: left(4_320_000) })).toBeCloseTo(2, 0);
    expect(endsIn({ now: 0, pace, past, left: left(4_320_000) })).toBeCloseTo(2, 1);
  });

  it('believes what it sees rather than past loads that were faster, or smaller', () => {
    const slow = { ...pace, weightedRows: 0.001 * 10 * MIN, weightedMs: 10 * MIN, weightedParts: 20 * MIN };
    const fast = { ...past, rate: { mean: Math.log(0.022), sd: 0.1 } };
    const hours = endsIn({
      now: 0,
      pace: slow,
      past: { ...fast, rows: 1_440 },
      left: left(1_440, { total: 1_440, longest: 70 }),
    });
    expect(hours).toBeGreaterThan(0.2);
    const { sd } = remaining({ now: 0, past: { ...fast, rows: 200 }, left: left(144_000, { total: 144_000 }) }) ?? {
      sd: 0,
    };
    expect(sd).toBeGreaterThan(0.9);
  });

  it('counts rows that have passed unseen, and not those of a standstill', () => {
    const soon = endsIn({ now: 0, pace, left: left(4_320_000) });
    expect(endsIn({ now: 10 * MIN, pace, left: left(4_320_000) })).toBeCloseTo(soon - 1 / 6, 1);
    const still = { ...pace, looked: 10 * MIN };
    expect(endsIn({ now: 10 * MIN, pace: still, left: left(4_320_000) })).toBeCloseTo(soon);
  });

  it('expects a long standstill to go on for a while', () => {
    const still = { ...pace, looked: 2 * HOUR };
    const hours = endsIn({ now: 2 * HOUR, pace: still, past, left: left(2_160_000) });
    expect(hours).toBeGreaterThan(1.2);
    expect(hours).toBeLessThan(2);
  });

  it('knows that a long last part runs alone', () => {
    const even = endsIn({ now: 0, pace, past, left: left(2_000_000, { longest: 1_000_000 }) });
    const alone = endsIn({ now: 0, pace, past, left: left(2_000_000, { longest: 1_900_000 }) });
    expect(alone / even).toBeGreaterThan(1.2);
    expect(alone / even).toBeLessThan(2);
  });

  it('adds the retries that are to come', () => {
    const retry = { rows: 600_000, waitMs: MIN, passedMs: 0 };
    const without = endsIn({ now: 0, pace, past, left: left(2_000_000) });
    expect(endsIn({ now: 0, pace, past, left: left(2_000_000, { retry }) }) - without).toBeCloseTo(0.28, 1);
    const usual = { ...past, retryShare: 0.2 };
    expect(endsIn({ now: 0, pace, past: usual, left: left(2_000_000) }) - without).toBeCloseTo(0.55, 1);
  });

  it('takes the duration of past loads until the load is planned, and says nothing without them', () => {
    expect(endsIn({ now: 0, past })).toBeCloseTo(3);
    expect(remaining({ now: 0 })).toBeUndefined();
    expect(remaining({ now: 0, left: left(1_000) })).toBeUndefined();
  });

  it('has a spread that narrows as the night goes on', () => {
    const spread = (load: LoadNow): number => {
      const { earliest, latest } = timesOf(0, remaining(load) as NonNullable<ReturnType<typeof remaining>>);
      return latest / earliest;
    };
    const early = spread({ now: 0, past: { ...past, rate: { ...past.rate, sd: 0.8 } }, left: left(6_000_000) });
    const later = spread({ now: 0, pace, past, left: left(3_000_000) });
    expect(early).toBeGreaterThan(4);
    expect(later).toBeLessThan(2);
  });

  it('is a number whatever it is given', () => {
    const strange: LoadNow[] = [
      { now: 0, left: left(0, { total: 0, longest: 0, parallel: 0 }) },
      { now: 0, pace: { ...pace, weightedRows: 0.001 }, left: left(1e12) },
      { now: 8e15, pace, past, left: left(5, { longest: 5, parallel: 1 }) },
    ];
    for (const load of strange) expect(Object.values(remaining(load) ?? {}).every(Number.isFinite)).toBe(true);
  });
});

describe('a warning', () => {
  it('needs less certainty the nearer the hour is', () => {
    const chances = [6 * HOUR, 3 * HOUR, 2 * HOUR, 75 * MIN, 5 * MIN].map(warningChance);
    expect(chances).toEqual([...chances].sort((a, b) => b - a));
    expect(chances[0]).toBeGreaterThan(0.9);
    expect(chances.at(-1)).toBeLessThan(0.5);
  });

  it('comes when the hour has passed, even if nothing is known', () => {
    expect(isLate({ now: HOUR }, HOUR)).toBe(true);
    expect(isLate({ now: HOUR - 1 }, HOUR)).toBe(false);
  });

  it('comes while there is time, for a load that cannot make it', () => {
    const load = { now: 0, pace, past, left: left(6_000_000) };
    expect(isLate(load, HOUR)).toBe(true);
    expect(isLate(load, 6 * HOUR)).toBe(false);
  });

  it('is foreseen for a load that stands still', () => {
    const load = { now: 0, pace, past, left: left(2_160_000) };
    const from = lateFrom(load, 4 * HOUR);
    expect(from).toBeGreaterThan(2 * HOUR);
    expect(from).toBeLessThan(3.5 * HOUR);
    expect(isLate({ ...load, now: from }, 4 * HOUR)).toBe(true);
    expect(isLate({ ...load, now: from - 2 * MIN }, 4 * HOUR)).toBe(false);
    expect(lateFrom(load, 10 * MIN)).toBe(0);
  });
});

it('computes the normal distribution', () => {
  for (const [z, chance] of [
    [0, 0.5],
    [1, 0.158_655],
    [-1, 0.841_345],
    [2.5, 0.006_21],
  ] as const)
    expect(chanceAbove(z, { mean: 0, sd: 1 })).toBeCloseTo(chance, 5);
  expect(chanceOfMissing(10, 5, { mean: 1, sd: 1 })).toBe(1);
});
