import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FirstRows, hash64 } from '../../src/preflight/key-duplicates.js';
import { check, codes, columnsOf, field, keyOf } from './row-support.js';

describe('FirstRows', () => {
  it('knows the same first rows as a Map', () => {
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

  it('holds three million keys in less than 20 bytes each, and mixes up none', () => {
    const firstRows = new FirstRows();
    // So many that some share 40 of the 64 bits.
    const count = 3_000_000;
    for (let row = 1; row <= count; row++) {
      if (firstRows.add(`K${row}`, row) !== undefined) throw new Error(`row ${row} is no duplicate`);
    }
    expect(firstRows.bytes / count).toBeLessThan(20);
    for (let row = 1; row <= count; row += 997) expect(firstRows.add(`K${row}`, count + 1)).toBe(row);
  });

  it('takes the largest row numbers', () => {
    const firstRows = new FirstRows();
    firstRows.add('a', 2 ** 32 - 1);
    expect(firstRows.add('a', 5)).toBe(2 ** 32 - 1);
  });

  it('spreads similar keys: each half of the hash is as good as random', () => {
    const seen = { low: new Set<number>(), high: new Set<number>() };
    const tables = new Uint32Array(256);
    const count = 200_000;
    for (let i = 0; i < count; i++) {
      const { low, high } = hash64(`0010000000${i.toString().padStart(8, '0')}`);
      seen.low.add(low);
      seen.high.add(high);
      tables[high >>> 24]!++;
    }
    // Of 200,000 random numbers of 32 bits about 5 pairs are equal.
    for (const half of [seen.low, seen.high]) expect(count - half.size).toBeLessThan(25);
    expect(Math.max(...tables)).toBeLessThan((count / 256) * 1.25);
    expect(Math.min(...tables)).toBeGreaterThan((count / 256) * 0.75);
  });
});

describe('duplicate keys', () => {
  const columns = columnsOf(field('Ext__c', 'string', { length: 20 }), field('D__c', 'date'));

  it('are told with the row that had the key first, in each later row', async () => {
    const { findings, badRows, byCode } = await check('a,\nb,\n"a",\n,\na,\n', {
      columns,
      operation: 'upsert',
      key: keyOf('Ext__c'),
    });
    expect(findings.map(({ row, code, message }) => [row, code, message])).toEqual([
      [3, 'DUPLICATE_KEY_IN_FILE', 'the key Ext__c is in data row 1 already'],
      [4, 'KEY_BLANK', 'Ext__c not specified'],
      [5, 'DUPLICATE_KEY_IN_FILE', 'the key Ext__c is in data row 1 already'],
    ]);
    expect(findings[0]?.error).toBe("DUPLICATE_KEY_IN_FILE:the key Ext__c 'a' is in data row 1 already:Ext__c --");
    expect([badRows, byCode]).toEqual([3, { DUPLICATE_KEY_IN_FILE: 2, KEY_BLANK: 1 }]);
  });

  it.each<[string, boolean, string, [number, string][]]>([
    ['string', false, 'Abc\naBC\nabc \n', [[2, 'DUPLICATE_KEY_IN_FILE']]],
    ['string', true, 'Abc\naBC\nAbc\n', [[3, 'DUPLICATE_KEY_IN_FILE']]],
    ['double', false, '10\n1e1\n10.0\n1\n', [[2, 'DUPLICATE_KEY_IN_FILE'], [3, 'DUPLICATE_KEY_IN_FILE']]], // prettier-ignore
    ['id', true, '001A0000006Vm9rIAC\n001A0000006Vm9r\n001A0000006VM9r\n', [[2, 'DUPLICATE_KEY_IN_FILE']]],
  ])('are compared as values of type %s are, with case: %s', async (type, caseSensitive, text, expected) => {
    const columns = columnsOf(field('K', type, { precision: 18 }));
    expect(await codes(text, { columns, key: keyOf('K', type, caseSensitive) })).toEqual(expected);
  });

  it('of a row that is bad itself count too, unless its cells cannot be told', async () => {
    const input = { columns, operation: 'upsert' as const, key: keyOf('Ext__c') };
    expect(await codes('a,x\na,2024-01-01\na,y\n', input)).toEqual([
      [1, 'INVALID_FIELD'],
      [2, 'DUPLICATE_KEY_IN_FILE'],
      [3, 'INVALID_FIELD'],
    ]);
    expect(await codes('b\nb,\n', input)).toEqual([[1, 'ROW_RAGGED']]);
  });

  it('are not looked for without a key', async () => {
    expect(await codes('a,\na,\n', { columns })).toEqual([]);
  });
});
