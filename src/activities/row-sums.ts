/**
 * Whether two sets of rows are the same, in any order and in constant memory: the sum of the hashes of their rows. Cells
 * are compared as result files show them, which render numbers and times in their own way.
 */
import { decimalForm } from '../csv/keys.js';
import { withLineBreaks } from '../csv/line-breaks.js';
import { keyHash, LANES } from './key-hash.js';

const TIME = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d/;
const SALESFORCE_ID = /^[a-zA-Z0-9]{15}(?:[A-Z0-5]{3})?$/;

/** One form for all cells that may be the same value. */
export function comparableCell(cell: string): string {
  const text = cell.trim();
  if (text === '' || text === '#N/A') return '';
  if (/^(?:true|false)$/i.test(text)) return text.toLowerCase();
  if (TIME.test(text)) {
    const at = Date.parse(text);
    if (Number.isFinite(at)) return `time ${at}`;
  }
  // The last three of 18 characters only repeat which letters are capitals.
  if (SALESFORCE_ID.test(text)) return text.slice(0, 15);
  return decimalForm(withLineBreaks(text, '\n'));
}

export class RowSums {
  rows = 0;
  readonly #whole = new Int32Array(LANES);
  readonly #keys = new Int32Array(LANES);
  readonly #lanes = new Int32Array(LANES);
  readonly #hash = keyHash(0);
  readonly #keyOf: ((cells: readonly string[]) => string | undefined) | undefined;

  /** @param keyOf gives the key by which rows are told apart, where there is one */
  constructor(keyOf?: (cells: readonly string[]) => string | undefined) {
    this.#keyOf = keyOf;
  }

  add(cells: readonly string[]): void {
    this.rows++;
    this.#enter(this.#whole, cells.map(comparableCell).join('\u001f'));
    if (this.#keyOf !== undefined) this.#enter(this.#keys, this.#keyOf(cells) ?? '');
  }

  #enter(sum: Int32Array, text: string): void {
    this.#hash(text, this.#lanes);
    for (let lane = 0; lane < LANES; lane++) sum[lane] = ((sum[lane] ?? 0) + (this.#lanes[lane] ?? 0)) | 0;
  }

  /** The same rows, value by value. */
  equals(other: RowSums): boolean {
    return this.rows === other.rows && same(this.#whole, other.#whole);
  }

  /** Whether these may be the same rows although not every value agrees: as many, with the same keys where rows have any. */
  mayEqual(other: RowSums): boolean {
    return this.rows === other.rows && same(this.#keys, other.#keys);
  }
}

function same(one: Int32Array, other: Int32Array): boolean {
  return one.every((lane, n) => lane === other[n]);
}
