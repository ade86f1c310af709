/** What fix rules change, and above all what they do not change. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RowFix } from '../../../src/contract/corrections.js';
import { parseRowError } from '../../../src/domain/platform/row-errors.js';
import { CHANGES_HEADER, RowFixer } from '../../../src/rows/apply-fixes.js';
import { lengthsOf } from '../../../src/activities/plan/field-lengths.js';
import type { FixOutcome, FixTarget } from '../../../src/rows/apply-fixes.js';
import { parseDescribe } from '../../../src/salesforce/resources/describe.js';

const NAMES = [
  'External_Id__c',
  'Name',
  'Rating',
  'Email__c',
  'Account.External_Id__c',
  'Lead:Who.Email',
  'Parent__r.Key__c',
];
const CELLS = ['A-1', 'Acme Incorporated', 'Hott', 'nobody', 'P-1', 'w@example.com', 'K-1'];
const tooLong = (field: string, length = 4): string =>
  `STRING_TOO_LONG:Name: data value too large: Acme Incorporated (max length=${length}):${field} --`;

function fixerOf(fixes: RowFix[], target: Partial<FixTarget> = {}): RowFixer {
  return new RowFixer(fixes, { names: NAMES, key: 'External_Id__c', lineEnding: 'LF', ...target });
}

function fix(fixes: RowFix | RowFix[], raw: string, cells = CELLS, target: Partial<FixTarget> = {}): FixOutcome {
  return fixerOf([fixes].flat(), target).fix(parseRowError(raw), cells);
}

/** New values by column. */
function changed(outcome: FixOutcome): Record<string, string> | string {
  if (outcome.kind !== 'fixed') return outcome.kind;
  return Object.fromEntries(outcome.changes.map(({ column, after }) => [column, after]));
}

const TRUNCATE: RowFix = { code: 'STRING_TOO_LONG', do: 'truncate' };
const BLANK: RowFix = { code: 'INVALID_EMAIL_ADDRESS', do: 'blank' };
const RATING: RowFix = {
  code: 'INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST',
  field: 'Rating',
  do: 'replace',
  values: { Hott: 'Hot', Chilly: '' },
};
const badRating =
  'INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST:Rating: bad value for restricted picklist field: Hott:Rating --';
const badEmail = 'INVALID_EMAIL_ADDRESS:Email: invalid email address: nobody:Email__c --';

describe('a row without a rule for its error', () => {
  it.each([
    ['another code', [BLANK], tooLong('Name')],
    ['no rules', [], tooLong('Name')],
    ['no code', [TRUNCATE], 'something odd'],
    ['another field', [{ ...TRUNCATE, field: 'Rating' } as RowFix], tooLong('Name')],
    ['a field that is not sent', [TRUNCATE], tooLong('Industry')],
    ['no field at all', [BLANK], 'INVALID_EMAIL_ADDRESS:bad:--'],
  ])('is not changed: %s', (_what, fixes, raw) => {
    expect(fix(fixes, raw)).toEqual({ kind: 'noRule' });
  });

  it.each([
    ['a lock', 'UNABLE_TO_LOCK_ROW', 'UNABLE_TO_LOCK_ROW:unable to obtain exclusive access:Name --'],
    [
      'a lock inside a trigger',
      'CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY',
      'CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY:T: System.DmlException: UNABLE_TO_LOCK_ROW, unable to obtain exclusive access:Name --',
    ],
    ['a full org', 'STORAGE_LIMIT_EXCEEDED', 'STORAGE_LIMIT_EXCEEDED:storage limit exceeded:Name --'],
    ['what is gone', 'ENTITY_IS_DELETED', 'ENTITY_IS_DELETED:entity is deleted:Name --'],
  ])('keeps its values despite %s', (_what, code, raw) => {
    expect(fix({ code, field: 'Name', do: 'blank' }, raw)).toEqual({ kind: 'noRule' });
  });

  it('has only values of a table changed if a parent is missing, which may be created later', () => {
    const raw = 'INVALID_FIELD:Foreign key external ID: P-1 not found for field External_Id__c in entity Account:--';
    const rule: RowFix = { code: 'INVALID_FIELD', field: 'Account.External_Id__c', do: 'blank' };
    expect(fix(rule, raw)).toEqual({ kind: 'noRule' });
    const table: RowFix = { ...rule, do: 'replace', values: { 'P-1': 'P-2' } };
    expect(changed(fix([rule, table], raw))).toEqual({ 'Account.External_Id__c': 'P-2' });
    expect(fix(table, raw, ['A-1', 'Acme', 'Hot', '', 'P-3'])).toEqual({ kind: 'noHelp' });
  });

  it('of a trigger that fails for its own reasons is fixed', () => {
    const raw = 'CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY:T: no such rating:--';
    const rule: RowFix = { code: 'CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY', field: 'Rating', do: 'blank' };
    expect(changed(fix(rule, raw))).toEqual({ Rating: '#N/A' });
  });
});

