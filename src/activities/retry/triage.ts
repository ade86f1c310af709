/** Sorts the rows in passes over the result files and, if rows must be identified by key, one pass over the source. */
import { isDelete } from '../../domain/platform/operations.js';
import type { LoadError } from '../../contract/load-result.js';
import type { ResultRow } from '../../rows/result-rows.js';
import { parseRowError, stopError } from '../../domain/platform/row-errors.js';
import { IncompleteRows, incompleteRow } from './blank-result-cells.js';
import { findInSource, sendFound } from './find/found-rows.js';
import type { KeyIndex } from './find/retry-key-index.js';
import { duplicateKey, Rejections } from './write-rejected-rows.js';
import type { StagePlan } from '../stage/stage-plan-types.js';
import type { PartOutcome } from '../../protocol/activities/ended-parts.js';
import { resultRows } from './read-result-rows.js';
import { outcomeOf } from './row-outcome.js';
import { RowsSentAgain } from './find/rows-sent-again.js';
import { keyFunction } from './find/source-keys.js';
import type { Key } from './find/source-keys.js';
import { leaveWhole } from './unsent-parts.js';
import { sendWhole, wantWhole } from './unapplied-parts.js';
import type { TriageContext } from './triage-context.js';
import { indexFor, wantMissing, wantRetried } from './find/wanted-keys.js';
import { defined } from '../../domain/defined.js';

/** How to find rows of result files in the source. */
interface Lookup {
  key: Key | undefined;
  index: KeyIndex;
  incomplete: IncompleteRows;
}

/** @returns `repeats`: several rows of one key are sent again and must keep the source order */
export async function triageStage(sorting: TriageContext): Promise<{ stop?: LoadError; repeats: boolean }> {
  const { plan, outcomes, final } = sorting;
  const key = keyOf(plan);
  const loaded = outcomes.filter(({ kind }) => kind === 'loaded');
  const whole = outcomes.filter(({ kind }) => kind === 'notStarted').map(({ part }) => part);
  const index = indexFor(plan, { loaded, whole });
  const settled = new Set<number>();
  if (sorting.sourceUsable) {
    if (final) await leaveWhole(sorting, whole);
    else if (key !== undefined) for (const part of whole) await wantWhole(sorting, part, key, index);
    if (key !== undefined && sorting.operation !== 'insert') {
      for (const outcome of loaded) if (outcome.missing > 0) await wantMissing(sorting, outcome, key, index);
    }
    if (!final && key !== undefined) await wantRetried(sorting, loaded, { key, index, settled });
    if (key !== undefined && index.size > 0) await findInSource(sorting, key, index);
  }
  const lookup: Lookup = { key, index, incomplete: new IncompleteRows(sorting) };
  const ended = await endFailed(
    sorting,
    loaded.filter(({ part }) => !settled.has(part)),
    lookup,
  );

  const { files, fixes } = sorting;
  const { needsResults } = index;
  if (!final && fixes.size === 0 && !needsResults) files.sendAllFound();
  else await sendFound(sorting, key, index);
  if (!final) {
    const isCertain = !needsResults && !fixes.anyOdd;
    const rejections = new Rejections(sorting, key);
    if (!isCertain) {
      await takeFromResults(sorting, loaded, lookup, 'keyed');
      for (const part of whole) await sendWhole(sorting, part, { key, index, which: 'keyed' }, rejections);
    }
    files.keyedBytes = files.next.bytes;
    if (ended.loose) await takeFromResults(sorting, loaded, lookup, 'loose');
    for (const part of whole) await sendWhole(sorting, part, { key, index, which: 'loose' }, rejections);
    await rejections.finish();
  }
  return { repeats: index.anySeveral, ...defined({ stop: ended.stop }) };
}

export function keyOf(plan: Pick<StagePlan, 'key' | 'names'>): Key | undefined {
  if (plan.key === undefined) return undefined;
  const position = plan.names.indexOf(plan.key.column);
  const normalise = keyFunction(plan.key);
  return { column: position, of: (cells) => normalise(cells[position] ?? '') };
}

async function* each<T>(batches: AsyncIterable<readonly T[]>): AsyncGenerator<T> {
  for await (const batch of batches) yield* batch;
}

async function fixedCells({ files, fixes }: TriageContext, row: ResultRow): Promise<readonly string[]> {
  const fixed = fixes.fix(parseRowError(row.note), row.cells);
  if (fixed === undefined) return row.cells;
  await files.noteChanges(fixed.lines(row.id));
  return fixed.cells;
}

