/** Rejected rows as people get them. */
import { readCell, readCells } from '../csv/cells.js';
import { eachRecordBytes } from '../csv/records.js';
import { readRange } from '../storage/files.js';
import type { Key, Sorting } from './sorting.js';
import { isAsPlanned } from './stage.js';

/** Each takes some 600 bytes; the original is read once for so many. */
const MOST_WAITING = 100_000;

interface Waiting {
  id: string;
  error: string;
  cells: readonly string[];
}

/** Rejected rows; those of a delete, which sent ids only, get their other columns back from the file. */
export class Rejections {
  readonly #sorting: Sorting;
  readonly #key: Key | undefined;
  readonly #mostWaiting: number;
  readonly #waiting = new Map<string, Waiting[]>();
  #count = 0;

  constructor(sorting: Sorting, key: Key | undefined, mostWaiting = MOST_WAITING) {
    this.#sorting = sorting;
    this.#key = key;
    this.#mostWaiting = mostWaiting;
  }

  async add(id: string, error: string, cells: readonly string[]): Promise<void> {
    const { files, plan } = this.#sorting;
    if (plan.original === undefined) return files.reject(id, error, cells);
    const value = this.#key?.of(cells) ?? '';
    const rows = this.#waiting.get(value);
    if (rows === undefined) this.#waiting.set(value, [{ id, error, cells }]);
    else rows.push({ id, error, cells });
    if (++this.#count >= this.#mostWaiting) await this.finish();
  }

  async finish(): Promise<void> {
    const { files, plan, signal } = this.#sorting;
    const { original } = plan;
    if (original === undefined || this.#count === 0) return;
    const { delimiter, columns } = original;
    const idAt = columns.findIndex(({ name }) => name.toLowerCase() === 'id');
    const place = columns[idAt]?.index ?? 0;
    // Without the original, its other columns stay blank: the Id and the reason are what matters.
    if (await isAsPlanned(original.path, original.fingerprint)) {
      const bytes = readRange(original.path, original.dataStart, undefined, signal);
      for await (const record of eachRecordBytes(bytes, { delimiter })) {
        const row = this.#waiting.get(this.#key?.of([readCell(record, place, delimiter)]) ?? '')?.shift();
        if (row === undefined) continue;
        const cells = readCells(record, delimiter);
        await files.reject(
          row.id,
          row.error,
          columns.map(({ index }) => cells[index] ?? ''),
        );
        if (--this.#count === 0) break;
      }
    }
    for (const rows of this.#waiting.values()) {
      for (const { id, error, cells } of rows) {
        await files.reject(
          id,
          error,
          columns.map((_, i) => (i === idAt ? (cells[0] ?? '') : '')),
        );
      }
    }
    this.#waiting.clear();
    this.#count = 0;
  }
}
