import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Operation } from '../../../../src/contract/names.js';
import { readCells } from '../../../../src/csv/cells.js';
import { RowRules } from '../../../../src/preflight/rows/row-validator.js';
import { check, codes, columnsOf, field, keyOf } from '../../../helpers/fields.js';

const REQUIRED = 'REQUIRED_FIELD_MISSING';

describe('the number of cells', () => {
  const columns = columnsOf(undefined, undefined, undefined);

  it('must match the header', async () => {
    const { findings, bad } = await check('1,2,3\n1,2\n1,2,3,4\r\n\n"a,b",2,3\n"a,b",3\n,,\n1', { columns });
    expect(findings.map(({ row, code, message }) => [row, code, message.split(';')[0]])).toEqual([
      [2, 'ROW_RAGGED', 'the row has 2 cells, the header has 3'],
      [3, 'ROW_RAGGED', 'the row has 4 cells, the header has 3'],
      [5, 'ROW_RAGGED', 'the row has 2 cells, the header has 3'],
      [7, 'ROW_RAGGED', 'the row has 1 cell, the header has 3'],
    ]);
    expect(bad.map(({ record }) => record)).toEqual(['1,2\n', '1,2,3,4\r\n', '"a,b",3\n', '1']);
  });

  it('is reported before anything else: the cells are in the wrong columns', async () => {
    const columns = columnsOf(field('D__c', 'date'), field('N__c', 'double'));
    expect(await codes('x,1,2\n1\nx,1\n', { columns })).toEqual([
      [1, 'ROW_RAGGED'],
      [2, 'ROW_RAGGED'],
      [3, 'INVALID_FIELD'],
    ]);
  });
});

describe('cells that are not sent', () => {
  it('may contain anything', async () => {
    const columns = [{ index: 1, title: 'b', name: 'D__c', field: field('D__c', 'date') }];
    expect(await codes(`x\0${'y'.repeat(500_000)},2024-01-01,z\n,x,\n`, { columns, width: 3 })).toEqual([
      [2, 'INVALID_FIELD'],
    ]);
    const { findings } = await check('a,x,c', { columns, width: 3 });
    // Its position in the upload, not in the source.
    expect(findings[0]?.error).toContain('at col 0.');
  });
});

describe('empty cells and #N/A', () => {
  const needed = field('F__c', 'string', { nillable: false });
  const defaulted = field('F__c', 'picklist', { nillable: false, defaultedOnCreate: true });
  const flag = field('F__c', 'boolean', { nillable: false });
  const free = field('F__c', 'date');
  const lookup = field('Rel__r.Code__c', 'string', { nillable: false });
  it.each<[string, Operation, boolean, typeof needed, string[], string[]]>([
    // name, operation, blankAsNull, field, accepted, refused
    ['needed', 'insert', false, needed, [' ', '#n/a'], ['""', '#N/A', '"#N/A"']],
    ['needed', 'insert', true, needed, [], ['""', '#N/A']],
    ['needed', 'update', false, needed, ['""'], ['#N/A']],
    ['needed', 'update', true, needed, [], ['""', '#N/A']],
    ['needed', 'upsert', false, needed, ['""'], ['#N/A']],
    ['needed', 'upsert', true, needed, [], ['""', '#N/A']],
    ['needed', 'delete', true, needed, ['""', '#N/A'], []],
    ['defaulted', 'insert', true, defaulted, ['""', '#N/A'], []],
    ['defaulted', 'update', false, defaulted, ['""'], ['#N/A']],
    ['defaulted', 'update', true, defaulted, [], ['""', '#N/A']],
    ['defaulted', 'upsert', true, defaulted, ['""', '#N/A'], []],
    ['flag', 'insert', true, flag, ['""', '#N/A'], []],
    ['flag', 'update', true, flag, [], ['""', '#N/A']],
    ['free', 'insert', true, free, ['""', '#N/A'], ['#n/a', '#N/A ', '#N/AX', '#']],
    ['free', 'update', true, free, ['""', '#N/A'], ['N/A']],
    ['lookup', 'insert', true, lookup, ['""', '#N/A', 'x'], []],
  ])('%s, %s, blankAsNull %s', async (_, operation, blankAsNull, of, passes, fails) => {
    const input = { columns: columnsOf(of), operation, blankAsNull };
    for (const cell of passes) expect([cell, await codes(cell, input)]).toEqual([cell, []]);
    const code = of === free ? 'INVALID_FIELD' : REQUIRED;
    for (const cell of fails) expect([cell, await codes(cell, input)]).toEqual([cell, [[1, code]]]);
  });

  it("are reported in the platform's wording", async () => {
    const { findings } = await check('#N/A', { columns: columnsOf(needed) });
    expect(findings[0]?.error).toBe('REQUIRED_FIELD_MISSING:Required fields are missing: [F__c]:F__c --');
  });
});

