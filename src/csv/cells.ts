/** Reads cells out of the bytes of one record, without parsing more of it than is needed, and writes records. */
import { NightloadError } from '../errors.js';
import { withLineBreaks } from './line-breaks.js';

const QUOTE = 0x22;

/** No header has so many names, since it has at most 32,000 characters. */
export const MOST_CELLS = 40_000;

/** A row may have 16 MB, and each of its bytes may end a cell. */
export function tooManyCells(): NightloadError {
  return new NightloadError(
    'CSV_RAGGED_ROW',
    `A row has more than ${MOST_CELLS} cells, more than any header has. Look for a missing or stray quote or delimiter, or say ` +
      'which delimiter the file has (--delimiter).',
  );
}

/**
 * Unquoted values of the cells of one record; a line end at its end is not part of the last cell.
 * @throws NightloadError `CSV_RAGGED_ROW` for a record of more than {@link MOST_CELLS}
 */
export function readCells(record: Buffer, delimiter: string): string[] {
  const cells: string[] = [];
  eachCell(record, delimiter, (start, end) => {
    if (cells.length === MOST_CELLS) throw tooManyCells();
    cells.push(unquote(record, start, end));
    return true;
  });
  return cells;
}

/** Unquoted value of the n-th cell (from 0); empty when the record has fewer. */
export function readCell(record: Buffer, index: number, delimiter: string): string {
  let value = '';
  let n = 0;
  eachCell(record, delimiter, (start, end) => {
    if (n++ !== index) return true;
    value = unquote(record, start, end);
    return false;
  });
  return value;
}

function eachCell(record: Buffer, delimiter: string, visit: (start: number, end: number) => boolean): void {
  const separator = delimiter.charCodeAt(0);
  const length = withoutLineEnd(record);
  let start = 0;
  for (;;) {
    let from = start;
    if (record[start] === QUOTE) {
      // Past the closing quote: the first one that is not doubled.
      from = start + 1;
      for (;;) {
        const quote = record.indexOf(QUOTE, from);
        if (quote === -1 || quote >= length) {
          from = length;
          break;
        }
        from = quote + 1;
        if (record[from] !== QUOTE) break;
        from++;
      }
    }
    const found = record.indexOf(separator, from);
    const end = found === -1 || found >= length ? length : found;
    if (!visit(start, end) || end === length) return;
    start = end + 1;
  }
}

/** Length of a record without its line end. */
export function withoutLineEnd(record: Buffer): number {
  let length = record.length;
  if (length > 0 && record[length - 1] === 0x0a) length--;
  if (length > 0 && record[length - 1] === 0x0d) length--;
  return length;
}

function unquote(record: Buffer, start: number, end: number): string {
  if (record[start] !== QUOTE || end - start < 2) return record.toString('utf8', start, end);
  const close = record[end - 1] === QUOTE ? end - 1 : end;
  const text = record.toString('utf8', start + 1, close);
  return text.includes('""') ? text.replaceAll('""', '"') : text;
}

/** One record in CSV, quoted only where it must be, with its line end. */
export function writeCells(cells: readonly string[], delimiter: string, lineEnding: 'LF' | 'CRLF'): string {
  const end = lineEnding === 'CRLF' ? '\r\n' : '\n';
  const written = cells.map((cell) => {
    // The platform compares line breaks inside quotes too.
    const text = withLineBreaks(cell, end);
    return /["\r\n]/.test(text) || text.includes(delimiter) ? `"${text.replaceAll('"', '""')}"` : text;
  });
  // A lone empty cell would be a blank line, which is no record.
  return (written.length === 1 && written[0] === '' ? '""' : written.join(delimiter)) + end;
}
