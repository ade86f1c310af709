/** Collects the keys of rows that must be found again in the source. */
import { readCells } from '../../../csv/cells.js';
import { defined } from '../../../domain/defined.js';
import { KeySet } from '../../../keys/key-set.js';
import type { PartOutcome } from '../../../protocol/activities/ended-parts.js';
import type { StagePlan } from '../../stage/stage-plan-types.js';
import { resultBatches } from '../read-result-rows.js';
import type { HashedRows } from '../read-result-rows.js';
import { KeyIndex } from './retry-key-index.js';
import { outcomeOf } from '../row-outcome.js';
import { RowsSentAgain } from './rows-sent-again.js';
import { formOf, searchSource } from './source-keys.js';
import type { Key } from './source-keys.js';
import type { TriageContext } from '../triage-context.js';

/** @returns an index that expects as many keys as these parts have rows to be found again */
export function indexFor(plan: StagePlan, { loaded, whole }: { loaded: PartOutcome[]; whole: number[] }): KeyIndex {
  let keys = 0;
  for (const { counts, missing } of loaded) keys += counts.failed + counts.unprocessed + missing;
  for (const part of whole) keys += plan.parts[part - 1]?.records ?? 0;
  return new KeyIndex({ keys, ...defined({ form: plan.key && formOf(plan.key) }) });
}

/**
 * Finds rows that no result file names: those whose key is in none of the three. If there are more of them than missing
 * rows, keys come back in a form that we cannot compare; then none is taken, because the others have landed.
 */
export async function wantMissing(
  sorting: TriageContext,
  { part, missing }: PartOutcome,
  key: Key,
  index: KeyIndex,
): Promise<void> {
  const { scan } = index;
  const { words } = scan;
  const named = new KeySet(index.secret);
  const { column } = key;
  const hashed: HashedRows = {
    scan,
    task: 'hash',
    column,
    prefix: () => '',
    onHash: (at) => named.addHash(words, at),
  };
  for (const kind of ['succeeded', 'failed', 'unprocessed'] as const) {
    for await (const rows of resultBatches(sorting, part, kind, hashed)) {
      for (const row of rows) {
        const value = key.of(row.cells);
        if (value !== undefined) named.add(value);
      }
    }
  }
  const eachUnnamed = async (visit: (record: Buffer) => void): Promise<void> => {
    const pieces = searchSource(
      sorting,
      { key, part, scan, task: 'hash' },
      {
        onHash(at, bytes, start, end) {
          if (!named.hasHash(words, at)) visit(bytes.subarray(start, end));
        },
        onKey(value, record) {
          if (!named.has(value)) visit(record);
        },
      },
    );
    for await (const _ of pieces);
  };
  // The file is read twice, so that no key is kept in memory.
  let unnamed = 0;
  await eachUnnamed(() => unnamed++);
  if (unnamed === 0 || unnamed > missing) return;
  await eachUnnamed((record) => index.want(key.of(readCells(record, sorting.plan.delimiter)) as string));
}

/** @param settled receives the parts of which all failed and unprocessed rows are wanted */
export async function wantRetried(
  sorting: TriageContext,
  loaded: PartOutcome[],
  { key, index, settled }: { key: Key; index: KeyIndex; settled: Set<number> },
): Promise<void> {
  const again = new RowsSentAgain(sorting, {
    key,
    index,
    task: 'add',
    onHash: (at) => index.wantHash(at),
    prepare: (hashes) => index.readAhead(hashes),
  });
  for (const { part } of loaded) {
    let isSettled = true;
    for (const kind of ['failed', 'unprocessed'] as const) {
      for await (const rows of again.others(part, kind)) {
        for (const row of rows) {
          const outcome = kind === 'unprocessed' ? 'again' : outcomeOf(sorting, row);
          const value = key.of(row.cells);
          if (value === undefined || (outcome !== 'again' && outcome !== 'fixed')) {
            isSettled = false;
            continue;
          }
          if (kind === 'failed') again.learn(row);
          const before = index.size;
          index.want(value);
          sorting.fixes.plan(value, outcome === 'fixed' ? row.note : undefined, index.size === before, row.cells);
        }
      }
    }
    if (isSettled) settled.add(part);
  }
}
