/** How fast rows pass. */
import { expect, it } from 'vitest';
import { observed } from '../../../../src/domain/forecast/pace.js';
import type { Observation, Pace } from '../../../../src/domain/forecast/pace.js';

const MIN = 60_000;

function after(...looks: [minute: number, rows: number, running?: number][]): Pace | undefined {
  return looks
    .map(([minute, rows, running = 1]): Observation => ({ now: minute * MIN, rows, running }))
    .reduce<Pace | undefined>((pace, look) => observed(pace, look), undefined);
}

function perMinute(pace: Pace | undefined): number {
  if (pace === undefined) return Number.NaN;
  return (pace.weightedRows / pace.weightedMs) * MIN;
}

it('is unknown before the first rows', () => {
  expect(after([0, 0], [10, 0])).toBeUndefined();
  expect(after([0, 0], [10, 500])).toMatchObject({ rows: 500, weightedMs: 0 });
});

it('is that of the rows, whatever the rhythm of the looks', () => {
  expect(perMinute(after([0, 100], [10, 1_100], [20, 2_100], [60, 6_100]))).toBeCloseTo(100);
  expect(perMinute(after([0, 100], [1, 200], [47, 4_800]))).toBeCloseTo(100);
});

it('follows an org that becomes slow', () => {
  const slow = after([0, 100], [60, 6_100], [70, 6_200], [80, 6_300], [90, 6_400], [120, 6_700]);
  expect(perMinute(slow)).toBeLessThan(45);
  expect(perMinute(slow)).toBeGreaterThan(10);
});

it('does not count a standstill', () => {
  const still = after([0, 100], [1, 200], [30, 3_100], [40, 3_100], [90, 3_100], [100, 4_100]);
  expect(perMinute(still)).toBeCloseTo(100);
});

it('tells an org that has become slow from one that stood still', () => {
  const usual: [number, number][] = [
    [0, 200],
    [2, 400],
    [4, 600],
    [6, 800],
    [8, 1_000],
    [10, 1_200],
  ];
  // A step of 200 rows takes half an hour instead of two minutes, and the load is looked at every ten.
  const slow = Array.from({ length: 12 }, (_, n): [number, number] => [
    20 + 10 * n,
    1_200 + 200 * Math.floor((n + 1) / 3),
  ]);
  expect(perMinute(after(...usual, ...slow))).toBeLessThan(15);
});

it('counts the time of rows that come in large steps', () => {
  const steps = after([0, 100], [30, 3_100], [40, 3_100], [50, 3_100], [60, 6_100], [70, 6_100], [90, 9_100]);
  expect(perMinute(steps)).toBeCloseTo(100);
});

it('does not count the time while nothing runs', () => {
  expect(perMinute(after([0, 100], [30, 3_100, 0], [300, 3_100, 1], [310, 4_100]))).toBeCloseTo(100);
});

it('survives rows that are counted again, and a clock that goes back', () => {
  expect(perMinute(after([0, 100], [30, 3_100], [31, 50], [40, 4_100]))).toBeCloseTo(100);
  expect(perMinute(after([10, 100], [40, 3_100], [35, 3_200], [50, 4_100]))).toBeGreaterThan(90);
});
