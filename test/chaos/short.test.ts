/** The short form of `npm run chaos`, for every commit: the most informative cases, eight kills at most. */
import { describe, expect, inject, it } from 'vitest';
import { allCases } from './cases.js';
import { runCase } from './run.js';

const NAMES = [
  'worker killed while it is in the middle of an upload',
  'worker killed while it has just uploaded',
  'worker killed while it has closed but has no reply',
  'worker killed while it waits for the next poll',
  'worker killed while it uploads the retry',
  'Temporal server killed while it waits for the next poll',
  'Temporal server and worker killed while it begins an upload',
  'upload: HTTP 401, token dead',
  'close: reply lost',
  'load canceled after the close',
  'part terminated while its job runs',
];
const cases = allCases().filter(({ name }) => NAMES.includes(name));

it('finds all of its cases', () => expect(cases.map(({ name }) => name).sort()).toEqual([...NAMES].sort()));

describe.concurrent('short chaos', () => {
  it.each(cases)('$name', { timeout: 240_000 }, async (given) => {
    expect((await runCase(given, inject('temporalAddress'))).complaints).toEqual([]);
  });
});
