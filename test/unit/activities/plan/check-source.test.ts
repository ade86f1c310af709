import { expect, it } from 'vitest';
import { overLimits } from '../../../../src/activities/plan/check-source.js';

it.each<[string, Parameters<typeof overLimits>[0], string[]]>([
  ['what is left is unknown', { batches: 9, apiRequests: 9 }, []],
  ['all is left that it takes', { batches: 9, apiRequests: 9, remaining: { batches: 9, apiRequests: 9 } }, []],
  [
    'requests run out',
    { batches: 9, apiRequests: 320_002, remaining: { batches: 9, apiRequests: 99_000 } },
    ['320002 API requests'],
  ],
  ['batches run out', { batches: 20_000, apiRequests: 9, remaining: { batches: 15_000 } }, ['20000 batches']],
  [
    'both run out',
    { batches: 2, apiRequests: 2, remaining: { batches: 0, apiRequests: 1 } },
    ['2 API requests', '2 batches'],
  ],
])('a forecast warns when the org has less left: %s', (_what, forecast, expected) => {
  const found = overLimits(forecast);
  expect(found.map(({ code }) => code)).toEqual(expected.map(() => 'FORECAST_OVER_LIMIT'));
  for (const [index, text] of expected.entries()) expect(found[index]?.message).toContain(text);
});
