// The test rows. External ids identify rows, because results come in any order.
import { Readable } from 'node:stream';

export const OBJECT = 'Account';
export const KEY = 'External_Id__c';

/**
 * Cells that a CSV library may get wrong: quotes, delimiters, line breaks, other alphabets, leading and trailing
 * blanks.
 */
const NOTES = ['plain', 'say "no", or; "yes"', 'two\nlines', 'Zoë – 東京 🙂', ' not trimmed ', 'a|b^c`d\te'];

export function account(n, changes = {}) {
  return {
    [KEY]: `P-${n}`,
    Name: `Account ${n}`,
    Industry: n % 2 === 0 ? 'Energy' : 'Banking',
    AnnualRevenue: String(n * 1000.5),
    Description: NOTES[n % NOTES.length],
    ...changes,
  };
}

export const accounts = (from, to, changes) =>
  Array.from({ length: to - from + 1 }, (_, i) => account(from + i, changes));

/** Each with the code of its refusal. */
export const BAD_ROWS = [
  [account(9001, { Name: '' }), 'REQUIRED_FIELD_MISSING'],
  [account(9002, { Name: 'x'.repeat(256) }), 'STRING_TOO_LONG'],
  [account(9003, { Industry: 'Alchemy' }), 'INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST'],
  [account(9004, { Description: 'busy [locked once]' }), 'UNABLE_TO_LOCK_ROW'],
];

export function toCsv(rows) {
  const lines = [Object.keys(rows[0]), ...rows.map((row) => Object.values(row))];
  return lines.map((cells) => `${cells.map(toCell).join(',')}\n`).join('');
}

export const csvStream = (rows) => Readable.from([toCsv(rows)], { objectMode: false });

function toCell(value) {
  return /[",\r\n]/.test(value) || value.trim() !== value ? `"${value.replaceAll('"', '""')}"` : value;
}

/**
 * A row as text, with its columns in any order. Numbers come back in the platform's own notation (`1.0005E3`), so they
 * are compared as numbers.
 */
export function asText(row) {
  const entries = Object.entries(row).map(([name, value]) => [name, name === 'AnnualRevenue' ? Number(value) : value]);
  return JSON.stringify(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The sent columns, without those of the result. */
export function sentPart(row) {
  return Object.fromEntries(Object.entries(row).filter(([name]) => !name.startsWith('sf__')));
}
