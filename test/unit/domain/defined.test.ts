import { describe, expect, expectTypeOf, it } from 'vitest';
import { defined } from '../../../src/domain/defined.js';

const maybe = (text?: string): string | undefined => text;

describe('defined', () => {
  it('leaves out undefined values only', () => {
    const fields = defined({ none: undefined, nothing: null, empty: '', zero: 0, no: false });
    expect(Object.entries(fields)).toEqual([
      ['nothing', null],
      ['empty', ''],
      ['zero', 0],
      ['no', false],
    ]);
  });

  it('has a type for exact optional fields', () => {
    const fields = defined({ name: 'x', label: maybe() });
    const exact: { name: string; label?: string } = fields;
    expectTypeOf(fields.name).toEqualTypeOf<string>();
    expect(exact).toEqual({ name: 'x' });
  });
});
