/**
 * Result files are not trusted as data: Salesforce may show columns blank there, in all rows or in some (a header in other
 * letters than the field's name, for instance). A row with a blank is only sent again from the file when the source has
 * just this row.
 */
import type { Operation } from '../contract.js';
import { readCells } from '../csv/cells.js';
import { keyNormaliser, SALESFORCE_ID } from '../csv/keys.js';
import { withLineBreaks } from '../csv/line-breaks.js';
import { scanRecords } from '../csv/records.js';
import type { ResultRow } from '../csv/results.js';
import { readRange } from '../storage/files.js';
import { IntList } from './key-lists.js';
import { KeyTable } from './key-table.js';
import { resultRows } from './result-rows.js';
import type { StageFiles } from './result-rows.js';
import { rangeOf } from './stage.js';

/** Columns, by name, that a row of a file lacks; none when it may be sent. */
type Lacks = (row: ResultRow) => readonly string[];

const NOTHING: Lacks = () => [];

interface Files extends StageFiles {
  operation: Operation;
}

export class IncompleteRows {
  readonly #files: Files;
  readonly #known = new Map<number, Promise<Lacks>>();

  /** @param files the source must be as it was planned */
  constructor(files: Files) {
    this.#files = files;
  }

  /**
   * Names of the columns that a failed or unprocessed row may lack although the source has them; none when it is
   * complete. Only for a row with a blank the source is read, once for each part.
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
  return `INCOMPLETE_RESULT_ROW:The result file of Salesforce shows ${columns.join(', ')} blank, so the row is not sent again from it. Take it from the source.${first}:${columns.join(' ')} --`;
}

async function findLacks(files: Files, part: number): Promise<Lacks> {
  const { plan, operation, signal } = files;
  // A new record has nothing that could be cleared.
  const plain = (cells: string[]): string[] =>
    operation === 'insert' ? cells.map((cell) => (cell === '#N/A' ? '' : cell)) : cells;
  const blank = new Set<number>();
  const rows = new KeyTable();
  /** By number of a row: how many more of them the source has than the result files show. */
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

  // One that landed is not there a second time for a row that only looks like it.
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
const NUMBER = keyNormaliser({ type: 'double', caseSensitive: true });

/** One form for rows that say the same, whichever way result files write their values. */
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
