/** Rejected rows by cause: every row counted, cures with the rows that they change, bounded memory. */
import { describe, expect, it } from 'vitest';
import { writeCells } from '../../../../src/csv/cells.js';
import { RejectedCauses } from '../../../../src/rows/causes/rejected-causes.js';
import type { CauseOptions, SampledCause } from '../../../../src/rows/causes/rejected-causes.js';

const COLUMNS = ['sf__Id', 'sf__Error', 'Key__c', 'Name', 'Email', 'Rating'];

function causesOf(
  rows: readonly (readonly string[])[],
  options: Partial<CauseOptions> = {},
  most = 20,
): { causes: SampledCause[]; other: number } {
  const causes = new RejectedCauses({ operation: 'upsert', key: 'Key__c', ...options });
  for (const row of [COLUMNS, ...rows]) causes.add(Buffer.from(writeCells([...row], ',', 'LF')));
  return causes.finish(most);
}

const row = (error: string, cells: Partial<Record<'key' | 'name' | 'email' | 'rating', string>> = {}): string[] => {
  const { key = 'K', name = '', email = '', rating = '' } = cells;
  return ['', error, key, name, email, rating];
};
const tooLong = (name: string): string[] =>
  row(`STRING_TOO_LONG:Name: data value too large: ${name} (max length=5):Name --`, { name });

describe('a cause', () => {
  it('joins rows whose messages differ in values, and counts those that its rule changes', () => {
    // The last value is short enough: its row failed for another reason than its length.
    const { causes, other } = causesOf([tooLong('Aaaaaa'), tooLong('Bbbbbbb'), tooLong('C')]);
    expect(other).toBe(0);
    expect(causes.map(({ cause }) => cause)).toEqual([
      {
        code: 'STRING_TOO_LONG',
        fields: ['Name'],
        message: 'Name: data value too large: … (max length=5)',
        rows: 3,
        cure: {
          text: 'A rule can cut `Name` to its maximum length.',
          rule: { code: 'STRING_TOO_LONG', field: 'Name', do: 'truncate' },
          rows: 2,
        },
      },
    ]);
  });

  it('lists the wrong values of a picklist, most frequent first', () => {
    const bad = (rating: string): string[] =>
      row(
        `INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST:Rating: bad value for restricted picklist field: ${rating}:Rating --`,
        {
          rating,
        },
      );
    const [found] = causesOf([bad('Hott'), bad('Colt'), bad('Hott')]).causes;
    expect(found?.values).toEqual([
      { value: 'Hott', rows: 2 },
      { value: 'Colt', rows: 1 },
    ]);
    expect(found?.cause.cure).toMatchObject({
      rule: { do: 'replace', field: 'Rating', values: { Hott: 'NEW VALUE', Colt: 'NEW VALUE' } },
      rows: 3,
    });
  });

  it('has no rule for a field that the file does not have, or for the key', () => {
    const missing = row('REQUIRED_FIELD_MISSING:Required fields are missing: [LastName]:LastName --');
    const key = row('STRING_TOO_LONG:Key: data value too large: KKKKKK (max length=2):Key__c --', { key: 'KKKKKK' });
    const { causes } = causesOf([missing, key]);
    for (const { cause } of causes) expect(cause.cure.rule).toBeUndefined();
    expect(causes.map(({ cause }) => cause.cure.text).join(' ')).toContain("--set 'LastName=value'");
  });

  it('needs nothing but another load when records were locked', () => {
    const locked = row('UNABLE_TO_LOCK_ROW:unable to obtain exclusive access to this record:--');
    expect(causesOf([locked, locked]).causes[0]?.cause).toMatchObject({ rows: 2, cure: { rows: 2 } });
    expect(causesOf([locked]).causes[0]?.cause.cure.text).toContain('load the rejected file again');
  });
});

describe('samples', () => {
  it('are few, cut, and begin with the fields at fault and the key', () => {
    const huge = 'x'.repeat(1_000_000);
    const error = 'STRING_TOO_LONG:Name: data value too large: xxx… (max length=5):Name --';
    const { causes } = causesOf(Array.from({ length: 20 }, () => row(error, { name: huge })));
    expect(causes[0]?.samples).toHaveLength(3);
    const [sample] = causes[0]?.samples ?? [];
    expect(sample?.cells.map(({ column }) => column)).toEqual(['Name', 'Key__c', 'Email', 'Rating']);
    expect(sample?.cells[0]).toEqual({ column: 'Name', text: 'x'.repeat(120), characters: 1_000_000 });
    expect(JSON.stringify(causes).length).toBeLessThan(10_000);
  });
});

describe('limits', () => {
  it('counts every row, however many messages, fields and codes there are', () => {
    const rows = Array.from({ length: 60_000 }, (_, n) => {
      const letters = [...String(n)].map((digit) => 'abcdefghij'.charAt(Number(digit))).join('');
      const code = n % 2 === 0 ? 'FIELD_CUSTOM_VALIDATION_EXCEPTION' : `CODE_${letters.toUpperCase()}`;
      return row(`${code}:message ${letters}:F_${letters}__c --`);
    });
    const { causes, other } = causesOf(rows);
    expect(causes).toHaveLength(20);
    expect(causes.reduce((sum, { cause }) => sum + cause.rows, other)).toBe(60_000);
    expect(causes[0]?.cause).toMatchObject({ code: 'OTHER', message: '(other messages)' });
  });

  it('joins many messages of one code', () => {
    const words = (n: number): string => [...String(n)].map((digit) => 'abcdefghij'.charAt(Number(digit))).join('');
    const { causes } = causesOf(
      Array.from({ length: 1_000 }, (_, n) => row(`FIELD_CUSTOM_VALIDATION_EXCEPTION:no ${words(n)}:Name --`)),
    );
    expect(causes[0]?.cause).toMatchObject({ rows: 950, message: '(other messages)', fields: ['Name'] });
  });

  it('shows no code that does not look like one', () => {
    const [found] = causesOf([row('<script>alert(1)</script>'), row('')]).causes;
    expect(found?.cause.code).toBe('OTHER');
  });
});
