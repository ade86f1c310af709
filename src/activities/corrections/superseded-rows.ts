/**
 * Finds corrections that came too late: a newer row with the same key landed, and the correction would overwrite its
 * values. The newest row of a key is the last one in the source.
 */
import { readCells } from '../../csv/cells.js';
import { keyNormalizer, SALESFORCE_ID } from '../../keys/normalize-key.js';
import { withLineBreaks } from '../../csv/line-breaks.js';
import { eachRecord } from '../../csv/records.js';
import { resultDelimiter } from '../../rows/result-file.js';
import { readResultRows } from '../../rows/result-rows.js';
import { readHead, readRange, readRanges } from '../../storage/read-files.js';
import { isThere } from '../../storage/files/file-tree.js';
import { eachSourceKey, keyFunction } from '../retry/find/source-keys.js';
import type { Key } from '../retry/find/source-keys.js';
import { isAsPlanned } from '../stage/stage-plan.js';
import type { KeyRule, StagePlan } from '../stage/stage-plan-types.js';

export interface CorrectedKeys {
  plan: StagePlan;
  key: KeyRule;
  /** Keys that have corrections. */
  keys: ReadonlySet<string>;
  /** Paths of the waiting rejected rows. */
  rejected: readonly string[];
  /** Paths of all rows that landed. */
  succeeded: readonly string[];
  signal: AbortSignal;
}

/** Source rows that share a key, as {@link Comparer} writes them. */
interface SameKey {
  all: Set<string>;
  last: string;
}

/** `sf__Id` and `sf__Error` precede the columns of a rejected file. */
export const NOTES = 2;

/**
 * A fix rule or an earlier correction may have changed a row, so that no source row equals it. A landed row counts as
 * newer if it is the last one of the source or equals no source row. If the source has changed, all landed rows count
 * as newer.
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
    // The file was removed, so it is unknown what landed.
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
    // A file with blank keys does not show whose rows landed.
    if (rows > 0 && keys === 0) return doubtful;
  }
  return overtaken;
}

/** Keys with corrections that several source rows share. */
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

/** Converts rows to one form, because result files write values differently. */
class Comparer implements Key {
  readonly column: number;
  readonly #key: (cell: string) => string | undefined;
  readonly #number = keyNormalizer({ type: 'double', caseSensitive: true });

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
        // Numbers are normalized; other text is only trimmed.
        return SALESFORCE_ID.test(cell) ? cell.slice(0, 15) : (this.#number(withLineBreaks(cell, '\n')) ?? '');
      })
      .join('\0');
  }
}
