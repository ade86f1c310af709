/** How often a load looks whether it stands still, and what people read about a step that fails. */
import { expect, it } from 'vitest';
import { lookEvery, outageText } from '../../../../src/workflows/notify/watch-outages.js';

it.each([
  [[], undefined],
  [[1_000, 600_000], 60_000],
  [[600_000], 300_000],
  [[86_400_000], 1_800_000],
])('waits of %s are looked for every %s ms', (waits, every) => {
  expect(lookEvery(waits)).toBe(every);
});

it('names the code and the step', () => {
  const text = outageText({ step: 'readJob', code: 'SF_UNAVAILABLE', attempt: 9 });
  expect(`The load waits for ${text}.`).toBe(
    'The load waits for the step readJob, which fails and is retried (SF_UNAVAILABLE).',
  );
});
