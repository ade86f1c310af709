/** Messages of rejected rows without the values in them. */
import { expect, it } from 'vitest';
import { messageTemplate } from '../../../../src/rows/causes/message-template.js';

it.each([
  [
    'Name: data value too large: Acme (max length=3) Ltd (max length=255)',
    'Name: data value too large: … (max length=255)',
  ],
  ['Email: invalid email address: x at y', 'Email: invalid email address: …'],
  ['Rating: bad value for restricted picklist field: Hott', 'Rating: bad value for restricted picklist field: …'],
  [
    'Foreign key external ID: a 7 not found for field Ext_2__c in entity Account',
    'Foreign key external ID: … not found for field Ext_2__c in entity Account',
  ],
  [
    'duplicate value found: K__c duplicates value on record with id: 0015g00000AbCdE',
    'duplicate value found: K__c duplicates value on record with id: …',
  ],
  [
    'unable to obtain exclusive access to this record or 200 records: 0015g00000AbCdEAAZ,0015g00000AbCdFAAZ',
    'unable to obtain exclusive access to this record or # records: …,…',
  ],
  ['The "Ship "To" city of ann@example.com is unknown', 'The "…"To" city of … is unknown'],
  ["can't be 12.5 or 2026-11-30", "can't be #.# or #-#-#"],
  ['an \u202eevil\u0000 one\nline', 'an evil one line'],
  ['', ''],
])('%j becomes %j', (message, template) => {
  expect(messageTemplate(message)).toBe(template);
});

it('takes long messages in a moment, and cuts them', () => {
  const before = performance.now();
  for (const text of ['"'.repeat(1e6), 'a@'.repeat(5e5), '9'.repeat(1e6), ' data value too large: '.repeat(4e4)]) {
    expect(messageTemplate(text).length).toBeLessThanOrEqual(300);
  }
  expect(performance.now() - before).toBeLessThan(2_000);
});
