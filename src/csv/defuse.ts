/**
 * Copies of result files for spreadsheets, which run a cell that begins like a formula. Such cells get an apostrophe in
 * front; the copy is for reading, and says so in a column of its own, so that it is never loaded in place of the file.
 */
import { readCells, writeCells } from './cells.js';
import { eachRecordBytes } from './records.js';

/** Title of the last column of a copy. A source that has it is refused. */
export const FOR_PEOPLE_TITLE = 'For reading only: do not load';

/** Blanks in front do not keep every program from running it; the wide signs are taken for the others. */
const FORMULA = /^[\s\0]*[=+\-@＝＋－＠]|^[\t\r\n]/;
/** A sign before a plain number begins no formula. */
const NUMBER = /^[+-]?\d+(?:[.,]\d+)?$/;

export function defuseCell(cell: string): string {
  return FORMULA.test(cell) && !NUMBER.test(cell) ? `'${cell}` : cell;
}

/** @param chunks of a CSV with commas and a header, as nightload writes it */
export async function* defused(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  let isHeader = true;
  for await (const record of eachRecordBytes(chunks, { delimiter: ',' })) {
    const cells = [...readCells(record, ',').map(defuseCell), isHeader ? FOR_PEOPLE_TITLE : ''];
    isHeader = false;
    yield Buffer.from(writeCells(cells, ',', 'LF'));
  }
}
