import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { writeCells } from '../../../../src/csv/cells.js';
import { parseRowError } from '../../../../src/domain/platform/row-errors.js';
import type { RowFinding } from '../../../../src/preflight/rows/check-rows.js';
import { makeId } from '../../../../src/simulator/org/ids.js';
import { chunkSizes, inChunks, validCsv } from '../../../helpers/csv.js';
import { check, columnsOf, field, keyOf } from '../../../helpers/fields.js';

const columns = columnsOf(
  field('Ext__c', 'string', { length: 30, nillable: false }),
  field('Name', 'string', { length: 80, nillable: false }),
  field('Amount__c', 'currency', { precision: 10, scale: 2 }),
  field('Count__c', 'int', { digits: 6 }),
  field('Day__c', 'date'),
  field('At__c', 'datetime'),
  field('Active__c', 'boolean', { nillable: false, defaultedOnCreate: true }),
  field('Email__c', 'email', { length: 80 }),
  field('Level__c', 'picklist', { restrictedPicklist: true, picklistValues: [{ value: 'A, "B"', active: true }] }),
  field('ParentId', 'reference', { length: 18 }),
  undefined,
);
const key = keyOf('Ext__c');

const moment = fc.date({ noInvalidDate: true, min: new Date('1900-01-01'), max: new Date('2999-12-31') });
const text = (maxLength: number) =>
  fc.string({ unit: 'grapheme', minLength: 1, maxLength }).filter((s) => !s.includes('\0'));
const orNothing = (value: fc.Arbitrary<string>) =>
  fc.oneof({ weight: 5, arbitrary: value }, fc.constantFrom('', '#N/A'));
const goodRow = fc.tuple(
  text(20).filter((value) => value.length <= 70 && value !== '#N/A'),
  orNothing(fc.integer({ min: -9_999_999_999, max: 9_999_999_999 }).map((n) => (n / 100).toString())),
  orNothing(fc.integer({ min: -999_999, max: 999_999 }).map(String)),
  orNothing(moment.map((date) => date.toISOString().slice(0, 10))),
  orNothing(moment.map((date) => date.toISOString())),
  orNothing(fc.constantFrom('true', 'false', 'TRUE', '0')),
  orNothing(fc.emailAddress({ size: 'small' }).filter((value) => value.length <= 80 && !/[,;]/.test(value))),
  orNothing(fc.constantFrom('A, "B"', 'a, "b"')),
  orNothing(fc.integer({ min: 1, max: 1e9 }).map((n) => makeId('001', n))),
  orNothing(text(40)),
);
const goodRows = fc.array(goodRow, { maxLength: 12 }).map((rows) => rows.map((row, n) => [`key-${n}`, ...row]));
const write = (rows: readonly string[][], end: 'LF' | 'CRLF' = 'LF'): string =>
  rows.map((row) => writeCells(row, ',', end)).join('');

