import { expect, it } from 'vitest';
import { againAdvice } from '../../../../src/domain/text/again-advice.js';

it.each([
  [[], 'To load everything again, use `again: true` (--again).'],
  [['there'], 'Load its rejected file instead, or use `again: true` (--again) to load everything again.'],
  [['removed', 'there'], 'Load its unprocessed file instead, or use `again: true` (--again) to load everything again.'],
  [
    ['there', 'unknown'],
    'Load its rejected and unprocessed files instead (unless `nightload prune` has removed them), or use `again: true` (--again) to load everything again.',
  ],
  [
    ['removed', 'removed'],
    'The files with its other rows were removed (`nightload prune`). To load everything again, use `again: true` (--again).',
  ],
] as const)('%j: advises only what may be there', (states, text) => {
  const kinds = ['rejected', 'unprocessed'] as const;
  expect(againAdvice(states.map((state, n) => ({ kind: kinds[n] ?? 'rejected', state })))).toBe(text);
});
