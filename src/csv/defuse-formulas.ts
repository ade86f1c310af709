/**
 * Makes copies of result files safe for spreadsheets, which run a cell that begins like a formula. Such cells get a
 * leading apostrophe. An extra column marks the copy as for reading only, so that it is never loaded in place of the
 * file.
 */
import { readCells, writeCells } from './cells.js';
import { eachRecordBytes } from './records.js';

/** Title of the extra last column. A source that contains it is refused. */
export const FOR_PEOPLE_TITLE = 'For reading only: do not load';

/** Some programs ignore leading blanks and quotes, and treat full-width signs like the others. */
const FORMULA = /^[\s\0"]*[=+\-@＝＋－＠]|^[\t\r\n]/;
/** A sign before a plain number does not begin a formula. */
const NUMBER = /^[+-]?\d+(?:[.,]\d+)?$/;
/**
 * If a spreadsheet splits lines at semicolons, tabs or bars, the quotes around a comma-separated cell do not protect
 * it: a cell begins after each of these and after a line break. Numbers are no exception, since the rest of the line
 * follows.
 */
const LATER_FORMULA = /(?<=[;\t|\r\n])(?=(?:[^\S\t\r\n]|[\0"])*[=+\-@＝＋－＠])/g;

export function defuseCell(cell: string): string {
  const start = FORMULA.test(cell) && !NUMBER.test(cell) ? "'" : '';
  return start + cell.replaceAll(LATER_FORMULA, "'");
}

/** @param chunks of a comma-separated CSV with a header, as nightload writes it */
export async function* defused(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  let isHeader = true;
  for await (const record of eachRecordBytes(chunks, { delimiter: ',' })) {
    const cells = [...readCells(record, ',').map(defuseCell), isHeader ? FOR_PEOPLE_TITLE : ''];
    isHeader = false;
    yield Buffer.from(writeCells(cells, ',', 'LF'));
  }
}
