/** Reads cells from the bytes of a record without parsing more than necessary, and writes records. */
import { NightloadError } from '../errors.js';
import { withLineBreaks } from './line-breaks.js';

const QUOTE = 0x22;

/** A header has at most 32,000 characters, and so fewer names than this. */
export const MAX_CELLS = 40_000;

/** A row may have 16 MB, and each of its bytes may end a cell. */
export function tooManyCells(): NightloadError {
  return new NightloadError(
    'CSV_RAGGED_ROW',
    `A row has more than ${MAX_CELLS} cells, more than any header has. Check for a missing or stray quote or delimiter, or specify ` +
      'the delimiter of the file (--delimiter).',
  );
}

/**
 * Unquoted values of a record's cells; a line ending at its end is not part of the last cell.
 * @throws NightloadError `CSV_RAGGED_ROW` for a record of more than {@link MAX_CELLS}
 */
export function readCells(record: Buffer, delimiter: string): string[] {
  const cells: string[] = [];
  eachCell(record, delimiter, (start, end) => {
    if (cells.length === MAX_CELLS) throw tooManyCells();
    cells.push(unquote(record, start, end));
    return true;
  });
  return cells;
}

/** Unquoted value of the n-th cell (from 0); empty if the record has fewer. */
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
      // Skips to the closing quote: the first one that is not doubled.
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

/** Length of a record without its line ending. */
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

/** One CSV record with its line ending, quoted only where necessary. */
export function writeCells(cells: readonly string[], delimiter: string, lineEnding: 'LF' | 'CRLF'): string {
  const end = lineEnding === 'CRLF' ? '\r\n' : '\n';
  const written = cells.map((cell) => {
    // The platform also checks line breaks inside quotes.
    const text = withLineBreaks(cell, end);
    return /["\r\n]/.test(text) || text.includes(delimiter) ? `"${text.replaceAll('"', '""')}"` : text;
  });
  // A single empty cell would be a blank line, which is not a record.
  return (written.length === 1 && written[0] === '' ? '""' : written.join(delimiter)) + end;
}
