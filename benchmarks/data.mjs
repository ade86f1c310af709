// Source files of the benchmark: written once per run, then deleted.
import { open, rm, statfs } from 'node:fs/promises';
import { HEADER, ROW_BYTES, sourceRows } from './rows.mjs';

/** Rows by the names that `--size` accepts; parts have at most 100 MB, the maximum of a job. */
export const SIZES = {
  '95MB': 800_000,
  '100MB': 840_000,
  '1GB': 8_400_000,
  '5GB': 42_000_000,
};
export const PART_ROWS = 840_000;
export const sizeOf = (rows) => HEADER.length + rows * ROW_BYTES;

/** @returns the number of bytes */
export async function writeRows(path, first, end) {
  const file = await open(path, 'w');
  try {
    await file.write(HEADER);
    for (const block of sourceRows(first, end)) await file.write(block);
  } finally {
    await file.close();
  }
  return sizeOf(end - first);
}

/** For clients that do not split files themselves. */
export async function writeParts(folder, rows) {
  const parts = [];
  for (let first = 0; first < rows; first += PART_ROWS) {
    const path = `${folder}part-${parts.length + 1}.csv`;
    await writeRows(path, first, Math.min(rows, first + PART_ROWS));
    parts.push(path);
  }
  return parts;
}

/** A source, its copy in parts, and the results of two clients at a time. */
const SPACE_FACTOR = 5;

export async function checkSpace(folder, rows) {
  const { bavail, bsize } = await statfs(folder);
  const needed = SPACE_FACTOR * sizeOf(rows);
  if (bavail * bsize < needed) {
    throw new Error(
      `${folder} has ${gb(bavail * bsize)} left and ${gb(needed)} are needed: name another --work folder.`,
    );
  }
}

const gb = (bytes) => `${(bytes / 1e9).toFixed(1)} GB`;

export const remove = (path) => rm(path, { recursive: true, force: true });
