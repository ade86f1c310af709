/**
 * Which corrections came too late: a newer row of the same key landed, and its values would be lost. The newest row of a
 * key is the last one in the source.
 */
import { readCells } from '../csv/cells.js';
import { keyNormaliser, SALESFORCE_ID } from '../csv/keys.js';
import { withLineBreaks } from '../csv/line-breaks.js';
import { eachRecord } from '../csv/records.js';
import { readResultRows, resultDelimiter } from '../csv/results.js';
import { isThere, readHead, readRange, readRanges } from '../storage/files.js';
import { eachSourceKey, keyFunction } from './source-keys.js';
import type { Key } from './source-keys.js';
import { isAsPlanned } from './stage.js';
import type { KeyRule, StagePlan } from './stage.js';

export interface CorrectedKeys {
  plan: StagePlan;
  key: KeyRule;
  /** Keys that have corrections. */
  keys: ReadonlySet<string>;
  /** Paths of the rejected rows that wait. */
  rejected: readonly string[];
  /** Paths of all rows that landed. */
  succeeded: readonly string[];
  signal: AbortSignal;
}

/** Rows of the source that share a key, as {@link Comparer} writes them. */
interface SameKey {
  all: Set<string>;
  last: string;
}

/** `sf__Id` and `sf__Error` stand before the columns of a rejected file. */
export const NOTES = 2;

/**
 * A row may have been changed by a fix rule, or corrected and rejected before, so that no row of the source is like it.
 * Of what landed, the last row of the source, and one that is like none of them, are taken for newer. When the source is
 * no longer as it was, all that landed is.
 */
export async function overtakenKeys(corrections: CorrectedKeys): Promise<Set<string>> {
  const { plan, key, keys, rejected, succeeded, signal } = corrections;
  const compare = new Comparer(plan, key);
  const usable = await isAsPlanned(plan.rows, plan.fingerprint);
  const source = usable ? await sameKeys(corrections, compare) : undefined;
  const doubtful = new Set(source === undefined ? keys : source.keys());
  if (source !== undefined && doubtful.size > 0) {
    for (const path of rejected) {
      for await (const cells of eachRecord(readRange(path, 0, undefined, signal), { delimiter: ',' })) {
        const row = cells.slice(NOTES);
        const value = compare.of(row);
        if (value !== undefined && source.get(value)?.last === compare.row(row)) doubtful.delete(value);
      }
    }
  }
  const overtaken = new Set<string>();
  if (doubtful.size === 0) return overtaken;
  for (const path of succeeded) {
    // Somebody removed it: nothing tells any more what landed.
    if (!(await isThere(path))) return doubtful;
    const delimiter = resultDelimiter(await readHead(path, 4096), 'sf__Id', plan.delimiter);
    let keys = 0;
    let rows = 0;
    for await (const { cells } of readResultRows(readRange(path, 0, undefined, signal), delimiter, plan.names)) {
      const value = compare.of(cells);
      rows++;
      if (value !== undefined) keys++;
      if (value === undefined || !doubtful.has(value)) continue;
      const same = source?.get(value);
      const row = compare.row(cells);
      if (same === undefined || row === same.last || !same.all.has(row)) overtaken.add(value);
    }
    // A file that shows the key blank does not tell whose rows landed.
    if (rows > 0 && keys === 0) return doubtful;
  }
  return overtaken;
}

/** Keys with corrections that several rows of the source have. */
async function sameKeys({ plan, keys, signal }: CorrectedKeys, compare: Comparer): Promise<Map<string, SameKey>> {
  const places = new Map<string, { start: number; end: number }[]>();
  for (let part = 1; part <= plan.parts.length; part++) {
    await eachSourceKey({ plan, signal }, compare, part, (value, start, end) => {
      if (!keys.has(value)) return;
      const before = places.get(value);
      if (before === undefined) places.set(value, [{ start, end }]);
      else before.push({ start, end });
    });
  }
  const ranges = [...places.values()].filter(({ length }) => length > 1).flat();
  ranges.sort((a, b) => a.start - b.start);
  const same = new Map<string, SameKey>();
  for await (const record of readRanges(plan.rows, ranges, signal)) {
    const cells = readCells(record, plan.delimiter);
    const value = compare.of(cells) as string;
    const row = compare.row(cells);
    const known = same.get(value);
    if (known === undefined) same.set(value, { all: new Set([row]), last: row });
    else {
      known.all.add(row);
      known.last = row;
    }
  }
  return same;
}

/** Brings rows into one form, whichever way their values are written: result files show them re-rendered. */
class Comparer implements Key {
  readonly column: number;
  readonly #key: (cell: string) => string | undefined;
  readonly #number = keyNormaliser({ type: 'double', caseSensitive: true });

  constructor(plan: StagePlan, key: KeyRule) {
    this.column = plan.names.indexOf(key.column);
    this.#key = keyFunction(key);
  }

  of(cells: readonly string[]): string | undefined {
    return this.#key(cells[this.column] ?? '');
  }

  row(cells: readonly string[]): string {
    return cells
      .map((cell, column) => {
        if (column === this.column) return this.#key(cell) ?? '';
        // Numbers lose how they are written; other text only blanks at its ends.
        return SALESFORCE_ID.test(cell) ? cell.slice(0, 15) : (this.#number(withLineBreaks(cell, '\n')) ?? '');
      })
      .join('\0');
  }
}
