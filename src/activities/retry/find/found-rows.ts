/** Finds the rows of wanted keys in the source, in one pass that keeps their bytes, and sends those that are certain. */
import { readCells } from '../../../csv/cells.js';
import { parseRowError } from '../../../domain/platform/row-errors.js';
import { TimeSlice } from '../../../runtime/time-slice.js';
import { removeFile } from '../../../storage/files/file-tree.js';
import { readRanges } from '../../../storage/read-files.js';
import type { KeyIndex } from './retry-key-index.js';
import { searchSource } from './source-keys.js';
import type { Key, SourceVisitor } from './source-keys.js';
import type { TriageContext } from '../triage-context.js';

/** Keeps the bytes of wanted rows, so that the source is read once. */
export async function findInSource(sorting: TriageContext, key: Key, index: KeyIndex): Promise<void> {
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

/** Adjacent rows are written together up to this size. */
const MAX_RUN = 256 * 1024;

/** Sends the source's rows that are certain, or leaves them for people. */
export async function sendFound(sorting: TriageContext, key: Key | undefined, index: KeyIndex): Promise<void> {
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
