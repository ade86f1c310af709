import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  clockTime,
  datedSource,
  invalidDate,
  isDated,
  isTimeZone,
} from '../../../../src/domain/input/source-template.js';

const SOURCE = 'file:///data/accounts-{date}.csv';
const at = (iso: string): number => Date.parse(iso);

describe('the date in a source', () => {
  it.each([
    // The same moment, another day.
    ['2026-11-25T23:30:00Z', 'UTC', '2026-11-25'],
    ['2026-11-25T23:30:00Z', 'Europe/Berlin', '2026-11-26'],
    ['2026-11-25T23:30:00Z', 'America/New_York', '2026-11-25'],
    ['2026-11-25T10:30:00Z', 'Pacific/Kiritimati', '2026-11-26'],
    ['2026-11-26T10:30:00Z', 'Pacific/Pago_Pago', '2026-11-25'],
    // One o'clock at night, on the days before, of and after the changes of daylight saving time.
    ['2026-03-28T00:00:00Z', 'Europe/Berlin', '2026-03-28'],
    ['2026-03-29T00:00:00Z', 'Europe/Berlin', '2026-03-29'],
    ['2026-03-29T23:00:00Z', 'Europe/Berlin', '2026-03-30'],
    ['2026-10-24T23:00:00Z', 'Europe/Berlin', '2026-10-25'],
    ['2026-10-26T00:00:00Z', 'Europe/Berlin', '2026-10-26'],
    // The last hour of the days with 25 and 23 hours.
    ['2026-10-25T22:59:59Z', 'Europe/Berlin', '2026-10-25'],
    ['2026-03-29T21:59:59Z', 'Europe/Berlin', '2026-03-29'],
    // A zone whose clocks change at midnight: that day begins at one.
    ['2026-04-23T22:00:00Z', 'Africa/Cairo', '2026-04-24'],
    ['2026-04-23T21:59:59Z', 'Africa/Cairo', '2026-04-23'],
    // An offset with half an hour.
    ['2026-11-25T18:30:00Z', 'Asia/Kolkata', '2026-11-26'],
    ['2028-02-29T12:00:00Z', 'UTC', '2028-02-29'],
  ])('at %s in %s is %s', (time, zone, date) => {
    expect(datedSource(SOURCE, at(time), zone)).toBe(`file:///data/accounts-${date}.csv`);
  });

  it('is in UTC without a time zone', () => {
    expect(datedSource(SOURCE, at('2026-11-25T23:59:59.999Z'))).toBe('file:///data/accounts-2026-11-25.csv');
  });

  it('is written in its form, however often it occurs', () => {
    const source = 'file:///data/{date:yyyy}/{date:MM}/a_{date:yyyyMMdd}_{date:HH-mm}.{date:dd.MM.yyyy}.csv';
    expect(datedSource(source, at('2026-01-04T23:05:00Z'), 'Europe/Berlin')).toBe(
      'file:///data/2026/01/a_20260105_00-05.05.01.2026.csv',
    );
  });

  it('leaves a source without one unchanged, and braces that belong to its name', () => {
    for (const source of [
      'file:///data/a.csv',
      'file:///data/%7Bdate%7D.csv',
      'file:///d/{day}.csv',
      'file:///d/{Date}',
    ]) {
      expect(datedSource(source, 0, 'Europe/Berlin')).toBe(source);
      expect(isDated(source)).toBe(false);
      expect(invalidDate(source)).toBeUndefined();
    }
    expect(isDated(SOURCE)).toBe(true);
    // Called again: a pattern with state would say no.
    expect(isDated(SOURCE)).toBe(true);
  });

  it('differs between any two days, and agrees with the clocks', () => {
    const zones = fc.constantFrom('UTC', 'Europe/Berlin', 'America/St_Johns', 'Australia/Lord_Howe', 'Asia/Tokyo');
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 4e12 }), zones, (time, zone) => {
        const day = datedSource('{date}', time, zone);
        expect(day).toMatch(/^\d{4}-\d\d-\d\d$/);
        expect(clockTime(time, zone).slice(0, 10)).toBe(day);
        expect(datedSource('{date}', time + 50 * 3_600_000, zone) > day).toBe(true);
        const offset =
          Date.parse(`${clockTime(time, zone).replace(' ', 'T')}:00Z`) - Math.floor(time / 60_000) * 60_000;
        expect(Math.abs(offset)).toBeLessThanOrEqual(14 * 3_600_000);
      }),
    );
  });
});

describe('errors in the dates of an input', () => {
  it.each([
    ['{date:}', '{date:}'],
    ['{date:YYYY-MM-DD}', '{date:YYYY-MM-DD}'],
    ['{date:yyyy/MM}', '{date:yyyy/MM}'],
    ['{date}{date:week}', '{date:week}'],
  ])('%s', (source, told) => {
    expect(invalidDate(source)).toBe(told);
  });

  it.each(['Berlin', '', 'Europe/Nowhere', 7, {}])('a time zone %j', (timeZone) => {
    expect(isTimeZone(timeZone)).toBe(false);
  });

  it('are undefined for valid ones', () => {
    expect(invalidDate('file:///{date:yyyyMMdd}.csv')).toBeUndefined();
    expect(invalidDate(SOURCE)).toBeUndefined();
  });
});
