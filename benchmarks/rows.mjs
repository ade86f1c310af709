// The rows of the benchmark. All rows of a file have the same number of bytes, so that the stub can compute the number
// of rows from the size of an upload without parsing, and can return the same rows at copy speed.
import { Buffer } from 'node:buffer';

const BLOCK_ROWS = 10_000;
const DIGITS = 8;
const PLACE = '#'.repeat(DIGITS);

export const HEADER = 'External_Id__c,Name,BillingCity,Description,AccountNumber\n';
const ROW = `E-${PLACE},"Account ${PLACE}, Inc.",Philadelphia,"Row ${PLACE}, with a comma and ""doubled"" quotes in it.",N-${PLACE}\n`;
export const ROW_BYTES = ROW.length;

/** As in the platform's replies: its own two columns first, every cell in quotes. */
export const RESULT_HEADER = `"sf__Id","sf__Created",${quoted(HEADER)}`;
const RESULT_ROW = `"001Dn000${PLACE}IA","true",${quoted(ROW)}`;
export const FAILED_HEADER = `"sf__Id","sf__Error",${quoted(HEADER)}`;

export const KEY = /E-(\d{8})/;

/** The same record with all its cells in quotes. */
function quoted(line) {
  const cells = line.trimEnd().match(/"(?:[^"]|"")*"|[^,]+/g);
  return `${cells.map((cell) => (cell.startsWith('"') ? cell : `"${cell}"`)).join(',')}\n`;
}

/** Blocks of 10,000 rows: only the upper digits differ between blocks, so only these are rewritten. */
class Blocks {
  #row;
  #places;
  #template;

  constructor(row) {
    this.#row = row.length;
    this.#places = [...row.matchAll(new RegExp(PLACE, 'g'))].map(({ index }) => index);
    const lines = Array.from({ length: BLOCK_ROWS }, (_, n) => row.replaceAll(PLACE, String(n).padStart(DIGITS, '0')));
    this.#template = Buffer.from(lines.join(''), 'latin1');
  }

  /** Rows from `first` up to, not including, `end`. */
  *rows(first, end) {
    for (let row = first; row < end;) {
      const block = Math.floor(row / BLOCK_ROWS);
      const last = Math.min(end, (block + 1) * BLOCK_ROWS);
      const from = row - block * BLOCK_ROWS;
      yield this.#block(block, from, last - block * BLOCK_ROWS);
      row = last;
    }
  }

  #block(block, from, to) {
    const bytes = Buffer.from(this.#template.subarray(from * this.#row, to * this.#row));
    const upper = Buffer.from(String(block).padStart(DIGITS - 4, '0'), 'latin1');
    for (let start = 0; start < bytes.length; start += this.#row) {
      for (const place of this.#places) {
        for (let digit = 0; digit < upper.length; digit++) bytes[start + place + digit] = upper[digit];
      }
    }
    return bytes;
  }
}

const sources = new Blocks(ROW);
const results = new Blocks(RESULT_ROW);

export const sourceRows = (first, end) => sources.rows(first, end);
export const resultRows = (first, end) => results.rows(first, end);
