/** The hour at which a load should have ended. */
import { describe, expect, it } from 'vitest';
import { finishTime, isFinishBy, isHour } from '../../../../src/domain/input/finish-by.js';

const iso = (finishBy: string, due: string, timeZone?: string): string =>
  new Date(finishTime(finishBy, Date.parse(due), timeZone)).toISOString();

describe('an hour', () => {
  it.each([
    ['06:00', '2026-11-30T22:00:00Z', undefined, '2026-12-01T06:00:00.000Z'],
    ['06:00', '2026-11-30T05:59:30Z', undefined, '2026-11-30T06:00:00.000Z'],
    // Exactly at the hour it is the next one.
    ['06:00', '2026-11-30T06:00:00Z', undefined, '2026-12-01T06:00:00.000Z'],
    ['06:00', '2026-11-30T06:00:20Z', undefined, '2026-12-01T06:00:00.000Z'],
    ['06:00', '2026-11-30T22:00:00Z', 'Europe/Berlin', '2026-12-01T05:00:00.000Z'],
    ['00:00', '2026-12-31T23:30:00Z', 'UTC', '2027-01-01T00:00:00.000Z'],
    ['05:30', '2026-11-30T23:30:00Z', 'Asia/Kolkata', '2026-12-01T00:00:00.000Z'],
    // The night of the change to summer time has 23 hours, that to winter time 25.
    ['06:00', '2026-03-28T21:00:00Z', 'Europe/Berlin', '2026-03-29T04:00:00.000Z'],
    ['06:00', '2026-10-24T20:00:00Z', 'Europe/Berlin', '2026-10-25T05:00:00.000Z'],
    // This hour does not exist in that night: the load has until the clocks have passed it.
    ['02:30', '2026-03-28T21:00:00Z', 'Europe/Berlin', '2026-03-29T01:30:00.000Z'],
  ])('%s after %s in %s is %s', (finishBy, due, zone, expected) => {
    expect(iso(finishBy, due, zone)).toBe(expected);
  });

  it('is the next one by the clocks, whenever the load was due', () => {
    for (let minute = 0; minute < 2 * 1_440; minute += 17) {
      const due = Date.UTC(2026, 9, 24) + minute * 60_000;
      const at = finishTime('04:45', due, 'America/New_York');
      expect(at).toBeGreaterThan(due);
      expect(at - due).toBeLessThanOrEqual(25 * 3_600_000);
      const clock = new Intl.DateTimeFormat('en-GB', { timeZone: 'America/New_York', timeStyle: 'short' }).format(at);
      expect(clock).toBe('04:45');
    }
  });
});

it('a moment is itself', () => {
  expect(iso('2026-11-30T06:00:00+01:00', '2026-12-05T00:00:00Z', 'Asia/Tokyo')).toBe('2026-11-30T05:00:00.000Z');
});

it.each(['06:00', '23:59', '2026-11-30T06:00Z', '2026-11-30T06:00:00.5+05:30'])('accepts %s', (text) => {
  expect(isFinishBy(text)).toBe(true);
});

it.each(['6:00', '24:00', '06:60', '06:00:00', '2026-11-30', '2026-13-30T06:00Z', '2026-11-30T06:00', 'six', 6, null])(
  'refuses %s',
  (text) => {
    expect(isFinishBy(text)).toBe(false);
  },
);

it('tells an hour of every day from one moment', () => {
  expect([isHour('06:00'), isHour('2026-11-30T06:00Z')]).toEqual([true, false]);
});
