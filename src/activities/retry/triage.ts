/** Sorts the rows in passes over the result files and, if rows must be identified by key, one pass over the source. */
import { isDelete } from '../../domain/platform/operations.js';
import type { LoadError } from '../../contract/load-result.js';
import { readCells } from '../../csv/cells.js';
import type { ResultRow } from '../../rows/result-file.js';
import { classify, isDone, mayPassUnchanged, parseRowError, stopError } from '../../domain/platform/row-errors.js';
import { readRanges } from '../../storage/read-files.js';
import { IncompleteRows, incompleteRow } from './blank-result-cells.js';
import { KeyIndex } from './retry-key-index.js';
import { KeySet } from '../../keys/key-set.js';
import { duplicateKey, Rejections } from './write-rejected-rows.js';
import type { StagePlan } from '../stage/stage-plan-types.js';
import { TimeSlice } from '../../runtime/time-slice.js';
import type { PartOutcome } from '../../protocol/activities/ended-parts.js';
import { resultRows } from './read-result-rows.js';
import { eachSourceKey, keyFunction } from './source-keys.js';
import type { Key } from './source-keys.js';
import { leaveWhole } from './unsent-parts.js';
import { sendWhole, wantWhole } from './unapplied-parts.js';
import type { TriageContext } from './triage-context.js';
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
  const index = new KeyIndex();
  const loaded = outcomes.filter(({ kind }) => kind === 'loaded');
  const whole = outcomes.filter(({ kind }) => kind === 'notStarted').map(({ part }) => part);
  if (sorting.sourceUsable) {
    if (final) await leaveWhole(sorting, whole);
    else if (key !== undefined) for (const part of whole) await wantWhole(sorting, part, key, index);
    if (key !== undefined && sorting.operation !== 'insert') {
      for (const outcome of loaded) if (outcome.missing > 0) await wantMissing(sorting, outcome, key, index);
    }
    if (!final && key !== undefined) await wantRetried(sorting, loaded, key, index);
    if (key !== undefined && index.size > 0) await findInSource(sorting, key, index);
  }
  const lookup: Lookup = { key, index, incomplete: new IncompleteRows(sorting) };
  const ended = await endFailed(sorting, loaded, lookup);

  const { files, fixes } = sorting;
  const slice = new TimeSlice();
  for await (const record of readRanges(plan.rows, index.sourceRanges(), sorting.signal)) {
    if (slice.isOver) await slice.next();
    if (final) await files.leaveRecordUnprocessed(record);
    else if (fixes.size === 0) await files.sendBytesAgain(record);
    else await sendSourceRow(sorting, record, key as Key, index);
  }
  if (!final) {
    const isCertain = !index.needsResults && !fixes.anyOdd;
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

/**
 * Outcome of a failed row: sent again, with or without a fix rule's change; counted as done; or rejected. `stop` is a
 * rejection after which the org accepts no more rows.
 */
type RowOutcome = 'again' | 'fixed' | 'done' | 'reject' | 'stop';

function outcomeOf({ operation, fixes }: TriageContext, row: ResultRow): RowOutcome {
  const error = parseRowError(row.note);
  const rowClass = classify(error);
  if (isDone(rowClass, operation)) return 'done';
  if (rowClass === 'stop') return 'stop';
  // Rules do not touch lock errors and the like; of rows that wait for a parent they change only what a table names.
  if (row.complete && fixes.fix(error, row.cells) !== undefined) return 'fixed';
  return mayPassUnchanged(rowClass, operation) ? 'again' : 'reject';
}

/** Sends the source's row with the changes of fix rules. */
async function sendSourceRow(
  { files, fixes, plan }: TriageContext,
  record: Buffer,
  key: Key,
  index: KeyIndex,
): Promise<void> {
  const cells = readCells(record, plan.delimiter);
  const value = key.of(cells) ?? '';
  const several = index.hasSeveral(value);
  // Sent with the values of the result files instead.
  if (fixes.isOdd(value)) return;
  const note = fixes.noteOf(value);
  if (note === undefined) return files.sendBytesAgain(record);
  const fixed = fixes.fix(parseRowError(note), cells);
  if (fixed === undefined) {
    // Other rows of the key may have been sent already; this row fails again with its true reason.
    if (several) return files.sendBytesAgain(record);
    return fixes.callOdd(value);
  }
  await files.noteChanges(fixed.lines(''));
  await files.sendValuesAgain(fixed.cells);
}

async function fixedCells({ files, fixes }: TriageContext, row: ResultRow): Promise<readonly string[]> {
  const fixed = fixes.fix(parseRowError(row.note), row.cells);
  if (fixed === undefined) return row.cells;
  await files.noteChanges(fixed.lines(row.id));
  return fixed.cells;
}

/**
 * Finds rows that no result file names: those whose key is in none of the three. If there are more of them than missing
 * rows, keys come back in a form that we cannot compare; then none is taken, because the others have landed.
 */
async function wantMissing(
  sorting: TriageContext,
  { part, missing }: PartOutcome,
  key: Key,
  index: KeyIndex,
): Promise<void> {
  const named = new KeySet();
  for (const kind of ['succeeded', 'failed', 'unprocessed'] as const) {
    for await (const row of resultRows(sorting, part, kind)) {
      const value = key.of(row.cells);
      if (value !== undefined) named.add(value);
    }
  }
  // The file is read twice, so that no key is kept in memory.
  let unnamed = 0;
  await eachSourceKey(sorting, key, part, (value) => {
    if (!named.has(value)) unnamed++;
  });
  if (unnamed === 0 || unnamed > missing) return;
  await eachSourceKey(sorting, key, part, (value) => {
    if (!named.has(value)) index.want(value);
  });
}

async function wantRetried(sorting: TriageContext, loaded: PartOutcome[], key: Key, index: KeyIndex): Promise<void> {
  for (const { part } of loaded) {
    for (const kind of ['failed', 'unprocessed'] as const) {
      for await (const row of resultRows(sorting, part, kind)) {
        const value = key.of(row.cells);
        if (value === undefined) continue;
        const outcome = kind === 'unprocessed' ? 'again' : outcomeOf(sorting, row);
        if (outcome !== 'again' && outcome !== 'fixed') continue;
        const before = index.size;
        index.want(value);
        sorting.fixes.plan(value, outcome === 'fixed' ? row.note : undefined, index.size === before, row.cells);
      }
    }
  }
}

async function findInSource(sorting: TriageContext, key: Key, index: KeyIndex): Promise<void> {
  for (let part = 1; part <= sorting.plan.parts.length; part++) {
    await eachSourceKey(sorting, key, part, (value, start, end) => index.find(value, start, end));
  }
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
  for (const { part } of loaded) {
    for await (const row of resultRows(sorting, part, 'failed')) {
      const value = key?.of(row.cells);
      const outcome = outcomeOf(sorting, row);
      if (outcome === 'stop') {
        stop ??= stopError(row.note);
      }
      if (outcome === 'done') {
        await files.acceptAsDone(row);
      } else if (!final && (outcome === 'again' || outcome === 'fixed')) {
        loose ||= value === undefined;
        continue;
      } else {
        await rejections.add(row.id, row.note, row.cells);
      }
      if (value !== undefined) index.refuse(value);
    }
    for await (const row of resultRows(sorting, part, 'unprocessed')) {
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
