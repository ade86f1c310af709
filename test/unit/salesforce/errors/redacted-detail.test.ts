/** External texts for files: short, on one line, and without a secret in any form that servers return. */
import { describe, expect, it } from 'vitest';
import { shownCode } from '../../../../src/domain/text/shown-code.js';
import { detailOf } from '../../../../src/salesforce/errors/redacted-detail.js';

const TOKEN =
  '00Dsm0000000001AAA!AQcAQH0dMHZfz972Szmpkb58urFRkgeBGsxL_QJWwYMfAbUeeG7c1E6LYUfiDUkWe6H34r1AAwOR8B8fLEz6n04NPGRrq0FM';
const SECRET = 'correct.horse-battery_staple/42';

const FORMS: [string, (secret: string) => string][] = [
  ['as it is', (secret) => secret],
  ['in base64', (secret) => Buffer.from(secret).toString('base64')],
  ['in base64 of a header', (secret) => Buffer.from(`Authorization: Bearer ${secret}`).toString('base64')],
  ['in base64 for addresses', (secret) => Buffer.from(`x${secret}`).toString('base64url')],
  [
    'in base64 over lines',
    (secret) =>
      Buffer.from(secret)
        .toString('base64')
        .replace(/(.{20})/g, '$1\r\n'),
  ],
  ['in base64 twice', (secret) => Buffer.from(Buffer.from(secret).toString('base64')).toString('base64')],
  ['percent-encoded', (secret) => [...Buffer.from(secret)].map((byte) => `%${byte.toString(16)}`).join('')],
  [
    'quoted-printable',
    (secret) => [...Buffer.from(secret)].map((byte) => `=${byte.toString(16).toUpperCase()}`).join(''),
  ],
  ['as entities of HTML', (secret) => [...secret].map((sign) => `&#${sign.charCodeAt(0)};`).join('')],
  ['as entities in hex', (secret) => [...secret].map((sign) => `&#x${sign.charCodeAt(0).toString(16)};`).join('')],
  ['with one entity', (secret) => secret.replace(/[^\w]/g, (sign) => `&#${sign.charCodeAt(0)};`)],
  ['with escapes', (secret) => secret.replace(/[^\w]/g, (sign) => `\\u00${sign.charCodeAt(0).toString(16)}`)],
  ['as escapes', (secret) => [...secret].map((sign) => `\\x${sign.charCodeAt(0).toString(16)}`).join('')],
  ['folded', (secret) => secret.replace(/(.{7})/g, '$1\r\n ')],
  ['in groups', (secret) => secret.replace(/(.{4})/g, '$1-')],
  ['with zero-width spaces', (secret) => secret.replace(/(.{3})/g, '$1\u200b')],
  ['in hex', (secret) => Buffer.from(secret).toString('hex')],
  ['cut', (secret) => secret.slice(4, 30)],
];

describe.each([
  ['token', TOKEN],
  ['other secret', SECRET],
])('a %s', (_kind, secret) => {
  it.each(FORMS)('is in no detail %s', (_name, form) => {
    const detail = detailOf(`The request was refused: ${form(secret)} (see the log)`, [secret]);
    expect(detail).toMatch(/\[secret\]|\[omitted/);
    const plain = detail.replace(/[^A-Za-z0-9]/g, '');
    const hidden = secret.replace(/[^A-Za-z0-9]/g, '');
    for (let at = 0; at + 9 <= hidden.length; at++) expect(plain).not.toContain(hidden.slice(at, at + 9));
    if (!detail.includes('[secret]')) expect(detail).not.toContain('refused');
  });
});

it("leaves the platform's sentences unchanged", () => {
  for (const text of [
    'InvalidJob : Field name provided, Y does not match an External ID for X',
    'FIELD_CUSTOM_VALIDATION_EXCEPTION: Amount must be > 0 & < 1,000 (50%)',
    "Found multipe contents for job: <750000000000001>, please 'Close' / 'Abort' / 'Delete' the current Job",
    'Résumé des erreurs: 12 enregistrements',
  ]) {
    expect(detailOf(text, [TOKEN, SECRET])).toBe(text);
  }
});

it('is on one line, short, and without opaque data', () => {
  expect(detailOf('a\u001b[31m\nb\u009b\u202ec')).toBe('a [31m b c');
  expect(detailOf('x'.repeat(5_000))).toHaveLength(1_000);
  expect(detailOf('key eyJhbGciOiJIUzI1NiJ9eyJzdWIiOiIxMjM0NTY3ODkwIn0 of somebody')).toBe('key […] of somebody');
});

it('takes a limited time for a hostile text', () => {
  const began = performance.now();
  for (const text of ['%41', 'QUFB', '&#65;', '\\u0041', '=\n', '41']) detailOf(text.repeat(100_000), [TOKEN, SECRET]);
  expect(performance.now() - began).toBeLessThan(5_000);
});

describe('an external code', () => {
  it.each(['INVALIDJOB', 'INVALID_SESSION_ID', 'invalid_grant', 'FIELD_INTEGRITY_EXCEPTION', 'OAUTH2_ERROR'])(
    'is shown if it is a code: %s',
    (code) => expect(shownCode(code)).toBe(code.toUpperCase()),
  );

  it.each([
    undefined,
    '',
    'Odd code',
    'x',
    TOKEN,
    Buffer.from(TOKEN).toString('hex'),
    'MZXW6YTBOI2DGNBVGY3TQOJQMFRGGZDF',
    `A_${SECRET.replace(/\W/g, '')}`.toUpperCase(),
    'A'.repeat(81),
  ])('is not shown if it is data: %s', (code) => {
    expect(shownCode(code, [SECRET.replace(/\W/g, '')])).toBeUndefined();
  });
});
