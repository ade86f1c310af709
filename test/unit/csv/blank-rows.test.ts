/**
 * Rows without any value, which spreadsheets leave, are not records: whatever the chunks, the delimiter, the quotes.
 */
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { blankRowsText } from '../../../src/csv/blank-rows.js';
import { readCells } from '../../../src/csv/cells.js';
import { planParts } from '../../../src/csv/plan-parts.js';
import type { PartPlan } from '../../../src/csv/plan-parts.js';
import { eachRecord, scanRecords } from '../../../src/csv/records.js';
import { rewriteCsv } from '../../../src/csv/rewrite.js';
import { chunkSizes, delimiters, inChunks, validCsv } from '../../helpers/csv.js';

const plan = (text: string, width: number, sizes?: readonly number[], delimiter = ','): Promise<PartPlan> =>
  planParts(inChunks(Buffer.from(text), sizes), { delimiter, maxBytes: 1e6, width, leaveOutBlank: true });

const sizesOf = (text: string): number[][] => [[1], [2], [3], [64], [300], [text.length]];

describe('a row without any value', () => {
  it.each([',,\n', '"",,""\r\n', ',\n', ',,,,,\n', '"","",""\n', '""\n', ',,'])('is not a row: %j', async (blank) => {
    const rows = `a,b,c\n"d",,\n${blank}`;
    for (const sizes of sizesOf(rows)) {
      const { records, parts, blankRows, blankBytes } = await plan(rows, 3, sizes);
      expect({ records, blankRows, blankBytes }).toEqual({
        records: 2,
        blankRows: { rows: 1, after: 2 },
        blankBytes: 0,
      });
      // At the end, where they usually are, they only make the last part shorter.
      expect(parts).toMatchObject([{ start: 0, end: rows.length - blank.length, records: 2 }]);
    }
  });

  it.each([', ,\n', ',#N/A,\n', '"","""",""\n', ',"\n",\n', ',",",\n', ',\t,\n', ',\r,\n', '"" ,,\n'.replace(' ', '')])(
    'is a record if it has a value, even a blank: %j',
    async (row) => {
      const isBlank = row === '"",,\n';
      for (const sizes of sizesOf(row)) {
        expect((await plan(`a,b,c\n${row}`, 3, sizes)).records).toBe(isBlank ? 1 : 2);
      }
    },
  );

  it('is left out between other rows too, although its bytes are within a part', async () => {
    expect(await plan(',,\na,b,c\n,,\n,,\nd,e,f\n', 3)).toMatchObject({
      records: 2,
      blankBytes: 6,
      blankRows: { rows: 3, after: 0 },
    });
  });

  it('does not hide a ragged row after it', async () => {
    const many = 'a,b,c\n'.repeat(40);
    for (const text of [`${many},,,,\n${many}a,b\n${many}`, `,\n${many}a,"b,\n"\n`]) {
      const row = text.startsWith(',') ? 41 : 81;
      for (const sizes of sizesOf(text)) {
        await expect(plan(text, 3, sizes)).rejects.toMatchObject({
          code: 'CSV_RAGGED_ROW',
          message: expect.stringContaining(`Data row ${row} has 2 cells`) as string,
        });
      }
    }
  });

  it('is a record in a rewritten copy, where rows are counted one for one', async () => {
    expect((await planParts(inChunks(Buffer.from('a,b\n,\n')), { delimiter: ',', maxBytes: 1e6 })).records).toBe(2);
  });
});

/** Rows of one width, and a function that inserts blank rows of any form between them. */
const table = fc.tuple(delimiters, fc.integer({ min: 2, max: 5 })).chain(([delimiter, width]) => {
  const cell = fc.constantFrom(
    'a',
    '""',
    '',
    'é',
    `"${delimiter}\n"`,
    '"x""y"',
    ' ',
    'a long value of some words'.repeat(3),
  );
  const row = fc
    .array(cell, { minLength: width, maxLength: width })
    .filter((cells) => cells.some((c) => !['', '""'].includes(c)));
  const blank = fc
    .array(fc.constantFrom('', '""'), { minLength: 2, maxLength: 7 })
    .map((cells) => ({ blank: true, cells }));
  return fc.record({
    delimiter: fc.constant(delimiter),
    width: fc.constant(width),
    end: fc.constantFrom('\n', '\r\n'),
    rows: fc.array(
      fc.oneof(
        { weight: 3, arbitrary: row.map((cells) => ({ blank: false, cells })) },
        { weight: 1, arbitrary: blank },
      ),
      {
        maxLength: 60,
      },
    ),
    sizes: fc.oneof(chunkSizes, fc.array(fc.integer({ min: 250, max: 900 }), { minLength: 1, maxLength: 3 })),
  });
});

describe('a file with inserted blank rows', () => {
  it('loads the same rows as without them', async () => {
    await fc.assert(
      fc.asyncProperty(table, async ({ delimiter, width, end, rows, sizes }) => {
        const write = (some: typeof rows): string => some.map(({ cells }) => cells.join(delimiter) + end).join('');
        const with_ = write(rows);
        const without = write(rows.filter(({ blank }) => !blank));
        const options = { delimiter, leaveOutBlank: true };
        const cells = async (text: string): Promise<string[][]> => {
          const found: string[][] = [];
          for await (const one of eachRecord(inChunks(Buffer.from(text), sizes), options)) found.push(one);
          return found;
        };
        expect(await cells(with_)).toEqual(await cells(without));
        const planned = await plan(with_, width, sizes, delimiter);
        expect(planned.records).toBe((await plan(without, width, sizes, delimiter)).records);
        expect(planned.blankRows.rows).toBe(rows.filter(({ blank }) => blank).length);
        const columns = Array.from({ length: width }, (_, index) => ({ index, name: `C${index}` }));
        const rewrite = async (text: string): Promise<string> =>
          (
            await buffer(rewriteCsv(Readable.from(inChunks(Buffer.from(text), sizes)), { delimiter, width, columns }))
          ).toString();
        const counted = { rows: 0, after: 0 };
        const data = Readable.from(inChunks(Buffer.from(with_), sizes));
        const written = (await buffer(rewriteCsv(data, { delimiter, width, columns, blankRows: counted }))).toString();
        expect(written).toBe(await rewrite(without));
        expect(counted).toEqual(planned.blankRows);
      }),
      { numRuns: 300 },
    );
  });

  it('is parsed like cell by cell, however unusual it is', async () => {
    await fc.assert(
      fc.asyncProperty(validCsv, chunkSizes, async ({ text, delimiter }, sizes) => {
        const all: string[][] = [];
        await scanRecords(
          inChunks(Buffer.from(text)),
          { delimiter },
          (record) => void all.push(readCells(record, delimiter)),
        );
        const found: string[][] = [];
        await scanRecords(inChunks(Buffer.from(text), sizes), { delimiter, leaveOutBlank: true }, (record) => {
          found.push(readCells(record, delimiter));
        });
        expect(found).toEqual(all.filter((cells) => cells.some((cell) => cell !== '')));
      }),
      { numRuns: 2000 },
    );
  });
});

it('reports how many there were and where to find them', () => {
  expect(blankRowsText({ rows: 1, after: 4 })).toBe('1 blank row was skipped, after data row 4.');
  expect(blankRowsText({ rows: 12, after: 0 })).toBe(
    '12 blank rows were skipped, the first of them before the first data row.',
  );
});
