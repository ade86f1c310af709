/**
 * Groups the rows of a round by parent. Rows with the same parent compete for its lock if parallel batches send them,
 * but not within one batch. Sorting works in pieces that fit into memory.
 */
import { randomUUID } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { readCell } from '../../csv/cells.js';
import { eachRecordBytes, scanRecords } from '../../csv/records.js';
import { isObject } from '../../storage/locations.js';
import { readBytes, readRange } from '../../storage/read-files.js';
import { removeFile, renameFile } from '../../storage/files/file-tree.js';
import { RowFile } from '../../storage/row-file.js';
import { TimeSlice } from '../../runtime/time-slice.js';
import type { StagePlan } from '../stage/stage-plan-types.js';

/** More bytes than this are first spread over files by parent, so that each file can be sorted in memory. */
const PIECE_BYTES = 64 * 1024 * 1024;
const MAX_FILES = 64;

interface ByParent extends Pick<StagePlan, 'names' | 'delimiter'> {
  /** The column that names the parent. */
  parent: string;
  signal: AbortSignal;
  pieceBytes?: number;
}

/**
 * Sorts each stretch between the `borders` of a file by parent, keeping the order within a parent. The lengths of the
 * stretches do not change.
 */
export async function orderByParent(
  from: string,
  borders: readonly number[],
  { names, delimiter, parent, signal, pieceBytes = PIECE_BYTES }: ByParent,
): Promise<void> {
  const column = names.indexOf(parent);
  const ordered = new RowFile(`${from}.${randomUUID().slice(0, 8)}`, Buffer.alloc(0));
  try {
    for (const [index, start] of borders.slice(0, -1).entries()) {
      const end = borders[index + 1] as number;
      await order({ from, start, end }, ordered, { column, delimiter, pieceBytes, signal });
    }
  } finally {
    await ordered.close();
  }
  await renameFile(ordered.path, from);
}

async function copy(chunks: AsyncIterable<Buffer>, to: RowFile): Promise<void> {
  for await (const chunk of chunks) await to.add(chunk);
}

interface Stretch {
  from: string;
  start: number;
  end: number;
}

interface Ordering {
  column: number;
  delimiter: string;
  pieceBytes: number;
  signal: AbortSignal;
}

async function order(stretch: Stretch, to: RowFile, ordering: Ordering): Promise<void> {
  const { from, start, end } = stretch;
  const files = Math.min(MAX_FILES, Math.ceil((end - start) / ordering.pieceBytes));
  if (files <= 1) return orderInMemory(await readBytes(from, start, end), to, ordering);
  if (isObject(from)) return orderInPasses(stretch, to, { ...ordering, passes: files });
  const { column, delimiter, signal } = ordering;
  const pieces = Array.from({ length: files }, (_, n) => new RowFile(`${to.path}.${n}`, Buffer.alloc(0)));
  try {
    for await (const record of eachRecordBytes(readRange(from, start, end, signal), { delimiter })) {
      const piece = pieces[crc32(parentOf(record, column, delimiter)) % files] as RowFile;
      await piece.add(record);
    }
    for (const piece of pieces) await piece.close();
    for (const piece of pieces) {
      if (piece.rows === 0) continue;
      // So many rows with few parents cannot be split further; they stay together, as intended.
      if (piece.bytes > 4 * ordering.pieceBytes) await copy(readRange(piece.path, 0, undefined, signal), to);
      else await orderInMemory(await readBytes(piece.path, 0, piece.bytes), to, ordering);
    }
  } finally {
    for (const piece of pieces) {
      await piece.close();
      await removeFile(piece.path);
    }
  }
}

/**
 * Reads an object once for each piece: as many objects written at a time would hold several MB of memory each, and the
 * disk of a worker may be small.
 */
async function orderInPasses(
  { from, start, end }: Stretch,
  to: RowFile,
  { passes, ...ordering }: Ordering & { passes: number },
): Promise<void> {
  const { column, delimiter, pieceBytes, signal } = ordering;
  for (let pass = 0; pass < passes; pass++) {
    let piece: Buffer[] = [];
    let bytes = 0;
    for await (const record of eachRecordBytes(readRange(from, start, end, signal), { delimiter })) {
      if (crc32(parentOf(record, column, delimiter)) % passes !== pass) continue;
      bytes += record.length;
      if (bytes <= 4 * pieceBytes) piece.push(Buffer.from(record));
      else {
        // As in a piece that cannot be split.
        for (const before of piece) await to.add(before);
        piece = [];
        await to.add(record);
      }
    }
    await orderInMemory(Buffer.concat(piece), to, ordering);
  }
}

async function orderInMemory(bytes: Buffer, to: RowFile, { column, delimiter }: Ordering): Promise<void> {
  if (bytes.length === 0) return;
  /** Where each parent's rows begin and end, in order of first appearance; the order of parents does not matter. */
  const places = new Map<string, number[]>();
  const whole = async function* (): AsyncGenerator<Buffer> {
    await Promise.resolve();
    yield bytes;
  };
  await scanRecords(whole(), { delimiter }, (record, from, until) => {
    const parent = parentOf(record, column, delimiter);
    const known = places.get(parent);
    if (known === undefined) places.set(parent, [from, until]);
    else known.push(from, until);
  });
  const slice = new TimeSlice();
  for (const borders of places.values()) {
    for (let at = 0; at < borders.length; at += 2) {
      await to.add(bytes.subarray(borders[at], borders[at + 1]));
      if (slice.isOver) await slice.next();
    }
  }
}

/** Ids with 15 and 18 characters name the same parent. */
function parentOf(record: Buffer, column: number, delimiter: string): string {
  const cell = readCell(record, column, delimiter).trim();
  return /^[a-zA-Z0-9]{18}$/.test(cell) ? cell.slice(0, 15) : cell;
}
