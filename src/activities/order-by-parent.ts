/**
 * Rows that name the same parent fight for its lock when batches run side by side; one after the other they do not. So
 * the rows of a round are put together by parent, in pieces that fit into memory.
 */
import { randomUUID } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { readCell } from '../csv/cells.js';
import { eachRecordBytes, scanRecords } from '../csv/records.js';
import { readBytes, readRange, removeFile, renameFile } from '../storage/files.js';
import { RowFile } from '../storage/row-file.js';
import { TimeSlice } from '../time-slice.js';
import type { StagePlan } from './stage.js';

/** Rows of more bytes are first spread over files by parent, so that each of those can be sorted in memory. */
const PIECE_BYTES = 64 * 1024 * 1024;
const MOST_FILES = 64;

/**
 * Orders the stretches between the `borders` of a file, each for itself, by parent, with rows of one parent in
 * their old order. Their lengths do not change.
 */
export async function orderByParent(
  from: string,
  borders: readonly number[],
  { names, delimiter, parent }: Pick<StagePlan, 'names' | 'delimiter'> & { parent: string },
  signal: AbortSignal,
  pieceBytes = PIECE_BYTES,
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

interface Ordering {
  column: number;
  delimiter: string;
  pieceBytes: number;
  signal: AbortSignal;
}

async function order(
  { from, start, end }: { from: string; start: number; end: number },
  to: RowFile,
  ordering: Ordering,
): Promise<void> {
  const files = Math.min(MOST_FILES, Math.ceil((end - start) / ordering.pieceBytes));
  if (files <= 1) return orderInMemory(from, start, end, to, ordering);
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
      // So many rows of few parents cannot be taken apart any further; they stay together, which is what matters.
      if (piece.bytes > 4 * ordering.pieceBytes) await copy(readRange(piece.path, 0, undefined, signal), to);
      else await orderInMemory(piece.path, 0, piece.bytes, to, ordering);
    }
  } finally {
    for (const piece of pieces) {
      await piece.close();
      await removeFile(piece.path);
    }
  }
}

async function orderInMemory(
  path: string,
  start: number,
  end: number,
  to: RowFile,
  { column, delimiter }: Ordering,
): Promise<void> {
  if (end === start) return;
  const bytes = await readBytes(path, start, end);
  /** Where the rows of each parent begin and end, in the order in which parents come: which one is first does not matter. */
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
