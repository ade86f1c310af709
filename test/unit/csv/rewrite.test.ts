import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rewriteCsv, rewrittenNames } from '../../../src/csv/rewrite.js';
import type { RewriteOptions } from '../../../src/csv/rewrite.js';
import { planParts } from '../../../src/csv/plan-parts.js';
import { chunkSizes, inChunks, validCsv } from '../../helpers/csv.js';

const columns = (...names: string[]): RewriteOptions['columns'] => names.map((name, index) => ({ index, name }));
const ab: RewriteOptions = { delimiter: ',', width: 2, columns: columns('A', 'B') };

async function rewrite(text: string | Buffer, options: Partial<RewriteOptions> = {}): Promise<string> {
  const data = Readable.from(inChunks(Buffer.from(text), [5]));
  return (await buffer(rewriteCsv(data, { ...ab, ...options }))).toString();
}

describe('rewriteCsv', () => {
  it('writes UTF-8, LF and commas for any input', async () => {
    expect(await rewrite('a;b\r\n"c,d";"é""f"\n\r\n"x\r\ny";z', { delimiter: ';' })).toBe(
      'a,b\n"c,d","é""f"\n"x\ny",z\n',
    );
  });

  it('writes nothing for no rows', async () => {
    expect(await rewrite('')).toBe('');
    expect(await rewrite('\n\r\n')).toBe('');
  });

  it('drops columns', async () => {
    const kept = [{ index: 1, name: 'B' }];
    expect(await rewrite('a,b\nc,d\n', { columns: kept })).toBe('b\nd\n');
    expect(rewrittenNames({ columns: kept })).toEqual(['B']);
  });

  it('adds constants at the end, in place of a column of that name', async () => {
    const options = { columns: columns('A', 'B'), constants: { A: 'x,y', C: '' } };
    expect(rewrittenNames(options)).toEqual(['B', 'A', 'C']);
    expect(await rewrite('a,b\nc,d\n', options)).toBe('b,"x,y",\nd,"x,y",\n');
  });

  it('writes empty cells as #N/A on request, also quoted ones, but not constants', async () => {
    const options = { blankAsNull: true, constants: { C: '' } };
    expect(await rewrite('a,\n"",b\n , \n', options)).toBe('a,#N/A,\n#N/A,b,\n , ,\n');
    expect(await rewrite('a,\n')).toBe('a,\n');
  });

  it('keeps a single empty cell a record if its row has a value elsewhere', async () => {
    expect(await rewrite('"",b\n', { columns: columns('A') })).toBe('""\n');
  });

  it('keeps a CR at the end of a cell from becoming part of the line ending', async () => {
    expect(await rewrite('a,"b\r"\nc,d\n')).toBe('a,"b\r"\nc,d\n');
  });

  it.each([
    ['too few cells', 'a,b\nc\n', 'CSV_RAGGED_ROW', 'Data row 2 has 1 cells, the header has 2'],
    ['too many cells', 'a,b\n\nc,d\ne,f,g\n', 'CSV_RAGGED_ROW', 'Data row 3 has 3 cells'],
    ['a stray quote', 'a,b\nc,5" pipe\n', 'CSV_INVALID', 'near data row'],
    ['text after a closed quote', 'a,"b"c\n', 'CSV_INVALID', 'near data row'],
    ['lines that end with CR among others', 'a,b\nc,d\re,f\r', 'CSV_RAGGED_ROW', 'Data row 2 has 3 cells'],
    [
      'LF and CR the wrong way round',
      'a,b\n\rc,d\n\r',
      'CSV_LINE_ENDING',
      'row 2 has a carriage return outside quotes',
    ],
    ['a stray quote before a CR', 'a,5" x\nc,"d\re"\n', 'CSV_INVALID', 'near data row'],
    ['a CR too many', 'a,"x\r"\r\r\n', 'CSV_LINE_ENDING', '(byte offset 6)'],
    ['a quote that is never closed', 'a,b\nc,"d\n', 'CSV_UNCLOSED_QUOTE', 'Data row 2 opens'],
    ['another encoding', Buffer.from('a,b\nc,Müller\n', 'latin1'), 'CSV_NOT_UTF8', 'not UTF-8'],
    ['half a character at the end', Buffer.from('a,€').subarray(0, -1), 'CSV_NOT_UTF8', 'byte offset 2'],
  ])('refuses %s', async (_name, text, code, message) => {
    await expect(rewrite(text)).rejects.toMatchObject({ code, message: expect.stringContaining(message) as string });
  });

  it('refuses an endless row before it has read it into memory', async () => {
    const data = Readable.from(
      (function* () {
        yield Buffer.from('a,b\nc,"');
        for (let n = 0; n < 64; n++) yield Buffer.alloc(1_000_000, 'x');
      })(),
    );
    await expect(buffer(rewriteCsv(data, ab))).rejects.toMatchObject({
      code: 'CSV_ROW_TOO_LARGE',
      message: expect.stringContaining('Data row 2 has more than 16 MB') as string,
    });
  });

  it('refuses a carriage return that may end a row of one column', async () => {
    const one = { width: 1, columns: columns('A') };
    for (const text of ['a\nb\rc\r', 'a\nb\r"c"\n', '"a"\nb\r\n\nc\rd']) {
      await expect(rewrite(text, one)).rejects.toMatchObject({ code: 'CSV_LINE_ENDING' });
    }
    expect(await rewrite('"a\rb"\r\nc\r', one)).toBe('"a\rb"\nc\n');
  });

  it('treats one between cells as part of a value', async () => {
    expect(await rewrite('a,b\rc\nd\r,e\n')).toBe('a,"b\rc"\n"d\r",e\n');
  });

  it('drops half of a line ending at the end of the file, and keeps carriage returns in cells', async () => {
    expect(await rewrite('a,b\r\nc,d\r')).toBe('a,b\nc,d\n');
    expect(await rewrite('a,b\nc,"d\r"\r')).toBe('a,b\nc,"d\r"\n');
  });

  it("passes on the source's error, and closes the source when it is closed itself", async () => {
    const broken = new Error('disk gone');
    const data = Readable.from(
      (async function* () {
        yield Buffer.from('a,b\n');
        throw broken;
      })(),
    );
    await expect(buffer(rewriteCsv(data, ab))).rejects.toBe(broken);

    const endless = Readable.from(
      (function* () {
        for (;;) yield Buffer.from('a,b\n'.repeat(1000));
      })(),
    );
    const closed = new Promise((resolve) => endless.once('close', resolve));
    for await (const chunk of rewriteCsv(endless, ab)) {
      expect((chunk as Buffer).length).toBeGreaterThan(0);
      break;
    }
    await closed;
  });

  it('has the same content as its input, in one form that can be cut anywhere', async () => {
    await fc.assert(
      fc.asyncProperty(validCsv, chunkSizes, async ({ text, delimiter, records }, sizes) => {
        const width = Math.max(1, ...records.map((cells) => cells.length));
        // Only rows of one width are rows of a table.
        const table = records.filter((cells) => cells.length === width);
        fc.pre(table.length === records.length);
        const data = Readable.from(inChunks(Buffer.from(text), sizes));
        const names = columns(...Array.from({ length: width }, (_, n) => `C${n}`));
        const written = await buffer(rewriteCsv(data, { delimiter, width, columns: names }));
        const expected = table
          .filter((cells) => cells.some((cell) => cell !== ''))
          .map((cells) => cells.map((cell) => cell.replaceAll(/\r+\n/g, '\n')));
        expect(parse(written, { record_delimiter: '\n', skip_empty_lines: true })).toEqual(expected);
        const plan = await planParts(inChunks(written), { delimiter: ',', maxBytes: 1000 });
        expect(plan.records).toBe(expected.length);
        expect(plan.blankBytes).toBe(0);
        expect(['LF', 'none']).toContain(plan.lineBreaks);
      }),
      { numRuns: 500 },
    );
  });
});