/** No split character. */
function isWhole(text: string): boolean {
  return Buffer.from(text).toString() === text;
}

describe('truncate', () => {
  it('cuts to the length from describe rather than to that in the message', () => {
    expect(changed(fix(TRUNCATE, tooLong('Name', 4), CELLS, { lengths: { Name: 6 } }))).toEqual({ Name: 'Acme I' });
  });

  it("cuts to the length in the message if describe has none, or a larger one than the value's", () => {
    expect(changed(fix(TRUNCATE, tooLong('Name')))).toEqual({ Name: 'Acme' });
    expect(changed(fix(TRUNCATE, tooLong('Name'), CELLS, { lengths: { Name: 80 } }))).toEqual({ Name: 'Acme' });
    expect(changed(fix(TRUNCATE, tooLong('Name'), CELLS, { lengths: { Name: 0 } }))).toEqual({ Name: 'Acme' });
  });

  it('uses the last length in a message that quotes another one', () => {
    const value = 'Acme (max length=2) Incorporated';
    const raw = `STRING_TOO_LONG:Name: data value too large: ${value} (max length=10):Name --`;
    expect(changed(fix(TRUNCATE, raw, ['A-1', value]))).toEqual({ Name: 'Acme (max ' });
  });

  it('does not use the length of another field', () => {
    const raw = 'STRING_TOO_LONG:Name: data value too large: Acme Inc... (max length=4):Name Rating --';
    expect(changed(fix(TRUNCATE, raw))).toEqual({ Name: 'Acme' });
    const bare = 'STRING_TOO_LONG:Name: data value too large: Acme Incorporated (max length=2):--';
    expect(changed(fix({ ...TRUNCATE, field: 'Rating' }, bare))).toBe('noHelp');
    expect(changed(fix({ ...TRUNCATE, field: 'Name' }, bare))).toEqual({ Name: 'Ac' });
  });

  it('changes nothing if the length is unknown, or if the value fits', () => {
    expect(fix(TRUNCATE, 'STRING_TOO_LONG:too long:Name --')).toEqual({ kind: 'noHelp' });
    expect(fix(TRUNCATE, tooLong('Name', 17))).toEqual({ kind: 'noHelp' });
  });

  it('never splits a character or a line break', () => {
    const cut = (value: string, length: number, lineEnding: 'LF' | 'CRLF' = 'LF') =>
      changed(fix(TRUNCATE, `STRING_TOO_LONG:x (max length=${length}):Name --`, ['A-1', value], { lineEnding }));
    expect(cut('ab😀', 3)).toEqual({ Name: 'ab' });
    expect(cut('a😀b', 3)).toEqual({ Name: 'a😀' });
    expect(cut('😀', 1)).toBe('noHelp');
    expect(cut('ab\r\ncd', 3, 'CRLF')).toEqual({ Name: 'ab' });
    expect(cut('ab\r\ncd', 4, 'CRLF')).toEqual({ Name: 'ab\r\n' });
  });

  it('counts line breaks as they are sent', () => {
    const cut = (value: string, lineEnding: 'LF' | 'CRLF') =>
      changed(fix(TRUNCATE, 'STRING_TOO_LONG:x (max length=5):Name --', ['A-1', value], { lineEnding }));
    expect(cut('ab\ncd', 'LF')).toBe('noHelp');
    expect(cut('ab\ncd', 'CRLF')).toEqual({ Name: 'ab\r\nc' });
    expect(cut('ab\r\ncd', 'LF')).toBe('noHelp');
  });

  it('returns a prefix of any value that fits', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1 }), fc.integer({ min: 1, max: 30 }), (value, length) => {
        fc.pre(value !== '#N/A' && !value.includes('\n'));
        const outcome = fix(TRUNCATE, `STRING_TOO_LONG:x (max length=${length}):Name --`, ['A-1', value]);
        if (outcome.kind !== 'fixed') return value.length <= length || (length === 1 && /^[\ud800-\udbff]/.test(value));
        const after = outcome.cells[1] as string;
        return (
          value.length > length &&
          after.length <= length &&
          after.length >= length - 1 &&
          value.startsWith(after) &&
          isWhole(after) === isWhole(value)
        );
      }),
    );
  });
});

