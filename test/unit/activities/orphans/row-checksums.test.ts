/** Sums of rows: the same rows in any order, and no others. */
import { describe, expect, it } from 'vitest';
import { RowSums } from '../../../../src/activities/orphans/row-checksums.js';

function sumsOf(...rows: string[][]): RowSums {
  const sums = new RowSums((cells) => cells[0]);
  for (const row of rows) sums.add(row);
  return sums;
}

describe('sums of rows', () => {
  it('are equal for the same rows in another order and spelling', () => {
    expect(sumsOf(['a', '1.0'], ['b', 'TRUE']).equals(sumsOf(['b', 'true'], ['a', '1']))).toBe(true);
  });

  it.each([
    ['another value', ['a', 'y']],
    ['a cell more', ['a', 'x', '']],
    ['what looks like two cells', ['a\u001fx']],
    ['a value that moved', ['ax', '']],
  ])('differ by %s', (_what, row) => {
    expect(sumsOf(['a', 'x']).equals(sumsOf(row))).toBe(false);
  });

  it('differ by a cell that contains a separator', () => {
    expect(sumsOf(['a\u001fb', 'c']).equals(sumsOf(['a', 'b\u001fc']))).toBe(false);
  });

  it('may be equal while only the keys are', () => {
    expect(sumsOf(['a', 'x']).mayEqual(sumsOf(['a', 'y']))).toBe(true);
    expect(sumsOf(['a', 'x']).mayEqual(sumsOf(['b', 'x']))).toBe(false);
  });
});
