/**
 * Finds corrections that would clear values by accident. A rejected row may show a column blank that has a value in the
 * source, because Salesforce's result file did; a person who corrects another column then sends the blank.
 */
import { readCell, readCells } from '../../csv/cells.js';
import { eachRecordBytes, scanRecords } from '../../csv/records.js';
import { readRange } from '../../storage/read-files.js';
import { NOTES } from './superseded-rows.js';
import { keyFunction } from '../retry/find/source-keys.js';
import { isAsPlanned } from '../stage/stage-plan.js';
import type { KeyRule, StagePlan } from '../stage/stage-plan-types.js';

export interface CorrectedRows {
  /** Plan of the first stage: its rows are the source. */
  plan: StagePlan;
  key: KeyRule;
  /** Path of the corrected rows, with the columns of the plan and no header. */
  corrected: string;
  /** Keys that have corrections. */
  keys: ReadonlySet<string>;
  /** Paths of the waiting rejected rows. */
  rejected: readonly string[];
  /** Blank cells came as `#N/A`. */
  blankAsNull: boolean;
  signal: AbortSignal;
}

/**
 * Columns by key that are blank in a correction and in every rejected row of the key, but have a value in every source
 * row with that key.
 */
export async function hiddenValues(rows: CorrectedRows): Promise<Map<string, Set<number>>> {
  const { plan, key, corrected, keys, rejected, blankAsNull, signal } = rows;
  const of = keyFunction(key);
  const column = plan.names.indexOf(key.column);
  const blank = new Map<string, Set<number>>();
  await scanRecords(readRange(corrected, 0, undefined, signal), { delimiter: ',' }, (record) => {
    const cells = readCells(record, ',');
    const value = of(cells[column] ?? '');
    if (value === undefined || !keys.has(value)) return;
    const found = plan.names.flatMap((_, at) => {
      const cell = cells[at] ?? '';
      return isBlank(cell) || (blankAsNull && cell === '#N/A') ? [at] : [];
    });
    if (found.length > 0) blank.set(value, new Set([...(blank.get(value) ?? []), ...found]));
  });
  if (blank.size === 0) return blank;

  const named = new Set<string>();
  for (const path of rejected) {
    let isHeader = true;
    for await (const record of eachRecordBytes(readRange(path, 0, undefined, signal), { delimiter: ',' })) {
      const value = isHeader ? undefined : of(readCell(record, NOTES + column, ','));
      isHeader = false;
      if (value !== undefined && keepWhere(blank, value, readCells(record, ',').slice(NOTES), isBlank))
        named.add(value);
    }
  }
  for (const value of blank.keys()) if (!named.has(value)) blank.delete(value);
  // If the source has changed, its earlier values are unknown.
  if (blank.size === 0 || !(await isAsPlanned(plan.rows, plan.fingerprint))) return new Map();

  const { delimiter } = plan;
  const start = plan.parts[0]?.start ?? 0;
  await scanRecords(
    readRange(plan.rows, start, plan.parts.at(-1)?.end, signal),
    { delimiter, base: start },
    (record) => {
      const value = of(readCell(record, column, delimiter));
      if (value === undefined || !blank.has(value)) return;
      keepWhere(blank, value, readCells(record, delimiter), (cell) => !isBlank(cell) && cell !== '#N/A');
    },
  );
  return blank;
}

/** @returns whether any columns of the key are left */
function keepWhere(
  columns: Map<string, Set<number>>,
  key: string,
  cells: readonly string[],
  keep: (cell: string) => boolean,
): boolean {
  const left = columns.get(key);
  if (left === undefined) return false;
  for (const column of left) if (!keep(cells[column] ?? '')) left.delete(column);
  if (left.size === 0) columns.delete(key);
  return left.size > 0;
}

function isBlank(cell: string): boolean {
  return cell.trim() === '';
}