describe('blank', () => {
  it('clears the field, which an empty cell would not', () => {
    expect(changed(fix(BLANK, badEmail))).toEqual({ Email__c: '#N/A' });
  });

  it('clears all fields that the error names', () => {
    const raw = 'FIELD_INTEGRITY_EXCEPTION:bad:Name, Rating --';
    expect(changed(fix({ code: 'FIELD_INTEGRITY_EXCEPTION', do: 'blank' }, raw))).toEqual({
      Name: '#N/A',
      Rating: '#N/A',
    });
  });

  it.each(['', '#N/A'])('does not change a cell that is already empty: %j', (cell) => {
    expect(fix(BLANK, badEmail, ['A-1', 'Acme', 'Hot', cell])).toEqual({ kind: 'noHelp' });
  });

  it('of one field does nothing if another one is invalid', () => {
    expect(fix({ ...BLANK, field: 'Name' }, badEmail)).toEqual({ kind: 'noRule' });
  });

  it('of one field applies if the error names no column of the file', () => {
    const rule: RowFix = { code: 'FIELD_CUSTOM_VALIDATION_EXCEPTION', field: 'email__C', do: 'blank' };
    expect(changed(fix(rule, 'FIELD_CUSTOM_VALIDATION_EXCEPTION:Our rule: no.:--'))).toEqual({ Email__c: '#N/A' });
    expect(changed(fix(rule, 'FIELD_CUSTOM_VALIDATION_EXCEPTION:Our rule:Industry --'))).toEqual({ Email__c: '#N/A' });
  });
});

describe('replace', () => {
  it('changes values in the table that match exactly', () => {
    expect(changed(fix(RATING, badRating))).toEqual({ Rating: 'Hot' });
    for (const cell of ['hott', 'Hott ', 'constructor', '']) {
      expect(fix(RATING, badRating, ['A-1', 'Acme', cell])).toEqual({ kind: 'noHelp' });
    }
  });

  it('clears the field for an empty new value', () => {
    expect(changed(fix(RATING, badRating, ['A-1', 'Acme', 'Chilly']))).toEqual({ Rating: '#N/A' });
  });

  it('fills empty cells if the table has a value for them', () => {
    const rule: RowFix = { code: 'REQUIRED_FIELD_MISSING', field: 'Name', do: 'replace', values: { '': 'Unknown' } };
    const raw = 'REQUIRED_FIELD_MISSING:Required fields are missing: [Name]:Name --';
    expect(changed(fix(rule, raw, ['A-1', '']))).toEqual({ Name: 'Unknown' });
    expect(fix({ ...rule, values: { '': '' } }, raw, ['A-1', ''])).toEqual({ kind: 'noHelp' });
  });

  it('changes nothing if the new value is the old one', () => {
    expect(fix({ ...RATING, values: { Hott: 'Hott' } }, badRating)).toEqual({ kind: 'noHelp' });
  });
});

