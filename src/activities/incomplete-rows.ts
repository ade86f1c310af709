/**
 * Result files are not trusted as data: Salesforce may show a column blank in every row of one (a header in other letters
 * than the field's name, for instance). Rows that lack values of the source in this way are not sent again from the file.
 */
import { readCell, readCells } from '../csv/cells.js';
import { keyNormaliser } from '../csv/keys.js';
import { eachRecordBytes, scanRecords } from '../csv/records.js';
import type { ResultRow } from '../csv/results.js';
import { readRange } from '../storage/files.js';
import { IntList } from './key-lists.js';
import { KeyTable } from './key-table.js';
import { resultRows } from './result-rows.js';
import type { ResultFileKind, StageFiles } from './result-rows.js';
import { rangeOf } from './stage.js';

/** What is known of the rows of the source that are like a row of the file, but for the columns in doubt. */
const BLANK = 1;
const FILLED = 2;

/** Columns, by name, that a row of a file lacks; none when it may be sent. */
type Lacks = (row: ResultRow) => readonly string[];

const NOTHING: Lacks = () => [];

export class IncompleteRows {
  readonly #files: StageFiles;
  readonly #known = new Map<string, Promise<Lacks>>();

  /** @param files the source must be as it was planned */
  constructor(files: StageFiles) {
    this.#files = files;
  }

  /** Names of the columns that a row of a result file lacks although the source has them; none when it is complete. */
  async lacks(part: number, kind: ResultFileKind, row: ResultRow): Promise<readonly string[]> {
    const name = `${part} ${kind}`;
    let lacks = this.#known.get(name);
    if (lacks === undefined) {
      lacks = findLacks(this.#files, part, kind);
      this.#known.set(name, lacks);
    }
    return (await lacks)(row);
  }
}

/** Why a row is not sent again. @param note why it failed, if it did */
export function incompleteRow(columns: readonly string[], note: string): string {
  const first = note === '' ? '' : ` This one failed with: ${note}`;
  return `INCOMPLETE_RESULT_ROW:The result file of Salesforce shows ${columns.join(', ')} blank, so the row is not sent again from it. Take it from the source.${first}:${columns.join(' ')} --`;
}

async function findLacks(files: StageFiles, part: number, kind: ResultFileKind): Promise<Lacks> {
  const { plan, signal } = files;
  const blank = await blankColumns(files, part, kind);
  const hidden = blank.size === 0 ? [] : await filledColumns(files, part, blank);
  if (hidden.length === 0) return NOTHING;
  const rows = new KeyTable();
  const states = new IntList();
  for await (const { cells } of resultRows(files, part, kind)) {
    if (rows.add(formOf(cells)) === states.length) states.push(0);
  }
  const { start, end } = rangeOf(plan, part);
  for await (const record of eachRecordBytes(readRange(plan.rows, start, end, signal), { delimiter: plan.delimiter })) {
    const cells = readCells(record, plan.delimiter);
    const isFilled = hidden.some((column) => !isBlank(cells[column] ?? ''));
    for (const column of hidden) cells[column] = '';
    const number = rows.numberOf(formOf(cells));
    if (number !== -1) states.set(number, states.get(number) | (isFilled ? FILLED : BLANK));
  }
  const names = hidden.map((column) => plan.names[column] as string);
  // Only a row that the source has just so is known to be blank there.
  return ({ cells }) => (states.get(rows.numberOf(formOf(cells))) === BLANK ? [] : names);
}

/** Columns in which no row of the file has a value. */
async function blankColumns(files: StageFiles, part: number, kind: ResultFileKind): Promise<Set<number>> {
  const blank = new Set(files.plan.names.keys());
  for await (const { cells } of resultRows(files, part, kind)) {
    for (const column of blank) if (!isBlank(cells[column] ?? '')) blank.delete(column);
    if (blank.size === 0) break;
  }
  return blank;
}

/** Of these columns the ones in which the source has values. */
async function filledColumns({ plan, signal }: StageFiles, part: number, among: Set<number>): Promise<number[]> {
  const { start, end } = rangeOf(plan, part);
  const filled: number[] = [];
  const { delimiter } = plan;
  await scanRecords(readRange(plan.rows, start, end, signal), { delimiter, base: start }, (record) => {
    for (const column of among) {
      if (isBlank(readCell(record, column, delimiter))) continue;
      among.delete(column);
      filled.push(column);
    }
  });
  return filled.sort((a, b) => a - b);
}

function isBlank(cell: string): boolean {
  return cell.trim() === '';
}

const ID = /^[A-Za-z0-9]{15}(?:[A-Z0-5]{3})?$/;
const DATE = /^\d{4}-\d\d-\d\d(?:T[\d:.]{5,12}(?:Z|[+-]\d\d:?\d\d)?)?$/;
const NUMBER = keyNormaliser({ type: 'double', caseSensitive: true });

/** One form for rows that say the same, whichever way result files write their values. */
function formOf(cells: readonly string[]): string {
  return cells
    .map((cell) => {
      const text = cell.replaceAll(/\r+\n/g, '\n').trim();
      if (ID.test(text)) return text.slice(0, 15);
      const time = DATE.test(text) ? Date.parse(text) : NaN;
      return Number.isNaN(time) ? (NUMBER(text) ?? text).toLowerCase() : `${time}`;
    })
    .join('\0');
}
