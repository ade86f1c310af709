/** The rows of the source by key. */
import { readCell } from '../csv/cells.js';
import { keyNormaliser } from '../csv/keys.js';
import { scanRecords } from '../csv/records.js';
import { readRange } from '../storage/files.js';
import { rangeOf } from './stage.js';
import type { KeyRule, StagePlan } from './stage.js';

/** Position of the key column and how its values are compared. */
export interface Key {
  column: number;
  of: (cells: readonly string[]) => string | undefined;
}

/** One form for all cells that mean the same key. */
export function keyFunction({ column, type, caseSensitive }: KeyRule): (cell: string) => string | undefined {
  return keyNormaliser(
    column.toLowerCase() === 'id'
      ? { type: 'id', caseSensitive: true }
      : type === undefined
        ? undefined
        : { type, caseSensitive: caseSensitive ?? false },
  );
}

export async function eachSourceKey(
  { plan, signal }: { plan: StagePlan; signal: AbortSignal },
  key: Key,
  part: number,
  visit: (value: string, start: number, end: number) => void,
): Promise<void> {
  const { start, end } = rangeOf(plan, part);
  const cells: string[] = new Array<string>(plan.names.length).fill('');
  await scanRecords(
    readRange(plan.rows, start, end, signal),
    { delimiter: plan.delimiter, base: start },
    (record, from, to) => {
      cells[key.column] = readCell(record, key.column, plan.delimiter);
      const value = key.of(cells);
      if (value !== undefined) visit(value, from, to);
    },
  );
}
