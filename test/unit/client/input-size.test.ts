/** An input over Temporal's limit is refused before the start, with the name of its large field. */
import { expect, it } from 'vitest';
import { toInput } from '../../../src/cli/shared/input/load-input.js';
import { MAX_INPUT_BYTES, refuseLargeInput } from '../../../src/client/input-size.js';
import type { BulkLoadInput } from '../../../src/contract/load-input.js';

const input: BulkLoadInput = { source: 'file:///a.csv', object: 'Account', operation: 'insert' };
const many = (count: number): Record<string, string> =>
  Object.fromEntries(Array.from({ length: count }, (_, n) => [`Header ${n}`, `Field_${n}__c`]));

it.each([
  ['columns', { columns: many(70_000) }, /`columns` \([\d,]+ bytes; --map and --map-file\)/],
  ['constants', { constants: { Description: 'é'.repeat(MAX_INPUT_BYTES / 2) } }, /`constants` \(2,000,0\d\d bytes/],
  [
    'fixes',
    { retry: { fixes: [{ code: 'X', do: 'replace' as const, values: many(70_000) }] }, columns: many(10) },
    /`retry.fixes`/,
  ],
])('%s', (_what, more, named) => {
  const refusal = expect.objectContaining({
    code: 'INPUT_TOO_LARGE',
    message: expect.stringMatching(named) as string,
  }) as Error;
  expect(() => refuseLargeInput({ ...input, ...more })).toThrow(refusal);
});

it('accepts an input of some hundred kB', () => {
  expect(() => refuseLargeInput({ ...input, columns: many(20_000) })).not.toThrow();
});

it('every command that creates an input refuses it', () => {
  const options = {
    object: 'Account',
    operation: 'insert',
    set: { Description: 'x'.repeat(MAX_INPUT_BYTES) },
  } as const;
  expect(() => toInput('a.csv', options)).toThrow(/`constants` .*--set/);
});