describe('checkRows', () => {
  it('accepts valid rows', async () => {
    await fc.assert(
      fc.asyncProperty(goodRows, chunkSizes, fc.constantFrom('LF', 'CRLF'), async (rows, sizes, end) => {
        const report = await check(write(rows, end), { columns, key }, sizes);
        expect(report).toEqual({ rows: rows.length, badRows: 0, byCode: {}, findings: [], bad: [] });
      }),
    );
  });

  it('finds the one invalid cell, wherever chunks end', async () => {
    const mistakes: [number, string, string][] = [
      [0, '', 'KEY_BLANK'],
      [1, 'x'.repeat(81), 'STRING_TOO_LONG'],
      [1, '#N/A', 'REQUIRED_FIELD_MISSING'],
      [2, '123456789', 'NUMBER_OUTSIDE_VALID_RANGE'],
      [2, '1,5', 'INVALID_FIELD'],
      [3, '5.0', 'INVALID_FIELD'],
      [4, '31.12.2024', 'INVALID_FIELD'],
      [5, '2024-12-31', 'INVALID_FIELD'],
      [6, 'ja', 'INVALID_FIELD'],
      [7, 'a@b', 'INVALID_EMAIL_ADDRESS'],
      [8, '"A"', 'INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST'],
      [9, '001A0000006Vm9rAAA', 'MALFORMED_ID'],
      [10, 'a\0', 'CSV_NUL'],
      [0, 'key-0', 'DUPLICATE_KEY_IN_FILE'],
    ];
    await fc.assert(
      fc.asyncProperty(
        goodRows.filter((rows) => rows.length > 1),
        fc.nat(),
        fc.constantFrom(...mistakes),
        chunkSizes,
        async (rows, at, [column, value, code], sizes) => {
          const n = 1 + (at % (rows.length - 1));
          const changed = rows.map((row, i) => (i === n ? row.with(column, value) : row));
          const report = await check(write(changed), { columns, key, operation: 'upsert' }, sizes);
          const { findings, bad } = report;
          expect(report).toMatchObject({ rows: rows.length, badRows: 1, byCode: { [code]: 1 } });
          expect(findings).toMatchObject([{ row: n + 1, code, column: columns[column]?.title }]);
          expect(bad).toEqual([{ record: write([changed[n]!]), finding: findings[0] }]);
          expect(parseRowError(findings[0]!.error)).toMatchObject({ code, fields: [columns[column]?.name] });
        },
      ),
    );
  });

  it('counts as many rows as csv-parse, and finds rows with another number of cells', async () => {
    await fc.assert(
      fc.asyncProperty(
        validCsv,
        chunkSizes,
        fc.integer({ min: 1, max: 4 }),
        async ({ text, delimiter }, sizes, width) => {
          const theirs = parse(text, {
            delimiter,
            skip_empty_lines: true,
            relax_column_count: true,
            record_delimiter: ['\r\n', '\n'],
          }) as unknown as string[][];
          const columns = columnsOf(...Array<undefined>(width).fill(undefined));
          const report = await check(text, { delimiter, columns }, sizes);
          const ragged = theirs.flatMap((cells, i) => (cells.length === width ? [] : [i + 1]));
          expect(report.rows).toBe(theirs.length);
          expect(report.findings.map(({ row, code }) => [row, code])).toEqual(ragged.map((row) => [row, 'ROW_RAGGED']));
          expect(report.bad.every(({ record }) => text.includes(record))).toBe(true);
        },
      ),
    );
  });

  it('gives the same result for any bytes, wherever chunks end', async () => {
    const anything = fc.string({
      unit: fc.constantFrom('"', ',', 'a', '\n', '\r', '\0', 'é', '#N/A', '1'),
      maxLength: 60,
    });
    const columns = columnsOf(field('A', 'string', { length: 2, nillable: false }), field('B', 'double'));
    const attempt = (bytes: string, sizes?: readonly number[]) =>
      check(bytes, { columns, key, operation: 'upsert' }, sizes).catch((error: unknown) => String(error));
    await fc.assert(
      fc.asyncProperty(anything, chunkSizes, async (bytes, sizes) => {
        expect(await attempt(bytes, sizes)).toEqual(await attempt(bytes));
      }),
      { numRuns: 500 },
    );
  });

  it('finds the same duplicates as a Map', async () => {
    const keys = fc.array(fc.constantFrom('a', 'A', 'b', 'c', 'dd', 'e', 'f'), { maxLength: 30 });
    await fc.assert(
      fc.asyncProperty(keys, fc.boolean(), chunkSizes, async (keys, caseSensitive, sizes) => {
        const first = new Map<string, number>();
        const expected = keys.flatMap((cell, i) => {
          const form = caseSensitive ? cell : cell.toLowerCase();
          const before = first.get(form);
          if (before === undefined) first.set(form, i + 1);
          return before === undefined ? [] : [[i + 1, `is already in data row ${before}`]];
        });
        const text = keys.map((cell) => `${cell}\n`).join('');
        const { findings } = await check(text, { key: keyOf('A', 'string', caseSensitive) }, sizes);
        expect(findings.map(({ row, message }) => [row, message.replace('the key A ', '')])).toEqual(expected);
      }),
    );
  });

  it('lists the first 100 findings, but reports and counts all', async () => {
    const report = await check('1,2\n'.repeat(150) + '1\n');
    expect(report).toMatchObject({ rows: 151, badRows: 150, byCode: { ROW_RAGGED: 150 } });
    expect(report.findings.length).toBe(100);
    expect(report.bad.map(({ finding }) => finding.row)).toEqual(Array.from({ length: 150 }, (_, i) => i + 1));
  });

  it('awaits the consumer of bad rows, one row after the other', async () => {
    let open = 0;
    const rows: number[] = [];
    const onBadRow = async (_: Buffer, { row }: RowFinding): Promise<void> => {
      expect(open++).toBe(0);
      await new Promise((resolve) => setImmediate(resolve));
      rows.push(row);
      open--;
    };
    await check('1,2\n'.repeat(10), { onBadRow }, [6]);
    expect(rows).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    const failing = check('1,2\n', { onBadRow: () => Promise.reject(new Error('disk full')) });
    await expect(failing).rejects.toThrow('disk full');
  });

  it('reports its progress, and stops on request', async () => {
    const seen: number[] = [];
    const abort = new AbortController();
    const text = 'a\n'.repeat(10);
    await check(text, { base: 500, onProgress: (bytes) => seen.push(bytes) }, [8]);
    expect(seen).toEqual([8, 16, 20]);
    const stopped = check(text, { signal: abort.signal, onProgress: () => abort.abort(new Error('enough')) }, [8]);
    await expect(stopped).rejects.toThrow('enough');
    await expect(check('', { signal: AbortSignal.abort(new Error('before')) })).rejects.toThrow('before');
  });

  it('refuses a file with an unclosed last quote, and does not report its row as a bad one', async () => {
    const told: number[] = [];
    const input = { onBadRow: (_: Buffer, { row }: RowFinding) => void told.push(row) };
    await expect(check('1,2\na\n"b\n', input)).rejects.toMatchObject({
      code: 'CSV_UNCLOSED_QUOTE',
      message: expect.stringContaining('Data row 3 ') as string,
    });
    expect(told).toEqual([1]);
  });

  it('aborts at an endless row instead of keeping the whole file in memory', async () => {
    let chunks = 0;
    async function* endless(): AsyncGenerator<Buffer> {
      yield Buffer.from('a\n"b');
      for (; chunks < 1000; chunks++) yield Buffer.alloc(1 << 20, 'x\n');
    }
    await expect(check('', { chunks: endless(), base: 10 })).rejects.toMatchObject({
      code: 'CSV_ROW_TOO_LARGE',
      message: expect.stringContaining('Data row 2 (from byte 12 ') as string,
    });
    expect(chunks).toBeLessThan(20);
  });

  it('accepts an empty file, a last row without a line ending, and plain byte arrays', async () => {
    expect(await check('')).toMatchObject({ rows: 0, badRows: 0 });
    expect(await check('\n\r\n')).toMatchObject({ rows: 0, badRows: 0 });
    async function* arrays(): AsyncGenerator<Uint8Array> {
      for await (const chunk of inChunks(Buffer.from('a\nb,c'), [2])) yield new Uint8Array(chunk);
    }
    expect(await check('', { chunks: arrays() })).toMatchObject({ rows: 2, badRows: 1, bad: [{ record: 'b,c' }] });
  });
});
