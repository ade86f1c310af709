import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { readResultRows, readUnprocessedRows } from '../../../src/rows/result-rows.js';
import type { ResultRow } from '../../../src/rows/result-rows.js';
import type { Delimiter } from '../../../src/csv/dialect.js';
import { FAILED_RESULTS } from '../../helpers/failed-results.js';

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

describe('readResultRows', () => {
  it('returns id, note and the uploaded columns', async () => {
    expect(await read(FAILED_RESULTS, ['Id', 'Name'])).toEqual([
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
