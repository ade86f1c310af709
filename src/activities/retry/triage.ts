/** Sorts the rows in passes over the result files and, if rows must be identified by key, one pass over the source. */
import { isDelete } from '../../domain/platform/operations.js';
import type { LoadError } from '../../contract/load-result.js';
import { readCells } from '../../csv/cells.js';
import type { ResultRow } from '../../rows/result-file.js';
import { classify, isDone, mayPassUnchanged, parseRowError, stopError } from '../../domain/platform/row-errors.js';
import { removeFile } from '../../storage/files/file-tree.js';
import { readRanges } from '../../storage/read-files.js';
import { IncompleteRows, incompleteRow } from './blank-result-cells.js';
import { KeyIndex } from './retry-key-index.js';
import { KeySet } from '../../keys/key-set.js';
import { duplicateKey, Rejections } from './write-rejected-rows.js';
import type { StagePlan } from '../stage/stage-plan-types.js';
import { TimeSlice } from '../../runtime/time-slice.js';
import type { PartOutcome } from '../../protocol/activities/ended-parts.js';
import { resultBatches, resultRows } from './read-result-rows.js';
import type { HashedRows } from './read-result-rows.js';
import { RowsSentAgain } from './rows-sent-again.js';
import { formOf, keyFunction, searchSource } from './source-keys.js';
import type { Key, SourceVisitor } from './source-keys.js';
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
  if (!final && fixes.size === 0 && !index.needsResults) files.sendAllFound();
  else await sendFound(sorting, key, index);
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

async function* each<T>(batches: AsyncIterable<readonly T[]>): AsyncGenerator<T> {
  for await (const batch of batches) yield* batch;
}

/** @returns an index that expects as many keys as these parts have rows to be found again */
function indexFor(plan: StagePlan, { loaded, whole }: { loaded: PartOutcome[]; whole: number[] }): KeyIndex {
  let keys = 0;
  for (const { counts, missing } of loaded) keys += counts.failed + counts.unprocessed + missing;
  for (const part of whole) keys += plan.parts[part - 1]?.records ?? 0;
  return new KeyIndex({ keys, ...defined({ form: plan.key && formOf(plan.key) }) });
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

/** Adjacent rows are written together up to this size. */
const MAX_RUN = 256 * 1024;

/** Sends the source's rows that are certain, or leaves them for people. */
async function sendFound(sorting: TriageContext, key: Key | undefined, index: KeyIndex): Promise<void> {
  const { files, final, fixes, signal } = sorting;
  const { found } = files;
  if (found.rows === 0) return;
  await found.close();
  const slice = new TimeSlice();
  if (!final && fixes.size === 0) {
    // Of the runs that are being read.
    const rows: number[] = [];
    const runs = function* (): Generator<{ start: number; end: number }> {
      for (const run of index.sourceRuns(MAX_RUN)) {
        rows.push(run.rows);
        yield run;
      }
    };
    for await (const bytes of readRanges(found.path, runs(), signal)) {
      if (slice.isOver) await slice.next();
      await files.sendFoundAgain(bytes, rows.shift() as number);
    }
  } else {
    for await (const record of readRanges(found.path, index.sourceRanges(), signal)) {
      if (slice.isOver) await slice.next();
      if (final) await files.leaveRecordUnprocessed(record);
      else await sendSourceRow(sorting, record, key as Key, index);
    }
  }
  await removeFile(found.path);
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
async function wantRetried(
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

/** Keeps the bytes of wanted rows, so that the source is read once. */
async function findInSource(sorting: TriageContext, key: Key, index: KeyIndex): Promise<void> {
  const { files } = sorting;
  const { found } = files;
  const { scan } = index;
  const putKept = (): void => {
    const rows = scan.keptRows;
    if (rows > 0) found.putAll(scan.takeKept(), rows);
  };
  const visitor: SourceVisitor = {
    onHash(at, bytes, start, end) {
      const position = found.bytes + scan.keptBytes;
      if (!index.findHash(at, position, position + end - start) || scan.keep(start, end)) return;
      putKept();
      if (!scan.keep(start, end)) found.putAll(bytes.subarray(start, end), 1);
    },
    onKey(value, record) {
      const bytes = files.withLineEnd(record);
      putKept();
      if (index.find(value, found.bytes, found.bytes + bytes.length)) found.putAll(bytes, 1);
    },
    prepare: (hashes) => index.readAhead(hashes),
  };
  for (let part = 1; part <= sorting.plan.parts.length; part++) {
    for await (const _ of searchSource(sorting, { key, part, scan, task: 'find' }, visitor)) {
      if (found.isFull) await found.flush();
    }
  }
  putKept();
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