/** Handles failed rows that are not sent again, and finally all remaining rows. */
async function endFailed(
  sorting: TriageContext,
  loaded: PartOutcome[],
  { key, index, incomplete }: Lookup,
): Promise<{ loose: boolean; stop?: LoadError }> {
  const { files, final, plan, sourceUsable } = sorting;
  const rejections = new Rejections(sorting, key);
  let loose = false;
  let stop: LoadError | undefined;
  const again = key === undefined || final ? undefined : new RowsSentAgain(sorting, { key, index, task: 'check' });
  const rowsOf = (part: number, kind: 'failed' | 'unprocessed'): AsyncGenerator<ResultRow> =>
    again === undefined ? resultRows(sorting, part, kind) : each(again.others(part, kind));
  for (const { part } of loaded) {
    for await (const row of rowsOf(part, 'failed')) {
      const outcome = outcomeOf(sorting, row);
      const value = key?.of(row.cells);
      if (outcome === 'stop') {
        stop ??= stopError(row.note);
      }
      if (outcome === 'done') {
        await files.acceptAsDone(row);
      } else if (!final && (outcome === 'again' || outcome === 'fixed')) {
        again?.learn(row);
        loose ||= value === undefined;
        continue;
      } else {
        await rejections.add(row.id, row.note, row.cells);
      }
      if (value !== undefined) index.refuse(value);
    }
    for await (const row of rowsOf(part, 'unprocessed')) {
      if (final) {
        // People load the file as it is.
        const lacks = sourceUsable ? await incomplete.lacks(part, row) : [];
        if (lacks.length > 0) await rejections.add(row.id, incompleteRow(lacks, row.note), row.cells);
        else await files.leaveUnprocessed(row.cells);
      } else loose ||= plan.key === undefined || key?.of(row.cells) === undefined;
    }
  }
  await rejections.finish();
  return stop === undefined ? { loose } : { loose, stop };
}

/** Columns that a row of a result file lacks, so that it must not be sent from that file. */
async function lacking(
  { operation, plan }: TriageContext,
  { part, row, value }: { part: number; row: ResultRow; value: string | undefined },
  incomplete: IncompleteRows,
): Promise<readonly string[]> {
  const lacks = await incomplete.lacks(part, row);
  if (lacks.length > 0) return lacks;
  // Columns that Salesforce omitted from its file cannot be sent again.
  if (!row.complete) return plan.names.filter((_, at) => row.cells[at] === '');
  return value === undefined && operation !== 'insert' ? [plan.key?.column ?? 'Id'] : [];
}

/** Handles rows whose source row is uncertain: sends the result file's values, or rejects the row. */
async function takeFromResults(
  sorting: TriageContext,
  loaded: PartOutcome[],
  { key, index, incomplete }: Lookup,
  which: 'keyed' | 'loose',
): Promise<void> {
  const { files, fixes, plan } = sorting;
  const rejections = new Rejections(sorting, key);
  for (const { part } of loaded) {
    for (const kind of ['failed', 'unprocessed'] as const) {
      for await (const row of resultRows(sorting, part, kind)) {
        const outcome = kind === 'unprocessed' ? 'again' : outcomeOf(sorting, row);
        if (outcome !== 'again' && outcome !== 'fixed') continue;
        const value = key?.of(row.cells);
        if ((value === undefined) !== (which === 'loose')) continue;
        let verdict = value === undefined ? 'result' : index.verdict(value);
        if (verdict === 'source') {
          if (value === undefined || !fixes.isOdd(value)) continue;
          verdict = 'result';
        }
        // Of two deletes, neither is newer. For other rows, the shuffled order of a result file does not show the
        // newest.
        if (isDelete(sorting.operation)) verdict = 'result';
        else if (verdict === 'result' && value !== undefined && index.hasSeveral(value)) verdict = 'ambiguous';
        if (verdict === 'result') {
          const lacks = await lacking(sorting, { part, row, value }, incomplete);
          if (lacks.length > 0) {
            await rejections.add(row.id, incompleteRow(lacks, row.note), row.cells);
            continue;
          }
          await files.sendValuesAgain(outcome === 'fixed' ? await fixedCells(sorting, row) : row.cells);
          if (kind === 'failed') files.rerendered++;
        } else {
          await rejections.add(row.id, duplicateKey(plan, row.note), row.cells);
        }
      }
    }
  }
  await rejections.finish();
}
