/**
 * Which row had a key first: 26 to 31 bytes a row whatever its key (up to 37 while the table grows), so 50 million rows take
 * some 1.5 GB.
 */
import { KeyTable } from './key-table.js';
import { IntList } from './typed-lists.js';

export class FirstRows {
  readonly #keys = new KeyTable();
  /** By number of the key. */
  readonly #rows = new IntList();

  /**
   * @param row from 1, below 2^32
   * @returns the row that had this key before, else undefined, and the given row is from now on the first
   */
  add(key: string, row: number): number | undefined {
    const known = this.#keys.size;
    const number = this.#keys.add(key);
    if (number < known) return this.#rows.get(number) >>> 0;
    this.#rows.push(row);
    return undefined;
  }
}
