/** Reads the source's rows by key. */
import { readCell } from '../../../csv/cells.js';
import { keyForm, keyNormalizer } from '../../../keys/normalize-key.js';
import type { KeyField, KeyForm } from '../../../keys/normalize-key.js';
import type { HashPlaces } from '../../../keys/key-table.js';
import type { KeyScan, KeyTask } from '../../../keys/wasm/key-scan.js';
import { RecordRuns } from '../../../csv/record-runs.js';
import { scanRecords } from '../../../csv/records.js';
import { readRange, scanRange } from '../../../storage/read-files.js';
import { rangeOf } from '../../stage/stage-plan.js';
import type { KeyRule, StagePlan } from '../../stage/stage-plan-types.js';

/** Position of the key column and how to compare its values. */
export interface Key {
  column: number;
  of: (cells: readonly string[]) => string | undefined;
}

/** Returns one form for all cells with the same key. */
export function keyFunction(rule: KeyRule): (cell: string) => string | undefined {
  return keyNormalizer(fieldOf(rule));
}

export function formOf(rule: KeyRule): KeyForm {
  return keyForm(fieldOf(rule));
}

function fieldOf({ column, type, caseSensitive }: KeyRule): KeyField | undefined {
  if (column.toLowerCase() === 'id') return { type: 'id', caseSensitive: true };
  return type === undefined ? undefined : { type, caseSensitive: caseSensitive ?? false };
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

/** What to do with rows of the source. */
export interface SourceVisitor {
  /**
   * A row whose key was hashed.
   * @param at where the hash is in the scan's words
   * @param bytes the memory of the row, which is valid until the visitor returns
   */
  onHash(at: number, bytes: Buffer, start: number, end: number): void;
  /** A row whose key needs more rules. */
  onKey(value: string, record: Buffer): void;
  /** Is told of many hashes before `onHash`. */
  prepare?: (hashes: HashPlaces) => void;
}

/** Calls the visitor for rows of a part with a key: those that the task selects, or whose key needs more rules. */
export async function* searchSource(
  { plan, signal }: { plan: StagePlan; signal: AbortSignal },
  { key, part, scan, task }: { key: Key; part: number; scan: KeyScan; task: KeyTask },
  visitor: SourceVisitor,
): AsyncGenerator<void> {
  const range = rangeOf(plan, part);
  const { delimiter } = plan;
  const cells: string[] = new Array<string>(plan.names.length).fill('');
  const onRecord = (record: Buffer): void => {
    cells[key.column] = readCell(record, key.column, delimiter);
    const value = key.of(cells);
    if (value !== undefined) visitor.onKey(value, record);
  };
  scan.use({ column: key.column, delimiter });
  const runs = new RecordRuns(
    { delimiter, buffers: scan.buffers },
    {
      onRecord,
      onRun(run) {
        scan.scan(
          task,
          run,
          ({ hashAt, start, end }) => {
            if (hashAt === undefined) onRecord(run.bytes.subarray(start, end));
            else visitor.onHash(hashAt, run.bytes, start, end);
          },
          visitor.prepare,
        );
      },
    },
  );
  for await (const _ of runs.pieces(scanRange(plan.rows, range.start, range.end, signal, scan.buffers))) yield;
}
