import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { roundDelay } from '../../../../src/workflows/retry/round-delay.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
/** Both compared waits are whole milliseconds. */
const ROUNDING = 1.5;
const jitter = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

describe('roundDelay', () => {
  it('waits 1, 4 and 16 minutes with the default settings', () => {
    const defaults = { initialWaitMs: MINUTE, coefficient: 4 };
    expect([1, 2, 3].map((round) => roundDelay(defaults, round, 0))).toEqual([MINUTE, 4 * MINUTE, 16 * MINUTE]);
    expect(roundDelay({ ...defaults, coefficient: 1 }, 9, 0)).toBe(MINUTE);
    expect(roundDelay({ ...defaults, initialWaitMs: 0 }, 3, 0.9)).toBe(0);
  });

  it('never shrinks between rounds, stays within a day, and is lengthened by jitter by at most a fifth', () => {
    const settings = fc.record({
      initialWaitMs: fc.integer({ min: 0, max: 24 * HOUR }),
      coefficient: fc.double({ min: 1, max: 100, noNaN: true }),
    });
    fc.assert(
      fc.property(settings, fc.integer({ min: 1, max: 100 }), jitter, (chosen, round, random) => {
        const plain = roundDelay(chosen, round, 0);
        expect(plain).toBeLessThanOrEqual(24 * HOUR);
        expect(plain).toBeGreaterThanOrEqual(roundDelay(chosen, Math.max(1, round - 1), 0));
        expect(plain).toBeGreaterThanOrEqual(chosen.initialWaitMs);
        const wait = roundDelay(chosen, round, random);
        expect(wait).toBeGreaterThanOrEqual(plain);
        expect(wait).toBeLessThanOrEqual(plain * 1.2 + ROUNDING);
      }),
    );
  });
});
