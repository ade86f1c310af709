/**
 * Checks rows of result files against the source: Salesforce may show columns blank there, in all rows or in some (for
 * example, when the header's case differs from the field's name). A row with a blank is only sent again from the file
 * if the source has exactly this row.
 */
import type { Operation } from '../../contract/names.js';
import { readCells } from '../../csv/cells.js';
import { keyNormalizer, SALESFORCE_ID } from '../../keys/normalize-key.js';
import { withLineBreaks } from '../../csv/line-breaks.js';
import { scanRecords } from '../../csv/records.js';
import type { ResultRow } from '../../rows/result-rows.js';
import { readRange } from '../../storage/read-files.js';
import { IntList } from '../../keys/typed-lists.js';
import { KeyTable } from '../../keys/key-table.js';
import { resultRows } from './read-result-rows.js';
import type { StageFiles } from './read-result-rows.js';
import { rangeOf } from '../stage/stage-plan.js';

/** Names of the columns that a row of a file lacks; empty if it may be sent. */
type Lacks = (row: ResultRow) => readonly string[];

const NOTHING: Lacks = () => [];

interface Files extends StageFiles {
  operation: Operation;
}

export class IncompleteRows {
  readonly #files: Files;
  readonly #known = new Map<number, Promise<Lacks>>();

  /** @param files the source must be unchanged since it was planned */
  constructor(files: Files) {
    this.#files = files;
  }

  /**
   * Names of the columns that a failed or unprocessed row may lack although the source has them; empty if the row is
   * complete. Reads the source only for a row with a blank, once per part.
   */
  async lacks(part: number, row: ResultRow): Promise<readonly string[]> {
    if (!row.cells.some(isBlank)) return [];
    let lacks = this.#known.get(part);
    if (lacks === undefined) {
      lacks = findLacks(this.#files, part);
      this.#known.set(part, lacks);
    }
    return (await lacks)(row);
  }
}

/** Why a row is not sent again. @param note why it failed, if it did */
export function incompleteRow(columns: readonly string[], note: string): string {
  const first = note === '' ? '' : ` This one failed with: ${note}`;
  return `INCOMPLETE_RESULT_ROW:Salesforce's result file shows ${columns.join(', ')} blank, so the row is not sent again from it. Take it from the source.${first}:${columns.join(' ')} --`;
}

async function findLacks(files: Files, part: number): Promise<Lacks> {
  const { plan, operation, signal } = files;
  // A new record has no value that could be cleared.
  const plain = (cells: string[]): string[] =>
    operation === 'insert' ? cells.map((cell) => (cell === '#N/A' ? '' : cell)) : cells;
  const blank = new Set<number>();
  const rows = new KeyTable();
  /** By the row's number in `rows`: how many more such rows the source has than the result files. */
  const spare = new IntList();
  for (const kind of ['failed', 'unprocessed'] as const) {
    for await (const row of resultRows(files, part, kind)) {
      const cells = plain(row.cells);
      let isWhole = true;
      for (const [column, cell] of cells.entries()) {
        if (!isBlank(cell)) continue;
        isWhole = false;
        blank.add(column);
      }
      if (isWhole) continue;
      const number = rows.add(formOf(cells));
      if (number === spare.length) spare.push(0);
      spare.set(number, spare.get(number) - 1);
    }
  }

  const filled = new Set<number>();
  const { start, end } = rangeOf(plan, part);
  const { delimiter } = plan;
  await scanRecords(readRange(plan.rows, start, end, signal), { delimiter, base: start }, (record) => {
    const cells = plain(readCells(record, delimiter));
    let isWhole = true;
    for (const column of blank) {
      if (isBlank(cells[column] ?? '')) isWhole = false;
      else filled.add(column);
    }
    if (isWhole) return;
    const number = rows.numberOf(formOf(cells));
    if (number !== -1) spare.set(number, spare.get(number) + 1);
  });
  if (filled.size === 0) return NOTHING;

  // A landed row uses up its source row, so that a similar-looking row does not match it.
  for await (const row of resultRows(files, part, 'succeeded')) {
    const cells = plain(row.cells);
    if (!cells.some(isBlank)) continue;
    const number = rows.numberOf(formOf(cells));
    if (number !== -1) spare.set(number, spare.get(number) - 1);
  }
  return (row) => {
    const cells = plain(row.cells);
    const doubtful = [...filled].filter((column) => isBlank(cells[column] ?? '')).sort((a, b) => a - b);
    if (doubtful.length === 0 || spare.get(rows.numberOf(formOf(cells))) >= 0) return [];
    return doubtful.map((column) => plan.names[column] as string);
  };
}

function isBlank(cell: string): boolean {
  return cell.trim() === '';
}

const DATE = /^\d{4}-\d\d-\d\d(?:Z|T[\d:.]{5,12}(?:Z|[+-]\d\d:?\d\d)?)?$/;
const NUMBER = keyNormalizer({ type: 'double', caseSensitive: true });

/** One form for equal rows, however result files write their values. */
function formOf(cells: readonly string[]): string {
  return cells
    .map((cell) => {
      const text = withLineBreaks(cell, '\n').trim();
      if (SALESFORCE_ID.test(text)) return text.slice(0, 15);
      const time = DATE.test(text) ? Date.parse(text) : NaN;
      return Number.isNaN(time) ? (NUMBER(text) ?? text).toLowerCase() : `${time}`;
    })
    .join('\0');
}
