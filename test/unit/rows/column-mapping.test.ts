import { describe, expect, it } from 'vitest';
import { applyColumns, headerBytes, sendsAllColumns } from '../../../src/rows/column-mapping.js';
import type { ColumnChoice, ColumnPlan } from '../../../src/rows/column-mapping.js';
import { OPERATIONS } from '../../../src/contract/names.js';

const apply = (header: string[], choice: Partial<ColumnChoice> = {}): ColumnPlan =>
  applyColumns(header, { operation: 'upsert', ...choice });
const names = (plan: ColumnPlan): string[] => plan.sent.map(({ name }) => name);
const refusal = (code: string) => expect.objectContaining({ code }) as Error;

describe('applyColumns', () => {
  it('sends every column under its own name without a mapping', () => {
    const plan = apply(['Ext__c', 'Name', 'Owner.Email']);
    expect(plan.sent).toEqual([
      { index: 0, name: 'Ext__c' },
      { index: 1, name: 'Name' },
      { index: 2, name: 'Owner.Email' },
    ]);
    expect(plan.kept).toEqual(plan.sent);
  });

  it('renames and drops columns, keeping their positions in the source', () => {
    const plan = apply(['Key', 'Name', 'Comment'], { columns: { Key: 'Ext__c', Comment: '' } });
    expect(plan.sent).toEqual([
      { index: 0, name: 'Ext__c' },
      { index: 1, name: 'Name' },
    ]);
    expect(plan.kept).toEqual(plan.sent);
  });

  it('drops columns that earlier result files added, unless they are mapped', () => {
    expect(names(apply(['sf__Id', 'sf__Error', 'Name']))).toEqual(['Name']);
    expect(names(apply(['sf__Id', 'sf__Error', 'Name'], { columns: { sf__Id: 'Id' } }))).toEqual(['Id', 'Name']);
  });

  it('drops no other column with the same prefix, and none that is a field', () => {
    const plan = apply(['sf__Region__c', 'SF__ID', 'sf__Created', 'sf__Errors', 'sf__Unprocessed']);
    expect(names(plan)).toEqual(['sf__Region__c', 'sf__Errors', 'sf__Unprocessed']);
    expect(plan.notes).toEqual(['SF__ID', 'sf__Created']);
    const known = apply(['sf__Id', 'sf__Error', 'Name'], { isField: (name) => name === 'sf__Error' });
    expect([names(known), known.notes]).toEqual([['sf__Error', 'Name'], ['sf__Id']]);
  });

  it('leaves out columns without a name, and reports which', () => {
    expect(apply(['', 'A', ' ']).nameless).toEqual([0, 2]);
    expect(apply(['', 'A'], { columns: { '': '' } })).toMatchObject({ nameless: [], sent: [{ index: 1, name: 'A' }] });
    expect(names(apply([' ', 'A'], { columns: { '': 'B' } }))).toEqual(['B', 'A']);
    expect(() => apply(['A'], { columns: { '': '' } })).toThrow(refusal('HEADER_UNKNOWN_MAPPING'));
    expect(() => apply(['', ' ', 'A'], { columns: { '': 'B' } })).toThrow(refusal('HEADER_DUPLICATE_COLUMN'));
  });

  it('sends a column to each of several fields', () => {
    const plan = apply(['A', 'B'], { columns: { A: 'X__c, Y__c,', B: '' } });
    expect(plan.sent).toEqual([
      { index: 0, name: 'X__c' },
      { index: 0, name: 'Y__c' },
    ]);
    expect(() => apply(['A'], { columns: { A: 'X__c,x__C' } })).toThrow(refusal('HEADER_DUPLICATE_COLUMN'));
    // A rejected file has both.
    expect(names(apply(['X__c', 'Y__c'], { columns: { A: 'X__c,Y__c' } }))).toEqual(['X__c', 'Y__c']);
    expect(() => apply(['X__c'], { columns: { A: 'X__c,Y__c' } })).toThrow(refusal('HEADER_UNKNOWN_MAPPING'));
  });

  it('finds columns in any letter case, but prefers the exact one', () => {
    const columns = { name: 'X', größe: 'Y', NAME: 'Z' };
    expect(names(apply(['NAME', 'Größe'], { columns }))).toEqual(['Z', 'Y']);
  });

  it('accepts a mapping of other files', () => {
    const plan = apply(['a', 'B'], {
      columns: { B: 'X' },
      columnsIfPresent: { A: 'Y', b: 'Z', C: 'W', D: '', E: 'a' },
    });
    expect(names(plan)).toEqual(['Y', 'X']);
    // E exists under its API name.
    expect(plan.missing).toEqual(['C', 'D']);
  });

  it('allows names to be swapped', () => {
    expect(names(apply(['A', 'B'], { columns: { A: 'B', B: 'A' } }))).toEqual(['B', 'A']);
  });

  it('refuses a mapping of a missing column, unless its target exists', () => {
    expect(() => apply(['Name'], { columns: { Key: 'Ext__c' } })).toThrow(refusal('HEADER_UNKNOWN_MAPPING'));
    expect(() => apply(['Name'], { columns: { Key: '' } })).toThrow(refusal('HEADER_UNKNOWN_MAPPING'));
    expect(() => apply(['Name'], { columns: { toString: 'Ext__c' } })).toThrow(refusal('HEADER_UNKNOWN_MAPPING'));
    // A rejected file already has the API names and is loaded with the mapping of the first load.
    expect(names(apply(['Ext__c', 'Name'], { columns: { Key: 'Ext__c' } }))).toEqual(['Ext__c', 'Name']);
  });

  it('does not confuse names of object members with mappings', () => {
    expect(names(apply(['constructor', 'toString'], { columns: {} }))).toEqual(['constructor', 'toString']);
  });

  it('refuses duplicate names', () => {
    expect(() => apply(['Key', 'ext__C'], { columns: { Key: 'Ext__c' } })).toThrow(refusal('HEADER_DUPLICATE_COLUMN'));
  });

  it('refuses to send nothing', () => {
    expect(() => apply(['A'], { columns: { A: '' } })).toThrow(refusal('HEADER_NO_COLUMNS'));
    expect(() => apply(['sf__Id'])).toThrow(refusal('HEADER_NO_COLUMNS'));
  });

  describe.each(['delete', 'hardDelete'] as const)('for %s', (operation) => {
    it('sends the Id alone and keeps the others for people', () => {
      const plan = apply(['Name', 'id', 'sf__Error'], { operation });
      expect(plan.sent).toEqual([{ index: 1, name: 'Id' }]);
      expect(plan.kept).toEqual([
        { index: 0, name: 'Name' },
        { index: 1, name: 'id' },
      ]);
    });

    it('accepts an Id by mapping, and refuses a file without one', () => {
      expect(apply(['Record', 'X'], { operation, columns: { Record: 'Id' } }).sent).toEqual([{ index: 0, name: 'Id' }]);
      expect(() => apply(['Name'], { operation })).toThrow(refusal('HEADER_NO_ID'));
    });
  });

  it('leaves the keys of other operations to the preflight', () => {
    for (const operation of OPERATIONS.filter((name) => !name.endsWith('elete'))) {
      expect(names(apply(['Name'], { operation }))).toEqual(['Name']);
    }
  });
});

describe('sendsAllColumns', () => {
  it('is true only when the rows can be sent byte for byte', () => {
    const all = (header: string[], choice?: Partial<ColumnChoice>): boolean =>
      sendsAllColumns(header, apply(header, choice).sent);
    expect(all(['A', 'B'])).toBe(true);
    expect(all(['A', 'B'], { columns: { A: 'C' } })).toBe(true);
    expect(all(['A', 'B'], { columns: { A: '' } })).toBe(false);
    expect(all(['Id', 'B'], { operation: 'delete' })).toBe(false);
    expect(all(['Id'], { operation: 'delete' })).toBe(true);
    expect(all(['A', 'B'], { columns: { A: 'C,D', B: '' } })).toBe(false);
  });
});

describe('headerBytes', () => {
  it('writes the line in the dialect of the rows', () => {
    expect(headerBytes(['Id', 'Größe'], ';', 'CRLF').toString()).toBe('Id;Größe\r\n');
    expect(headerBytes(['a,b', 'c'], ',', 'LF').toString()).toBe('"a,b",c\n');
  });
});
