import { describe, expect, it } from 'vitest';
import { failuresOf, resultDelimiter, RowCount } from '../../../src/rows/result-file.js';
import type { Delimiter } from '../../../src/csv/dialect.js';
import { inChunks } from '../../helpers/csv.js';
import { FAILED_RESULTS } from '../../helpers/failed-results.js';

async function countRows(text: string, first: string, uploaded: Delimiter, sizes: number[]): Promise<number> {
  const count = new RowCount(first, uploaded);
  for await (const chunk of inChunks(Buffer.from(text), sizes)) count.push(chunk);
  return count.finish();
}

describe('resultDelimiter', () => {
  it.each<[string, string, Delimiter, Delimiter]>([
    ['"sf__Id","sf__Error"\n', 'sf__Id', ',', ','],
    ['"sf__Id","sf__Error"\n', 'sf__Id', ';', ','],
    ['"sf__Id";"sf__Error"\n', 'sf__Id', ';', ';'],
    ['Name;X\n', 'Name', ';', ';'],
    ['Name,X\n', 'Name', ';', ','],
    ['Name\n', 'Name', ';', ';'],
    ['', 'Name', '|', '|'],
  ])('reads it from %j', (head, first, uploaded, expected) => {
    expect(resultDelimiter(Buffer.from(head), first, uploaded)).toBe(expected);
  });
});

describe('RowCount', () => {
  it.each([[[1]], [[2]], [[8]], [[9]], [[1000]]])('counts rows in chunks of %j in a stream', async (sizes) => {
    expect(await countRows(FAILED_RESULTS, 'sf__Id', ',', sizes)).toBe(3);
    expect(await countRows(FAILED_RESULTS, 'sf__Id', ';', sizes)).toBe(3);
    expect(await countRows(FAILED_RESULTS.replaceAll('","', '";"'), 'sf__Id', ';', sizes)).toBe(3);
    expect(await countRows('', 'sf__Id', ',', sizes)).toBe(0);
    expect(await countRows('"sf__Id","sf__Error",Id\n', 'sf__Id', ',', sizes)).toBe(0);
    expect(await countRows('Id\n1\n2', 'Id', ',', sizes)).toBe(2);
    expect(await countRows('A\n1', 'A', ',', sizes)).toBe(1);
  });
});

describe('a truncated file', () => {
  it.each(['"sf__Id","sf__Error",Id\n"001","X_Y:a', 'Id\n"1'])('is downloaded again: %j', async (text) => {
    await expect(countRows(text, 'sf__Id', ',', [5])).rejects.toMatchObject({
      code: 'RESULT_TRUNCATED',
      retryable: true,
    });
  });
});

describe('failuresOf', () => {
  it('does not count a delete of a missing record, but does for any other operation', async () => {
    const gone = () =>
      inChunks(Buffer.from('"sf__Id","sf__Error",Id\n"001","ENTITY_IS_DELETED:entity is deleted:--","001"\n'), [9]);
    expect(await failuresOf(gone(), ',', 'delete')).toEqual({ forGood: 0, locked: 0 });
    expect(await failuresOf(gone(), ',', 'hardDelete')).toEqual({ forGood: 1, locked: 0 });
    expect(await failuresOf(gone(), ',', 'update')).toEqual({ forGood: 1, locked: 0 });
  });

  it('leaves out rows that may succeed when they are sent again', async () => {
    for (const size of [1, 7, 1000])
      expect(await failuresOf(inChunks(Buffer.from(FAILED_RESULTS), [size]), ',', 'upsert')).toEqual({
        forGood: 2,
        locked: 1,
      });
  });
});
