import { describe, expect, it } from 'vitest';
import type { PollPlan } from '../../../../../src/domain/input/resolve-input.js';
import { settleDelay } from '../../../../../src/workflows/job/poll/settle-delay.js';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
/** The defaults of the contract. */
const plan: PollPlan = { initialMs: 5 * SECOND, coefficient: 1.5, maximumMs: 5 * MINUTE, settleMs: 30 * SECOND };

describe('the wait until a job counts as settled', () => {
  const waitFor = (processed: number, seconds: number, idleSeconds = 0): number => {
    const samples = [
      { at: 0, processed: 0 },
      { at: idleSeconds * SECOND, processed: 0 },
      { at: seconds * SECOND, processed },
    ];
    return settleDelay(plan, { closedAt: 0, samples }, seconds * SECOND);
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

it('is longest for a job of another run, whose transaction times are unknown', () => {
  expect(settleDelay(plan, { closedAt: 0, samples: [{ at: 0, processed: 200 }], adopted: true }, 1)).toBe(5 * MINUTE);
});
