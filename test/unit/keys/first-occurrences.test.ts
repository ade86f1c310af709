import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FirstRows } from '../../../src/keys/first-occurrences.js';
import { check, codes, columnsOf, field, keyOf } from '../../helpers/fields.js';

describe('FirstRows', () => {
  it('has the same first rows as a Map', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: fc.constantFrom('a', 'b', 'ü'), maxLength: 5 }), { maxLength: 400 }),
        (keys) => {
          const firstRows = new FirstRows();
          const map = new Map<string, number>();
          keys.forEach((key, i) => {
            expect(firstRows.add(key, i + 1)).toBe(map.get(key));
            if (!map.has(key)) map.set(key, i + 1);
          });
        },
      ),
    );
  });

  it('supports the largest row numbers', () => {
    const firstRows = new FirstRows();
    firstRows.add('a', 2 ** 32 - 1);
    expect(firstRows.add('a', 5)).toBe(2 ** 32 - 1);
  });
});

describe('duplicate keys', () => {
  const columns = columnsOf(field('Ext__c', 'string', { length: 20 }), field('D__c', 'date'));

  it('are reported with the first row of the key, in each later row', async () => {
    const { findings, badRows, byCode } = await check('a,\nb,\n"a",\n,\na,\n', {
      columns,
      operation: 'upsert',
      key: keyOf('Ext__c'),
    });
    expect(findings.map(({ row, code, message }) => [row, code, message])).toEqual([
      [3, 'DUPLICATE_KEY_IN_FILE', 'the key Ext__c is already in data row 1'],
      [4, 'KEY_BLANK', 'Ext__c not specified'],
      [5, 'DUPLICATE_KEY_IN_FILE', 'the key Ext__c is already in data row 1'],
    ]);
    expect(findings[0]?.error).toBe("DUPLICATE_KEY_IN_FILE:the key Ext__c 'a' is already in data row 1:Ext__c --");
    expect([badRows, byCode]).toEqual([3, { DUPLICATE_KEY_IN_FILE: 2, KEY_BLANK: 1 }]);
  });

  it.each<[string, boolean, string, [number, string][]]>([
    ['string', false, 'Abc\naBC\nabc \n', [[2, 'DUPLICATE_KEY_IN_FILE']]],
    ['string', true, 'Abc\naBC\nAbc\n', [[3, 'DUPLICATE_KEY_IN_FILE']]],
    ['double', false, '10\n1e1\n10.0\n1\n', [[2, 'DUPLICATE_KEY_IN_FILE'], [3, 'DUPLICATE_KEY_IN_FILE']]], // prettier-ignore
    ['id', true, '001A0000006Vm9rIAC\n001A0000006Vm9r\n001A0000006VM9r\n', [[2, 'DUPLICATE_KEY_IN_FILE']]],
  ])('are compared like values of type %s, case-sensitive: %s', async (type, caseSensitive, text, expected) => {
    const columns = columnsOf(field('K', type, { precision: 18 }));
    expect(await codes(text, { columns, key: keyOf('K', type, caseSensitive) })).toEqual(expected);
  });

  it('in a row with other errors count too, unless its cells are ambiguous', async () => {
    const input = { columns, operation: 'upsert' as const, key: keyOf('Ext__c') };
    expect(await codes('a,x\na,2024-01-01\na,y\n', input)).toEqual([
      [1, 'INVALID_FIELD'],
      [2, 'DUPLICATE_KEY_IN_FILE'],
      [3, 'INVALID_FIELD'],
    ]);
    expect(await codes('b\nb,\n', input)).toEqual([[1, 'ROW_RAGGED']]);
  });

  it('are not checked without a key', async () => {
    expect(await codes('a,\na,\n', { columns })).toEqual([]);
  });
});
