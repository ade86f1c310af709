/** Which row of a key is the newest: the last one in the source. An older one must not be put over it, by nobody. */
import { readCell, readCells } from '../csv/cells.js';
import { scanRecords } from '../csv/records.js';
import { readRange, readRanges } from '../storage/files.js';
import { keyFunction } from './sorting.js';
import { isAsPlanned, rangeOf } from './stage.js';
import type { KeyRule, StagePlan } from './stage.js';

export interface LastRow {
  /** Rows of the source that have the key: more than one. */
  rows: number;
  /** The last one, as `comparable` writes it. */
  cells: string;
}

/** Cells in one text, whichever way they were quoted and their lines broken. */
function comparable(cells: readonly string[]): string {
  return cells.map((cell) => cell.replaceAll(/\r+\n/g, '\n')).join('\0');
}

/** Of the keys that several rows of the source have; none when the source is no longer as it was. */
export async function lastRows(
  plan: StagePlan,
  key: KeyRule,
  wanted: { has: (key: string) => boolean },
  signal: AbortSignal,
): Promise<Map<string, LastRow>> {
  const last = new Map<string, LastRow>();
  if (!(await isAsPlanned(plan.rows, plan.fingerprint))) return last;
  const of = keyFunction(key);
  const { delimiter } = plan;
  const column = plan.names.indexOf(key.column);
  const found = new Map<string, { rows: number; start: number; end: number }>();
  for (let part = 1; part <= plan.parts.length; part++) {
    const range = rangeOf(plan, part);
    const chunks = readRange(plan.rows, range.start, range.end, signal);
    await scanRecords(chunks, { delimiter, base: range.start }, (record, start, end) => {
      const value = of(readCell(record, column, delimiter));
      if (value !== undefined && wanted.has(value)) {
        found.set(value, { rows: (found.get(value)?.rows ?? 0) + 1, start, end });
      }
    });
  }
  const several = [...found].filter(([, { rows }]) => rows > 1).sort(([, a], [, b]) => a.start - b.start);
  let n = 0;
  for await (const record of readRanges(
    plan.rows,
    several.map(([, range]) => range),
    signal,
  )) {
    const [value, { rows }] = several[n++] as (typeof several)[number];
    last.set(value, { rows, cells: comparable(readCells(record, delimiter)) });
  }
  return last;
}

/** Finds corrections of rows that may be older than what landed under their key. */
export class OlderRows {
  readonly #last: ReadonlyMap<string, LastRow>;
  readonly #taken = new Map<string, { rows: number[]; newest: boolean }>();

  constructor(last: ReadonlyMap<string, LastRow>) {
    this.#last = last;
  }

  /** @param row its number in the corrected file */
  take(key: string, row: number, cells: () => string[]): void {
    const last = this.#last.get(key);
    if (last === undefined) return;
    const taken = this.#taken.get(key) ?? { rows: [], newest: false };
    taken.rows.push(row);
    taken.newest ||= comparable(cells()) === last.cells;
    this.#taken.set(key, taken);
  }

  rows(): number[] {
    return [...this.#taken]
      .filter(([key, { rows, newest }]) => !newest && rows.length < (this.#last.get(key)?.rows ?? 0))
      .flatMap(([, { rows }]) => rows)
      .sort((a, b) => a - b);
  }
}