describe('blank keys', () => {
  const columns = columnsOf(field('Id', 'id', { nillable: false }), undefined);
  it.each<[Operation, string, string | undefined, string]>([
    ['insert', 'Ext__c', undefined, ''],
    ['update', 'Id', 'MISSING_ARGUMENT', 'Id not specified in an update call'],
    ['delete', 'Id', 'MISSING_ARGUMENT', 'Id not specified in a delete call'],
    ['hardDelete', 'Id', 'MISSING_ARGUMENT', 'Id not specified in a hardDelete call'],
    ['upsert', 'Ext__c', 'KEY_BLANK', 'Ext__c not specified'],
    ['upsert', 'id', undefined, ''],
  ])('%s by %s: %s', async (operation, name, code, message) => {
    const input = { columns, operation, key: keyOf(name, 'id'), blankAsNull: true };
    for (const row of [',x', '"",x', '#N/A,x']) {
      const { findings } = await check(row, input);
      expect(findings.map((found) => [found.code, found.message])).toEqual(code ? [[code, message]] : []);
    }
  });

  it('of an insert count like any other cell', async () => {
    const columns = columnsOf(field('Ext__c', 'string', { nillable: false }), undefined);
    expect(await codes(',x\na,x\n', { columns, key: keyOf('Ext__c') })).toEqual([[1, REQUIRED]]);
  });
});

describe('sizes', () => {
  const long = (n: number) => 'x'.repeat(n);
  it.each<[string, string, string[]]>([
    ['131,072 characters in a cell', `"${'é'.repeat(131_072)}",b,c,d`, []],
    ['131,073 characters in a cell', `a,"${'é'.repeat(131_073)}",c,d`, ['ROW_TOO_LARGE']],
    ['131,072 quotes in a cell', `"${'""'.repeat(131_072)}",b,c,d`, []],
    ['400,000 characters in a record', Array(4).fill(long(100_000)).join(','), []],
    [
      '400,001 characters in a record',
      `"${long(100_001)}",${Array(3).fill(long(100_000)).join(',')}`,
      ['ROW_TOO_LARGE'],
    ],
    ['400,000 characters of many bytes', Array(4).fill('é'.repeat(100_000)).join(','), []],
  ])('%s', async (_, row, expected) => {
    const columns = columnsOf(undefined, field('B__c', 'base64', { length: 10 }), undefined, undefined);
    expect((await codes(`a,b,c,d\n${row}\n`, { columns })).map(([, code]) => code)).toEqual(expected);
  });

  it.each([5_000, 5_001])('%d fields', async (width) => {
    const columns = columnsOf(...Array<undefined>(width).fill(undefined));
    const { byCode } = await check(`${','.repeat(width - 1)}\n`, { columns });
    expect(byCode).toEqual(width === 5_000 ? {} : { ROW_TOO_LARGE: 1 });
  });
});

describe('NUL characters', () => {
  it('are found in the cells that are sent', async () => {
    const columns = columnsOf(undefined, field('B__c', 'string', { length: 255 }));
    const { findings } = await check('a,b\na,b\0\n"\0",b\na,b\n', { columns });
    expect(findings.map(({ row, code, error }) => [row, code, error.split(':').at(-1)])).toEqual([
      [2, 'CSV_NUL', 'B__c --'],
      [3, 'CSV_NUL', 'A --'],
    ]);
  });
});

describe('the walk over the cells', () => {
  const delimiter = ',';
  const anything = fc.string({ unit: fc.constantFrom('"', ',', 'a', 'é', '\r', '\n', ' ', '#'), maxLength: 14 });

  it('finds the same cells as readCells, with any quoting', () => {
    fc.assert(
      fc.property(anything, fc.constantFrom('', '\n', '\r\n'), anything, (text, end, behind) => {
        const record = Buffer.from(text + end);
        const cells = readCells(record, delimiter);
        // The bytes after a record with a line ending are the next record.
        const bytes = Buffer.concat([Buffer.from('x'), record, Buffer.from(end === '' ? '' : behind)]);
        cells.forEach((cell, index) => {
          const rules = new RowRules({
            delimiter,
            width: cells.length,
            columns: [{ index, title: 'A', name: 'A', field: field('A', 'string', { length: 1 }) }],
            operation: 'insert',
            blankAsNull: false,
            key: { index, name: 'A', normalise: (key) => `>${key}` },
          });
          const problem = rules.check(bytes, 1, 1 + record.length, false);
          expect(rules.key).toBe(`>${cell}`);
          expect(problem?.code).toBe(cell.length > 1 ? 'STRING_TOO_LONG' : undefined);
        });
      }),
      { numRuns: 2000 },
    );
  });
});
