/**
 * Which rows of a stage are to be found again, by key, and what the source has of them. Memory grows with those rows
 * only, some 35 bytes each: keys are kept as hashes, and places in the source as differences.
 */
import { IntList, RowList } from './key-lists.js';
import { KeyTable } from './key-table.js';
import type { KeyHash } from './key-hash.js';

/**
 * What to do with the rows of a key.
 * - `source`: as many source rows as wanted ones: the source's own bytes are sent.
 * - `result`: no certain match: the values that the result file shows are sent.
 * - `ambiguous`: some rows of the key landed and some did not; an older value must not overwrite a newer one.
 */
export type Verdict = 'source' | 'result' | 'ambiguous';

/** A state is twice a count, plus one when rows were refused. */
const ROW = 2;
const REFUSED = 1;
/** More source rows of one key are not counted: no result file has as many. */
const LOWEST = -(2 ** 31) + ROW;

/** Used in this order: all that is wanted, then the source from its beginning to its end, then the rest. */
export class KeyIndex {
  readonly #keys: KeyTable;
  /** By the key's number: twice the rows of result files less those of the source, plus `REFUSED`. */
  readonly #states = new IntList();
  readonly #rows = new RowList();
  /** By the key's number: wanted rows of result files, as far as one or more than one goes. */
  readonly #several = new Set<number>();
  #searched = false;

  /** @param hash for tests */
  constructor(hash?: KeyHash) {
    this.#keys = new KeyTable(hash);
  }

  get size(): number {
    return this.#keys.size;
  }

  /** Notes a row of a result file that is to be sent again. */
  want(key: string): void {
    // The rows of the source that were passed over would be missing.
    if (this.#searched) throw new Error('a key is wanted after the source was searched');
    const number = this.#keys.add(key);
    if (number === this.#states.length) this.#states.push(ROW);
    else {
      this.#states.set(number, this.#states.get(number) + ROW);
      this.#several.add(number);
    }
  }

  /** Notes a row that failed for good, if rows of its key are wanted. */
  refuse(key: string): void {
    const number = this.#keys.numberOf(key);
    if (number !== -1) this.#states.set(number, (this.#states.get(number) + ROW) | REFUSED);
  }

  /** Notes a row of the source, if rows of its key are wanted. */
  find(key: string, start: number, end: number): void {
    this.#searched = true;
    const number = this.#keys.numberOf(key);
    if (number === -1) return;
    const state = this.#states.get(number) - ROW;
    if (state >= LOWEST) this.#states.set(number, state);
    // With more rows than are wanted, none is taken from the source: their places need no memory.
    if (state >= 0) this.#rows.add(number, start, end);
  }

  verdict(key: string): Verdict {
    const number = this.#keys.numberOf(key);
    return number === -1 ? 'result' : this.#verdict(number);
  }

  /** Whether more than one row of a key is wanted: result files show them in an order of their own. */
  hasSeveral(key: string): boolean {
    const number = this.#keys.numberOf(key);
    return number !== -1 && this.#several.has(number);
  }

  /** Whether that is so for any key. */
  get anySeveral(): boolean {
    return this.#several.size > 0;
  }

  /** Whether any row must be taken from, or rejected out of, the result files. */
  get needsResults(): boolean {
    for (let number = 0; number < this.#keys.size; number++) if (this.#verdict(number) !== 'source') return true;
    return false;
  }

  /** Source rows to be sent again, in the order of the file. */
  *sourceRanges(): Generator<{ start: number; end: number }> {
    for (const { key, start, end } of this.#rows) if (this.#verdict(key) === 'source') yield { start, end };
  }

  #verdict(number: number): Verdict {
    const state = this.#states.get(number);
    if (state === 0) return 'source';
    return state < 0 ? 'ambiguous' : 'result';
  }
}
