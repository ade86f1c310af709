/** Rejected rows as people get them. */
import { eachRecord } from '../csv/records.js';
import { readRange } from '../storage/files.js';
import type { Key, Sorting } from './sorting.js';
import { isAsPlanned } from './stage.js';

/** Rejected rows; those of a delete, which sent ids only, get their other columns back from the file. */
export class Rejections {
  readonly #sorting: Sorting;
  readonly #key: Key | undefined;
  readonly #waiting = new Map<string, { id: string; error: string; cells: readonly string[] }[]>();

  constructor(sorting: Sorting, key: Key | undefined) {
    this.#sorting = sorting;
    this.#key = key;
  }

  async add(id: string, error: string, cells: readonly string[]): Promise<void> {
    const { files, plan } = this.#sorting;
    if (plan.original === undefined) return files.reject(id, error, cells);
    const value = this.#key?.of(cells) ?? '';
    const rows = this.#waiting.get(value);
    if (rows === undefined) this.#waiting.set(value, [{ id, error, cells }]);
    else rows.push({ id, error, cells });
  }

  async finish(): Promise<void> {
    const { files, plan, signal } = this.#sorting;
    const { original } = plan;
    if (original === undefined || this.#waiting.size === 0) return;
    const idColumn = original.columns.findIndex(({ name }) => name.toLowerCase() === 'id');
    // Without the original, its other columns stay blank: the Id and the reason are what matters.
    const records = (await isAsPlanned(original.path, original.fingerprint))
      ? eachRecord(readRange(original.path, original.dataStart, undefined, signal), { delimiter: original.delimiter })
      : [];
    for await (const cells of records) {
      const shown = original.columns.map(({ index }) => cells[index] ?? '');
      const row = this.#waiting.get(this.#key?.of([shown[idColumn] ?? '']) ?? '')?.shift();
      if (row !== undefined) await files.reject(row.id, row.error, shown);
    }
    for (const rows of this.#waiting.values()) {
      for (const row of rows) {
        await files.reject(
          row.id,
          row.error,
          original.columns.map((_, i) => (i === idColumn ? (row.cells[0] ?? '') : '')),
        );
      }
    }
    this.#waiting.clear();
  }
}
