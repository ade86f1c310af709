/**
 * Indexes by key the rows of a stage that must be found again, and their source rows. Memory grows with those rows
 * only, about 37 bytes each: keys are stored as hashes, source positions as differences, and a filter has 1 to 3 bytes.
 */
import { IntList, RowList } from '../../../keys/typed-lists.js';
import { KeyTable } from '../../../keys/key-table.js';
import type { HashPlaces } from '../../../keys/key-table.js';
import type { KeyForm } from '../../../keys/normalize-key.js';
import type { KeyHash } from '../../../keys/sip-hash.js';
import { KeyScan, MAX_RECORDS } from '../../../keys/wasm/key-scan.js';

/**
 * What to do with the rows of a key.
 * - `source`: there are as many source rows as wanted ones, so the source's own bytes are sent.
 * - `result`: there is no certain match, so the values of the result file are sent.
 * - `ambiguous`: some rows of the key landed and some did not; an older value must not overwrite a newer one.
 */
export type Verdict = 'source' | 'result' | 'ambiguous';

/** A state is twice a count, plus one when rows were refused. */
const ROW = 2;
const REFUSED = 1;
/** Not counted below this: no result file has so many rows with one key. */
const LOWEST = -(2 ** 31) + ROW;

export interface IndexOptions {
  /** For tests. */
  hash?: KeyHash;
  /** How the keys are compared; needed for `scan`. */
  form?: KeyForm;
  /** How many keys will be wanted, about. @default few */
  keys?: number;
}

/** Call in this order: all wanted rows, then the source from beginning to end, then the rest. */
export class KeyIndex {
  readonly #keys: KeyTable;
  /** Finds rows whose keys may be wanted. */
  readonly #scan: KeyScan | undefined;
  readonly #numbers = new Int32Array(MAX_RECORDS);
  /** By the key's number: twice the rows of result files minus those of the source, plus `REFUSED`. */
  readonly #states = new IntList();
  readonly #rows = new RowList();
  /** Numbers of keys with more than one wanted row in result files. */
  readonly #several = new Set<number>();
  #searched = false;

  constructor({ hash, form, keys = 0 }: IndexOptions = {}) {
    this.#keys = new KeyTable(hash, keys);
    if (form !== undefined) this.#scan = new KeyScan({ secret: this.secret, form, keys });
  }

  /** Its hashes are those of this index. */
  get scan(): KeyScan {
    return this.#scan as KeyScan;
  }

  /** Call before the index gets many hashes: it makes that faster. */
  readAhead(hashes: HashPlaces): void {
    const numbers = this.#numbers;
    const count = this.#keys.readAhead(this.scan.words, hashes, numbers);
    let read = 0;
    for (let n = 0; n < count; n++) read ^= this.#states.get(numbers[n] as number);
    this.#keys.lastRead = read;
  }

  get secret(): Uint8Array {
    return this.#keys.secret as Uint8Array;
  }

  get size(): number {
    return this.#keys.size;
  }

  /** Counts a row of a result file that must be sent again. */
  want(key: string): void {
    // The source rows already passed would be missing.
    if (this.#searched) throw new Error('a key was requested after the source was searched');
    this.#scan?.add(key);
    this.#want(this.#keys.add(key));
  }

  /** As {@link want}, for a hash of `scan`, which added the key to its filter. */
  wantHash(at: number): void {
    this.#want(this.#keys.addHash(this.scan.words, at));
  }

  #want(number: number): void {
    if (number === this.#states.length) this.#states.push(ROW);
    else {
      this.#states.set(number, this.#states.get(number) + ROW);
      this.#several.add(number);
    }
  }

  /** Records a row that failed permanently, if rows of its key are wanted. */
  refuse(key: string): void {
    const number = this.#keys.numberOf(key);
    if (number !== -1) this.#states.set(number, (this.#states.get(number) + ROW) | REFUSED);
  }

  /**
   * Records a source row, if rows of its key are wanted.
   * @param start where its bytes are kept, if it may be sent; rows are kept in the order of the source
   * @returns whether it may be sent
   */
  find(key: string, start: number, end: number): boolean {
    return this.#find(this.#keys.numberOf(key), start, end);
  }

  /** As {@link find}, for a hash of `scan`. */
  findHash(at: number, start: number, end: number): boolean {
    return this.#find(this.#keys.numberOfHash(this.scan.words, at), start, end);
  }

  #find(number: number, start: number, end: number): boolean {
    this.#searched = true;
    if (number === -1) return false;
    const state = this.#states.get(number) - ROW;
    if (state >= LOWEST) this.#states.set(number, state);
    // If the source has more rows than are wanted, none is taken from it, so their positions need no memory.
    if (state < 0) return false;
    this.#rows.add(number, start, end);
    return true;
  }

  verdict(key: string): Verdict {
    const number = this.#keys.numberOf(key);
    return number === -1 ? 'result' : this.#verdict(number);
  }

  /** Whether more than one row of a key is wanted: result files do not keep the source order. */
  hasSeveral(key: string): boolean {
    const number = this.#keys.numberOf(key);
    return number !== -1 && this.#several.has(number);
  }

  /** Whether any key has several wanted rows. */
  get anySeveral(): boolean {
    return this.#several.size > 0;
  }

  /** Whether any row must be sent or rejected from the result files. */
  get needsResults(): boolean {
    for (let number = 0; number < this.#keys.size; number++) if (this.#verdict(number) !== 'source') return true;
    return false;
  }

  /** Source rows to be sent again, in the order of the file, where they are kept. */
  *sourceRanges(): Generator<{ start: number; end: number }> {
    for (const { key, start, end } of this.#rows) if (this.#verdict(key) === 'source') yield { start, end };
  }

  /** The same, with adjacent rows together, in runs of up to so many bytes, or of one row. */
  *sourceRuns(maxBytes: number): Generator<{ start: number; end: number; rows: number }> {
    let run: { start: number; end: number; rows: number } | undefined;
    for (const { start, end } of this.sourceRanges()) {
      if (run?.end === start && end - run.start <= maxBytes) {
        run.end = end;
        run.rows++;
        continue;
      }
      if (run !== undefined) yield run;
      run = { start, end, rows: 1 };
    }
    if (run !== undefined) yield run;
  }

  #verdict(number: number): Verdict {
    const state = this.#states.get(number);
    if (state === 0) return 'source';
    return state < 0 ? 'ambiguous' : 'result';
  }
}