describe('columns', () => {
  const blank = (field: string | undefined, raw: string) =>
    changed(fix({ code: 'FIELD_INTEGRITY_EXCEPTION', do: 'blank', ...(field !== undefined && { field }) }, raw));
  const about = (field: string) => `FIELD_INTEGRITY_EXCEPTION:bad:${field} --`;

  it.each([
    ['NAME', 'Name'],
    ['account.external_id__c', 'Account.External_Id__c'],
    ['AccountId', 'Account.External_Id__c'],
    ['Lead:Who.Email', 'Lead:Who.Email'],
    ['Who.Email', 'Lead:Who.Email'],
    ['WhoId', 'Lead:Who.Email'],
    ['Parent__c', 'Parent__r.Key__c'],
  ])('are found by their name in the rule or the error: %s', (field, column) => {
    expect(blank(field, 'FIELD_INTEGRITY_EXCEPTION:bad:--')).toEqual({ [column]: '#N/A' });
    if (!field.includes(':')) expect(blank(undefined, about(field))).toEqual({ [column]: '#N/A' });
  });

  it('identified by an id are not confused with those identified by a key', () => {
    const target = { names: ['Account.External_Id__c', 'AccountId'], key: undefined };
    const rule: RowFix = { code: 'FIELD_INTEGRITY_EXCEPTION', do: 'blank' };
    expect(changed(fix(rule, about('AccountId'), ['P-1', '001'], target))).toEqual({ AccountId: '#N/A' });
  });

  it('that identify rows are never changed', () => {
    const raw = 'STRING_TOO_LONG:External Id: data value too large: A-1 (max length=2):External_Id__c --';
    expect(fix(TRUNCATE, raw).kind).toBe('noRule');
    expect(fix({ ...TRUNCATE, field: 'external_id__c', do: 'blank' }, raw).kind).toBe('noRule');
  });
});

describe('several rules', () => {
  it('for one column: only the first that changes it applies', () => {
    const rules: RowFix[] = [RATING, { code: RATING.code, do: 'blank' }];
    expect(changed(fix(rules, badRating))).toEqual({ Rating: 'Hot' });
    expect(changed(fix(rules, badRating, ['A-1', 'Acme', 'Lukewarm']))).toEqual({ Rating: '#N/A' });
  });

  it('for several columns all apply, and other columns stay', () => {
    const rules: RowFix[] = [
      { ...TRUNCATE, field: 'Name' },
      { code: 'STRING_TOO_LONG', field: 'Rating', do: 'blank' },
    ];
    const outcome = fix(rules, 'STRING_TOO_LONG:x:Name Rating --', CELLS, { lengths: { Name: 4 } });
    expect(outcome).toEqual({
      kind: 'fixed',
      cells: ['A-1', 'Acme', '#N/A', ...CELLS.slice(3)],
      changes: [
        { column: 'Name', before: 'Acme Incorporated', after: 'Acme', rule: 1 },
        { column: 'Rating', before: 'Hott', after: '#N/A', rule: 2 },
      ],
    });
    expect(CELLS[1]).toBe('Acme Incorporated');
  });
});

describe('lines of changes.csv', () => {
  const rules: RowFix[] = [BLANK, RATING];
  const lines = (id: string, cells: string[], target: Partial<FixTarget> = {}): string[][] => {
    const fixer = fixerOf(rules, target);
    const outcome = fixer.fix(parseRowError(badRating), cells);
    return outcome.kind === 'fixed' ? fixer.changeRows({ id, cells }, outcome.changes) : [];
  };
  const rule = '2: INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST replace Rating';

  it('identify the row by its key, else by its id, else not at all', () => {
    expect(lines('001', CELLS)).toEqual([['A-1', 'Rating', 'Hott', 'Hot', rule]]);
    expect(lines('001', ['', ...CELLS.slice(1)])).toEqual([['001', 'Rating', 'Hott', 'Hot', rule]]);
    expect(lines('', CELLS, { key: undefined })).toEqual([['', 'Rating', 'Hott', 'Hot', rule]]);
    expect(lines('', CELLS)[0]).toHaveLength(CHANGES_HEADER.length);
  });
});

describe('lengths of a plan', () => {
  const described = parseDescribe({
    name: 'Account',
    fields: [
      { name: 'Name', type: 'string', length: 80 },
      { name: 'NumberOfEmployees', type: 'int', length: 0 },
    ],
  });

  it('are those from describe for the columns that are sent', () => {
    expect(lengthsOf(['NAME', 'NumberOfEmployees', 'Account.Name'], described)).toEqual({ NAME: 80 });
    expect(lengthsOf(NAMES, undefined)).toEqual({});
  });
});
