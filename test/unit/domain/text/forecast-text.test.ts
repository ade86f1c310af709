/** A forecast in one line. */
import { expect, it } from 'vitest';
import { forecastText } from '../../../../src/domain/text/forecast-text.js';

const NOW = Date.UTC(2026, 10, 30, 2);
const at = (hour: number, minute = 0): string => new Date(Date.UTC(2026, 10, 30, hour, minute)).toISOString();

it('has the end, its range, and the hour', () => {
  const forecast = { endsAt: at(5, 40), earliest: at(5, 10), latest: at(25), finishBy: at(6), late: true };
  expect(forecastText(forecast, NOW)).toBe(
    'ends about 05:40 UTC (05:10 UTC to 2026-12-01 01:00 UTC), should end by 06:00 UTC (people were told that it may be late)',
  );
});

it('says that nothing is known yet', () => {
  expect(forecastText({ finishBy: at(6), late: false }, NOW)).toBe('end not foreseen, should end by 06:00 UTC');
});
