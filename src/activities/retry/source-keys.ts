/** Reads the source's rows by key. */
import { readCell } from '../../csv/cells.js';
import { keyNormalizer } from '../../keys/normalize-key.js';
import { scanRecords } from '../../csv/records.js';
import { readRange } from '../../storage/read-files.js';
import { rangeOf } from '../stage/stage-plan.js';
import type { KeyRule, StagePlan } from '../stage/stage-plan-types.js';

/** Position of the key column and how to compare its values. */
export interface Key {
  column: number;
  of: (cells: readonly string[]) => string | undefined;
}

/** Returns one form for all cells with the same key. */
export function keyFunction({ column, type, caseSensitive }: KeyRule): (cell: string) => string | undefined {
  return keyNormalizer(
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
