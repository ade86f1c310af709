import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import {
  failuresOf,
  readResultRows,
  readUnprocessedRows,
  resultDelimiter,
  RowCount,
} from '../../../src/rows/result-file.js';
import type { ResultRow } from '../../../src/rows/result-file.js';
import type { Delimiter } from '../../../src/csv/dialect.js';
import { inChunks } from '../../helpers/csv.js';

const failed =
  '"sf__Id","sf__Error",Id,"Name"\n' +
  '"","UNABLE_TO_LOCK_ROW:locked:--","1","a\nb"\n' +
  '"001","REQUIRED_FIELD_MISSING:Required, fields:Name --","2",""\n' +
  '"001","SOMETHING_NEW:x:--","3","c"\n';

async function read(
  text: string,
  names: string[],
  reader = readResultRows,
  delimiter: Delimiter = ',',
): Promise<ResultRow[]> {
  const rows: ResultRow[] = [];
  for await (const row of reader(Readable.from([Buffer.from(text)]), delimiter, names)) rows.push(row);
  return rows;
}

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
    expect(await countRows(failed, 'sf__Id', ',', sizes)).toBe(3);
    expect(await countRows(failed, 'sf__Id', ';', sizes)).toBe(3);
    expect(await countRows(failed.replaceAll('","', '";"'), 'sf__Id', ';', sizes)).toBe(3);
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
      expect(await failuresOf(inChunks(Buffer.from(failed), [size]), ',', 'upsert')).toEqual({ forGood: 2, locked: 1 });
  });
});

describe('readResultRows', () => {
  it('returns id, note and the uploaded columns', async () => {
    expect(await read(failed, ['Id', 'Name'])).toEqual([
      { id: '', note: 'UNABLE_TO_LOCK_ROW:locked:--', cells: ['1', 'a\nb'], complete: true },
      { id: '001', note: 'REQUIRED_FIELD_MISSING:Required, fields:Name --', cells: ['2', ''], complete: true },
      { id: '001', note: 'SOMETHING_NEW:x:--', cells: ['3', 'c'], complete: true },
    ]);
  });

  it('reads unprocessed rows, which have no platform columns', async () => {
    expect(await read('Id,Name\n1,a\n2,"b,c"\n', ['Id', 'Name'], readUnprocessedRows)).toEqual([
      { id: '', note: '', cells: ['1', 'a'], complete: true },
      { id: '', note: '', cells: ['2', 'b,c'], complete: true },
    ]);
  });

  it('finds columns by name if they come back in another order or case', async () => {
    const rows = await read('"sf__Id","sf__Created","NAME","Id"\n"9","true","a","1"\n', ['Id', 'Name']);
    expect(rows).toEqual([{ id: '9', note: 'true', cells: ['1', 'a'], complete: true }]);
  });

  it('reads a header with another line ending than the rows', async () => {
    const text = '"sf__Id","sf__Error",Id\r\n"","X_Y:a:--","1"\n"","X_Y:b:--","2"\n';
    expect((await read(text, ['Id'])).map(({ cells }) => cells[0])).toEqual(['1', '2']);
    const other = '"sf__Id","sf__Error",Id\n"","X_Y:a:--","1"\r\n"","X_Y:b:--","2"\r\n';
    expect((await read(other, ['Id'])).map(({ cells }) => cells[0])).toEqual(['1', '2']);
  });

  it('reads nothing from an empty file', async () => {
    expect(await read('', ['Id'])).toEqual([]);
    expect(await read('"sf__Id","sf__Error",Id\n', ['Id'])).toEqual([]);
  });

  it('reports the row after which a file is not CSV', async () => {
    await expect(read('Id,Name\n1,a\n2,b"c"\n', ['Id', 'Name'])).rejects.toMatchObject({
      code: 'RESULT_UNREADABLE',
      message: expect.stringContaining('after row 1') as string,
    });
  });

  it('passes on an error of its source', async () => {
    const broken = new Error('disk gone');
    const source = Readable.from(
      (async function* () {
        yield Buffer.from('Id\n1\n');
        throw broken;
      })(),
    );
    const drain = async (): Promise<void> => {
      for await (const row of readResultRows(source, ',', ['Id'])) expect(row.cells).toEqual(['1']);
    };
    await expect(drain()).rejects.toBe(broken);
  });
});
