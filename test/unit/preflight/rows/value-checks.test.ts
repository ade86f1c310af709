import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseRowError } from '../../../../src/domain/platform/row-errors.js';
import { wholeDigits } from '../../../../src/preflight/rows/number-shapes.js';
import { shorten, textLength } from '../../../../src/preflight/rows/shown-values.js';
import { makeId } from '../../../../src/simulator/org/ids.js';
import { refuseValue } from '../../../../src/simulator/org/values.js';
import type { Field } from '../../../../src/simulator/org/fields.js';
import { check, columnsOf, field } from '../../../helpers/fields.js';
import type { FieldDescribe } from '../../../../src/salesforce/resources/describe.js';

const INVALID = 'INVALID_FIELD';
const RANGE = 'NUMBER_OUTSIDE_VALID_RANGE';
const PICKLIST = 'INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST';

const quoted = (value: string): string => `"${value.replaceAll('"', '""')}"`;

/** The finding about one value, quoted and unquoted. */
async function finding(of: FieldDescribe, value: string) {
  const lines = [quoted(value), ...(/[",\r\n]/.test(value) ? [] : [value])];
  const reports = await Promise.all(lines.map((line) => check(line, { columns: columnsOf(of) })));
  const [first, second = first] = reports.map(({ findings }) => findings[0]);
  expect(second).toEqual(first);
  return first;
}

const picklistValues = [
  { value: 'Hot', active: true },
  { value: 'Très chaud', active: true },
  { value: 'Old', active: false },
];
const types: Record<string, FieldDescribe> = {
  text: field('F__c', 'string', { length: 5 }),
  area: field('F__c', 'textarea', { length: 131_072 }),
  phone: field('F__c', 'phone', { length: 8 }),
  url: field('F__c', 'url', { length: 12 }),
  email: field('F__c', 'email', { length: 20 }),
  currency: field('F__c', 'currency', { precision: 6, scale: 2 }),
  double: field('F__c', 'double', { precision: 18, scale: 18 }),
  percent: field('F__c', 'percent', { precision: 5, scale: 2 }),
  unlimited: field('F__c', 'double'),
  int: field('F__c', 'int', { digits: 9 }),
  freeInt: field('F__c', 'int'),
  long: field('F__c', 'long'),
  boolean: field('F__c', 'boolean'),
  date: field('F__c', 'date'),
  datetime: field('F__c', 'datetime'),
  time: field('F__c', 'time'),
  id: field('Id', 'id', { length: 18 }),
  reference: field('F__c', 'reference', { length: 18 }),
  picklist: field('F__c', 'picklist', { length: 255, restrictedPicklist: true, picklistValues }),
  free: field('F__c', 'picklist', { length: 255, picklistValues }),
  unknownList: field('F__c', 'picklist', { length: 255, restrictedPicklist: true }),
  multi: field('F__c', 'multipicklist', { length: 4099, restrictedPicklist: true, picklistValues }),
  unknown: field('F__c', 'complexvalue'),
};

const ID = makeId('001', 123_456);

describe('a value that its field accepts', () => {
  it.each([
    ['text', ['a', '12345', 'ééééé', '😀😀a', 'a"b"c', 'a\nb,c', ' ', '"']],
    ['area', ['x'.repeat(131_072), 'é'.repeat(131_072), '"'.repeat(131_072)]],
    ['phone', ['+49 30 1', 'no phone']],
    ['url', ['no url', 'http://x.de/']],
    ['email', ['a@b.de', 'a.b+c@d.e-f.com', 'ü@ö.de', `${'a'.repeat(15)}@b.de`]],
    ['currency', ['0', '-1', '+1.5', '9999.99', '00009999', '9999.999999', '.5', '5.', '1e3', '0.1E4', '1000000e-3']],
    ['double', ['0', '0.999', '.1', '5e-1', '0e9', '-0.0']],
    ['percent', ['100', '999.99', '1E2', '1e+2']],
    ['unlimited', ['1e300', '1e999999999999', '9'.repeat(500)]],
    ['int', ['0', '-0', '+7', '999999999', '000000000001']],
    ['freeInt', ['2147483647', '-2147483647']],
    ['long', ['9223372036854775807', '-1']],
    ['boolean', ['true', 'FALSE', 'True', '0', '1']],
    ['date', ['2024-02-29', '2000-02-29', '1999-12-31', '1940-06-07Z']],
    [
      'datetime',
      [
        '2024-02-29T23:59:59Z',
        '2024-01-01T00:00:00.000Z',
        '2024-01-01T00:00:00.1+02:00',
        '2024-01-01T00:00:00-0530',
        '2024-01-01T00:00:00',
        '2024-01-01T24:00:00Z',
      ],
    ],
    ['time', ['10:15:00.000Z', '23:59:59', '00:00:00+14:00']],
    ['id', [ID, ID.slice(0, 15), '001A0000006Vm9rIAC']],
    ['reference', [ID, ID.toLowerCase(), ID.toUpperCase(), '001A0000006VM9RIAC']],
    ['picklist', ['Hot', 'hot', 'TRÈS CHAUD']],
    ['free', ['Old', 'anything']],
    ['unknownList', ['anything']],
    ['multi', ['Hot', 'Hot;Très chaud', 'Hot;', ';;']],
    ['unknown', ['x'.repeat(1000)]],
  ])('%s', async (type, values) => {
    for (const value of values) expect([value, await finding(types[type]!, value)]).toEqual([value, undefined]);
  });
});

describe('a value that its field refuses', () => {
  it.each([
    ['text', 'STRING_TOO_LONG', ['123456', 'éééééé', '😀😀😀', 'a"b"cd', ' '.repeat(6)]],
    ['area', 'STRING_TOO_LONG', ['x'.repeat(131_073)]],
    ['phone', 'STRING_TOO_LONG', ['+49 30 12']],
    ['url', 'STRING_TOO_LONG', ['http://x.com/a']],
    ['email', 'STRING_TOO_LONG', [`${'a'.repeat(16)}@b.de`]],
    ['email', 'INVALID_EMAIL_ADDRESS', ['a', '@b.de', 'a@b', 'a@.de', 'a@b.', 'a@b@c.de', 'a b@c.de', 'a@b.de;c@d.de']],
    ['currency', RANGE, ['10000', '-10000.5', '1e4', '0.1e5', '99999.9']],
    [
      'currency',
      INVALID,
      ['1,5', '1,000.00', 'x', '-', '.', 'e5', '1e', '1e+', '1.2.3', '0x10', ' 1', 'NaN', '1 ', '€5'],
    ],
    ['double', RANGE, ['1', '1.5', '10e-1']],
    ['unlimited', INVALID, ['1e5x', `${'9'.repeat(100_000)}x`]],
    ['int', RANGE, ['1000000000', '-1000000000']],
    ['int', INVALID, ['1.0', '1e3', '2147483648', '-', '', '12a'].filter((value) => value !== '')],
    ['freeInt', INVALID, ['2147483648', '99999999999999999999']],
    ['long', INVALID, ['9223372036854775808']],
    ['boolean', INVALID, ['yes', 'Y', '2', 'tru', 'truee', 'falsy', ' true']],
    [
      'date',
      INVALID,
      ['2023-02-29', '1900-02-29', '2024-13-01', '2024-00-10', '2024-01-00', '2024-04-31', '01.02.2024', '2024-1-1'],
    ],
    ['date', INVALID, ['2024-01-01T00:00:00Z', '2024-01-01+01:00', '2024/01/01', '20240101', '2024-01-01z']],
    [
      'datetime',
      INVALID,
      [
        '2024-01-01',
        '2024-01-01 00:00:00',
        '2024-01-01T00:00Z',
        '2024-01-01T25:00:00Z',
        '2024-01-01T24:00:01Z',
        '2024-01-01T00:60:00Z',
        '2024-01-01T00:00:60Z',
        '2024-01-01T00:00:00.Z',
        '2024-01-01T00:00:00+1:00',
        '2024-01-01T00:00:00+15:00',
        '2024-01-01T00:00:00ZZ',
        '2023-02-30T00:00:00Z',
      ],
    ],
    ['time', INVALID, ['10:15', '10.15.00', '24:30:00', '1:00:00']],
    ['id', 'MALFORMED_ID', ['x', ID.slice(0, 16), `${ID.slice(0, 17)}6`, `${ID.slice(0, 14)}-`, '001A0000006VM9RIAC']],
    ['reference', 'MALFORMED_ID', ['001A0000006Vm9rIAA', 'Acme Ltd', '001a0000006vm9raaz', ` ${ID}`]],
    ['picklist', PICKLIST, ['Old', 'Cold', 'Hot ', 'Hot;Hot']],
    ['multi', PICKLIST, ['Hot;Cold', 'Old', 'Hot; Hot']],
  ])('%s: %s', async (type, code, values) => {
    for (const value of values) expect([value, (await finding(types[type]!, value))?.code]).toEqual([value, code]);
  });

  it("is reported in the platform's wording", async () => {
    const table: [string, string, string][] = [
      ['text', 'too long', 'STRING_TOO_LONG:F__c label: data value too large: too long (max length=5):F__c --'],
      [
        'date',
        '1.2.2024',
        "INVALID_FIELD:Failed to deserialize field at col 0. Due to, '1.2.2024' is not a valid value for the type xsd:date:F__c --",
      ],
      ['id', 'x', 'MALFORMED_ID:malformed id x:Id --'],
      [
        'picklist',
        'Cold',
        'INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST:F__c label: bad value for restricted picklist field: Cold:F__c --',
      ],
    ];
    for (const [type, value, error] of table) {
      const found = await finding(types[type]!, value);
      expect(found).toMatchObject({ row: 1, error, column: `${types[type]!.name} in the file` });
      expect(parseRowError(error)).toMatchObject({ code: found?.code, fields: [types[type]!.name] });
    }
  });

  it('is shortened, so that a message stays short and on one line', async () => {
    const bad = fc.string({ unit: 'binary', minLength: 61, maxLength: 400 }).filter((value) => !/^\d*$/.test(value));
    await fc.assert(
      fc.asyncProperty(
        bad,
        fc.constantFrom('date', 'currency', 'picklist', 'text', 'reference'),
        async (value, type) => {
          const label = 'L'.repeat(200);
          const found = await finding({ ...types[type]!, label }, value);
          expect(found?.message.length).toBeLessThanOrEqual(200);
          expect(found?.error).not.toMatch(/[\n\r]/);
          expect(found?.message).not.toContain(value.slice(0, 20));
          expect(parseRowError(found?.error ?? '')).toMatchObject({ code: found?.code, fields: ['F__c'] });
        },
      ),
      { numRuns: 200 },
    );
  });
});

describe('compared with the simulated org', () => {
  const some = (chars: string, maxLength: number) =>
    fc.string({ unit: fc.constantFrom(...chars), minLength: 1, maxLength });
  const value = fc.oneof(
    some('0123456789.-+eE', 12),
    some('0123456789-TZ:.+', 26),
    some('a@.;, b', 8),
    fc.date({ noInvalidDate: true, min: new Date(0), max: new Date(4e12) }).map((date) => date.toISOString()),
    fc
      .date({ noInvalidDate: true, min: new Date(0), max: new Date(4e12) })
      .map((date) => date.toISOString().slice(0, 10)),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
    fc.integer().map(String),
    fc.constantFrom('true', 'FALSE', '0', '1', 'yes', 'Hot', 'Old'),
    fc.string({ unit: 'grapheme', minLength: 1, maxLength: 8 }),
  );
  // The same rules; the tables above list where the org is looser or stricter on purpose.
  it.each(['text', 'email', 'currency', 'percent', 'int', 'boolean', 'date', 'datetime'])(
    '%s: the same values are refused, with the same code',
    async (type) => {
      const of = types[type]!;
      const theirs = { ...of, picklist: ['Hot'], inactive: ['Old'] } as unknown as Field;
      await fc.assert(
        fc.asyncProperty(value, async (text) => {
          // A length of 0 means no limit; offsets beyond 14 hours are not valid, although JavaScript accepts them.
          fc.pre(text !== '#N/A' && !/[+-](?:1[5-9]|2\d):?\d\d$/.test(text) && !/\s/.test(text.replaceAll(' ', '')));
          const refused = refuseValue(theirs, text, 0, { booleans: 'xsd' });
          expect((await finding(of, text))?.code).toBe(refused?.split(':')[0]);
        }),
        { numRuns: 300 },
      );
    },
  );
});

describe('helpers', () => {
  it('count characters like a string does', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const bytes = Buffer.from(text);
        expect(textLength(bytes, 0, bytes.length)).toBe(text.length);
      }),
    );
  });

  it('count digits before the point like the exact value', () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: 0n, max: 10n ** 40n }),
        fc.nat(50),
        fc.integer({ min: -60, max: 60 }),
        (n, cut, e) => {
          const digits = n.toString().padStart(cut + 1, '0');
          const text = `${digits.slice(0, digits.length - cut)}.${digits.slice(digits.length - cut)}e${e}`;
          const expected = n === 0n ? 0 : n.toString().length - cut + e;
          expect(wholeDigits(Buffer.from(text), 0, text.length)).toBe(expected);
        },
      ),
    );
  });

  it('shorten without splitting a character', () => {
    expect(shorten('a'.repeat(60))).toBe('a'.repeat(60));
    expect(shorten('a'.repeat(61))).toBe(`${'a'.repeat(59)}…`);
    expect(shorten('a' + '😀'.repeat(40))).toBe(`a${'😀'.repeat(29)}…`);
    expect(shorten('😀'.repeat(40))).toBe(`${'😀'.repeat(29)}…`);
    expect(shorten('a\r\nb\0c')).toBe('a  b c');
  });
});
