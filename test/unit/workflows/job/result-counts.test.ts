import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NO_ROWS } from '../../../../src/domain/part-outcome.js';
import type { ResultCounts } from '../../../../src/protocol/activities/ended-parts.js';
import type { JobStatus } from '../../../../src/protocol/activities/job-types.js';
import { filesAgree, missingRows, nothingApplied } from '../../../../src/workflows/job/result-counts.js';

const rows = (filled: Partial<ResultCounts>): ResultCounts => ({ ...NO_ROWS, ...filled });
const look = (state: string, processed: number, failed: number): JobStatus => ({ id: '750', state, processed, failed });

it('counts rows as missing that no file of a part contains', () => {
  const count = fc.nat({ max: 100_000 });
  fc.assert(
    fc.property(fc.tuple(count, count, count, count), ([succeeded, failed, unprocessed, nowhere]) => {
      const counts = rows({ succeeded, failed, unprocessed });
      expect(missingRows(succeeded + failed + unprocessed + nowhere, counts)).toBe(nowhere);
    }),
  );
  expect(missingRows(5, rows({ succeeded: 6 }))).toBe(-1);
});

describe('filesAgree', () => {
  it.each<[boolean, JobStatus, Partial<ResultCounts>]>([
    [true, look('JobComplete', 10, 0), { succeeded: 10 }],
    [true, look('JobComplete', 10, 4), { succeeded: 6, failed: 4, failedForGood: 4 }],
    [true, look('JobComplete', 10, 10), { failed: 10 }],
    [true, look('JobComplete', 0, 0), {}],
    [false, look('JobComplete', 10, 0), { succeeded: 9 }],
    [false, look('JobComplete', 10, 0), { succeeded: 11 }],
    [false, look('JobComplete', 10, 4), { succeeded: 6, failed: 3 }],
    [false, look('JobComplete', 10, 4), { succeeded: 10, failed: 4 }],
    [false, look('JobComplete', 10, 4), { succeeded: 7, failed: 3 }],
    // In these states the counters may include rows that were never processed.
    [true, look('Failed', 10, 4), { succeeded: 2, failed: 4, unprocessed: 4 }],
    [true, look('Aborted', 10, 0), { succeeded: 5, unprocessed: 5 }],
  ])('is %s for %j and files %j', (agree, counters, files) => {
    expect(filesAgree(counters, rows(files))).toBe(agree);
  });
});

describe('nothingApplied', () => {
  it.each<[boolean, JobStatus, Partial<ResultCounts>]>([
    [true, look('Failed', 0, 0), {}],
    [true, look('Aborted', 0, 0), { unprocessed: 10 }],
    [false, look('JobComplete', 0, 0), {}],
    [false, look('Failed', 1, 0), {}],
    [false, look('Failed', 0, 1), {}],
    [false, look('Failed', 0, 0), { succeeded: 1 }],
    [false, look('Failed', 0, 0), { failed: 1 }],
  ])('is %s for %j and files %j', (nothing, counters, files) => {
    expect(nothingApplied(counters, rows(files))).toBe(nothing);
  });
});
