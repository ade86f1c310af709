import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { keyNormalizer } from '../../../src/keys/normalize-key.js';

const field = (type: string, caseSensitive = false) => keyNormalizer({ type, caseSensitive });

describe('keyNormalizer', () => {
  it.each(['id', 'reference'])('compares a value of type %s by its first 15 characters, case-sensitively', (type) => {
    const key = field(type);
    expect(key('001A0000006Vm9rIAC')).toBe(key('001A0000006Vm9r'));
    expect(key(' 001A0000006Vm9r ')).toBe(key('001A0000006Vm9r'));
    expect(key('001A0000006Vm9r')).not.toBe(key('001A0000006VM9r'));
    expect(key('001A0000006Vm9r')).not.toBe(key('001A0000006Vm9s'));
  });

  describe.each(['double', 'int', 'long', 'currency', 'percent'])('of type %s', (type) => {
    const key = field(type);
    it.each([
      [
        '912260031',
        ['912260031.0', '9.12260031E8', '+9.12260031e+8', '0912260031', '912260031.', ' 912260031 ', '91226003100e-2'],
      ],
      ['9007199254740993', ['9007199254740993.000', '9.007199254740993E15']],
      ['0.1', ['.1', '1e-1', '0.10', '+0.1', '1E-01']],
      ['0', ['-0', '0.000', '.0', '0e5', '00']],
      ['-12.5', ['-1.25E1', '-12.50', '-012.5']],
    ])('%s is the same in any notation', (plain, others) => {
      for (const other of others) expect([other, key(other)]).toEqual([other, key(plain)]);
    });

    it('distinguishes different numbers, also beyond the precision of floats', () => {
      const numbers = [
        '9007199254740992',
        '9007199254740993',
        '0.1',
        '0.10000000000000000001',
        '1',
        '-1',
        '10',
        '100',
        '1e400',
        '1e401',
      ];
      expect(new Set(numbers.map(key)).size).toBe(numbers.length);
    });

    it('leaves a non-number unchanged, except for blanks around it', () => {
      for (const text of ['n/a', '1,000', '12 5', '.', '+', '-', 'e5', '1e', '0x10', '1.2.3', 'NaN']) {
        expect(key(` ${text} `)).toBe(text);
      }
    });
  });

  it('agrees with the exact value of any decimal', () => {
    const decimal = fc.tuple(fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n }), fc.integer({ min: 0, max: 25 }));
    const key = field('double');
    const plain = (value: bigint, scale: number): string => {
      const digits = (value < 0n ? -value : value).toString().padStart(scale + 1, '0');
      const cut = digits.length - scale;
      return `${value < 0n ? '-' : ''}${digits.slice(0, cut)}${scale === 0 ? '' : '.' + digits.slice(cut)}`;
    };
    const same = ([a, i]: [bigint, number], [b, j]: [bigint, number]): boolean =>
      a * 10n ** BigInt(j) === b * 10n ** BigInt(i);
    fc.assert(
      fc.property(decimal, decimal, fc.integer({ min: 0, max: 5 }), (a, b, zeros) => {
        expect(key(plain(...a)) === key(plain(...b))).toBe(same(a, b));
        // The same value with more digits after the point, and in scientific notation.
        expect(key(plain(a[0] * 10n ** BigInt(zeros), a[1] + zeros))).toBe(key(plain(...a)));
        expect(key(`${a[0]}E-${a[1]}`)).toBe(key(plain(...a)));
      }),
      { numRuns: 2000 },
    );
  });

  it('is fast with very long digits', () => {
    const long = '0'.repeat(131_000);
    const began = performance.now();
    expect(field('double')(`${long}x`)).toBe(`${long}x`);
    expect(field('double')(`1${long}1`)).toBe(`1${long}1`);
    expect(performance.now() - began).toBeLessThan(5000);
  });

  it('compares text case-insensitively unless the field is case-sensitive, and never trims it', () => {
    const loose = field('string');
    const strict = field('string', true);
    expect(loose('Ab-1')).toBe(loose('aB-1'));
    expect(strict('Ab-1')).not.toBe(strict('aB-1'));
    expect(strict('Ab-1')).toBe('Ab-1');
    expect(loose('ab-1 ')).not.toBe(loose('ab-1'));
    expect(field('email')('X@Example.COM')).toBe('x@example.com');
    expect(loose('0012')).not.toBe(loose('12'));
  });

  it('compares exactly if describe has no information', () => {
    const key = keyNormalizer(undefined);
    expect([key('Ab '), key('1.0')]).toEqual(['Ab ', '1.0']);
  });

  it.each([undefined, 'id', 'double', 'string'])('finds no key in a blank cell (%s)', (type) => {
    const key = type === undefined ? keyNormalizer(undefined) : field(type);
    for (const cell of ['', ' ', '\t', '#N/A']) expect(key(cell)).toBeUndefined();
  });
});
