import { describe, expect, it } from 'vitest';
import { withoutSecrets } from '../../../../src/salesforce/errors/without-secrets.js';

const SECRET = 'se cret+/&=ü"\\x~(1)';

describe('secrets in text', () => {
  it.each([
    ['as it is', SECRET],
    ['form-encoded', new URLSearchParams({ s: SECRET }).toString().slice(2)],
    ['percent-encoded', encodeURIComponent(SECRET)],
    ['percent-encoded in small letters', encodeURIComponent(SECRET).toLowerCase()],
    ['encoded in part', SECRET.replace('+', '%2B').replace('/', '%2F')],
    ['in JSON', JSON.stringify(SECRET).slice(1, -1)],
  ])('are removed %s', (_name, form) => {
    expect(withoutSecrets(`<${form}> and <${form}>`, ['other', SECRET, ''])).toBe('<[secret]> and <[secret]>');
  });

  it('are removed by their format if they are session ids', () => {
    expect(withoutSecrets('sid=00D000000000001AAA!AQ4.x_y; sid=00D000000000001AAA%21AQ4%2Ex', [])).toBe(
      'sid=[secret]; sid=[secret]',
    );
  });

  it('are removed if they contain what looks encoded', () => {
    const secret = 'a%2Bb+c%zz';
    for (const form of [secret, encodeURIComponent(secret)])
      expect(withoutSecrets(`<${form}>`, [secret])).toBe('<[secret]>');
  });

  it('of 8 KB are removed, and near misses stay', () => {
    const token = `00D000000000001!${'Ab3.'.repeat(2_000)}`;
    const near = `${'Ab3.'.repeat(1_999)}Ab3,`;
    expect(withoutSecrets(`<${token.slice(16)}> ${near}`, [token.slice(16)])).toBe(`<[secret]> ${near}`);
  });

  it('leave the rest unchanged', () => {
    expect(withoutSecrets('The field A+B%20 is missing (00D).', [SECRET])).toBe('The field A+B%20 is missing (00D).');
  });
});
