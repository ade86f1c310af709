/** Which titles of a header may be shown: a file without a header line begins with a data row. */
import { describe, expect, it } from 'vitest';
import { isUsualTitle, listedTitles, looksLikeName, titlesOf } from '../../../src/csv/shown-titles.js';

describe('a title', () => {
  it.each([
    'Name',
    'Umsatz (EUR)',
    'Straße/Ort',
    'E-Mail',
    'No. of Employees',
    'Owner.Email',
    'Lead:Who.Email',
    '電話',
    'Q1 2026',
  ])('looks like a name: %s', (title) => expect(looksLikeName(title)).toBe(true));

  it.each([
    ...['', '42', '-17.5', '2026-11-26', '26.11.2026', '12:30', '+49 89 123456', 'DE89370400440532013000'],
    ...['jane@example.com', 'https://example.com/x', 'www.example.com', '001sm0000000001AAA', '001sm0000000001'],
    ...['4f9c2f7e-8d1b-4d43-9f4e-1b2c3d4e5f60', 'true', 'NULL', '#N/A', '=1+1', '"quoted"', 'a\nb', '<b>x</b>'],
    ...['Customer 123456', 'x'.repeat(81), 'eyJhbGciOiJIUzI1NiJ9eyJzdWIi'],
  ])('looks like a value: %s', (title) => expect(looksLikeName(title)).toBe(false));
});

it('is shown only if the first line is a header: one of its titles is known', () => {
  const row = ['Jane', 'Doe', 'Blood group', '2026-11-26'];
  const titles = titlesOf(row);
  expect(titles.isHeader).toBe(false);
  expect(row.filter((title) => titles.shows(title))).toEqual([]);
  expect(listedTitles(row, titles)).toBe('column 1, column 2, column 3, column 4');
  const header = ['Id', 'Umsatz', '2026-11-26'];
  expect(listedTitles(header, titlesOf(header))).toBe('Id, Umsatz, column 3');
  const mapped = titlesOf(row, (title) => title === 'Doe');
  expect(listedTitles(row, mapped)).toBe('Jane, Doe, Blood group, column 4');
});

it('of a custom field is recognized without an org', () => {
  expect(['Key__c', 'ns__Key__c', 'Parent__r.Key__c', 'sf__Error', 'accountid'].every(isUsualTitle)).toBe(true);
  expect(['Jane', 'Key', 'a__b'].some(isUsualTitle)).toBe(false);
});
