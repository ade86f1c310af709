/** Speed, estimate and polling of a load that is followed. */
import { expect, it } from 'vitest';
import { leftText } from '../../../../../src/cli/shared/progress/figures.js';
import { PollInterval } from '../../../../../src/cli/shared/progress/poll-interval.js';
import { Speed } from '../../../../../src/cli/shared/progress/speed.js';

const TOTAL = 100_000;

/** The figures of each second, for rows that become known every few seconds. */
function follow(rate: (second: number) => number, seconds: number, every: number) {
  const speed = new Speed();
  const found = [];
  let rows = 0;
  let known = 0;
  for (let second = 0; second <= seconds; second++) {
    if (second % every === 0) known = rows;
    found.push({ second, ...speed.update({ done: known, left: TOTAL - known }, second * 1_000) });
    rows += rate(second);
  }
  return found;
}

it('a steady load has its speed, and an estimate that stays, also when rows are known every ten seconds', () => {
  const found = follow(() => 500, 120, 10).slice(21);
  for (const { rowsPerSecond, endsAt } of found) {
    expect(rowsPerSecond).toBeCloseTo(500);
    expect(Math.abs((endsAt ?? 0) - 200_000)).toBeLessThan(1_000);
  }
});

it('the speed is that of the last minute, not of the whole load', () => {
  const found = follow((second) => (second < 100 ? 100 : 400), 200, 5);
  expect(found[100]?.rowsPerSecond).toBeCloseTo(100);
  expect(found[170]?.rowsPerSecond).toBeCloseTo(400);
});

it('the estimate moves in steps, not in jumps', () => {
  const found = follow((second) => (second % 20 < 10 ? 900 : 100), 120, 5).slice(40);
  const moves = found.slice(1).map(({ endsAt }, i) => Math.abs((endsAt ?? 0) - (found[i]?.endsAt ?? 0)));
  expect(Math.max(...moves)).toBeLessThan(10_000);
});

it('a load that stands still becomes slower and later', () => {
  const found = follow((second) => (second < 30 ? 500 : 0), 90, 5);
  expect(found[90]?.rowsPerSecond).toBeLessThan(250);
  expect(found[90]?.endsAt).toBeGreaterThan(found[31]?.endsAt ?? Number.POSITIVE_INFINITY);
});

it('says nothing before there is something to measure, and ignores a sum that is lower for a moment', () => {
  const speed = new Speed();
  expect(speed.update({ done: 0, left: 100 }, 0)).toEqual({});
  expect(speed.update({ done: 10, left: 90 }, 1_000)).toEqual({});
  expect(speed.update({ done: 50, left: 50 }, 5_000)).toEqual({ rowsPerSecond: 10, endsAt: 10_000 });
  expect(speed.update({ done: 20, left: 80 }, 6_000)).toEqual({ rowsPerSecond: 10, endsAt: 10_000 });
});

it.each([
  [-5, 'a few seconds left'],
  [41, 'about 50 s left'],
  [61, 'about 1 min left'],
  [3_600, 'about 60 min left'],
  [9_000, 'about 2.5 h left'],
])('%i s: %s', (seconds, text) => {
  expect(leftText(seconds)).toBe(text);
});

it('polls soon after a change, and rarely while nothing moves', () => {
  const interval = new PollInterval(0);
  const polls: number[] = [];
  for (let now = 0; now <= 600_000; now += interval.next(now)) {
    interval.observe('the same', now);
    polls.push(now);
  }
  // Instead of 600 queries in ten minutes.
  expect(polls).toHaveLength(57);
  expect(polls.slice(0, 13).map((now) => now / 1_000)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 15, 20]);
  interval.observe('something else', 600_000);
  expect(interval.next(600_500)).toBe(1_000);
});

it('checks that cost nothing stay within their bounds', () => {
  const interval = new PollInterval(0);
  expect(interval.next(0, { min: 3_000, max: 5_000 })).toBe(3_000);
  expect(interval.next(3_600_000, { min: 3_000, max: 5_000 })).toBe(5_000);
});
