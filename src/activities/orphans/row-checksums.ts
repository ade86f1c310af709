/**
 * Compares two sets of rows in any order and in constant memory, by the sum of their row hashes. Cells are compared as
 * result files show them, since those render numbers and times in their own way.
 */
import { decimalForm } from '../../keys/normalize-key.js';
import { withLineBreaks } from '../../csv/line-breaks.js';
import { keyHash, LANES } from '../../keys/sip-hash.js';

/**
 * The same for all sums, which are compared with each other, and another in each process, which keeps none: so nobody can
 * make a job whose rows pass for those of a part.
 */
const HASH = keyHash();

const TIME = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d/;
const SALESFORCE_ID = /^[a-zA-Z0-9]{15}(?:[A-Z0-5]{3})?$/;

/** One form for all spellings of a value. */
export function comparableCell(cell: string): string {
  const text = cell.trim();
  if (text === '' || text === '#N/A') return '';
  if (/^(?:true|false)$/i.test(text)) return text.toLowerCase();
  if (TIME.test(text)) {
    const at = Date.parse(text);
    if (Number.isFinite(at)) return `time ${at}`;
  }
  // The last three of 18 characters only encode which letters are capitals.
  if (SALESFORCE_ID.test(text)) return text.slice(0, 15);
  return decimalForm(withLineBreaks(text, '\n'));
}

/** No cell can look like two: a cell may contain any separator. */
function delimited(cell: string): string {
  return `${cell.length}:${cell}`;
}

export class RowSums {
  rows = 0;
  readonly #whole = new Int32Array(LANES);
  readonly #keys = new Int32Array(LANES);
  readonly #lanes = new Int32Array(LANES);
  readonly #keyOf: ((cells: readonly string[]) => string | undefined) | undefined;

  /** @param keyOf returns the key that identifies a row, if there is one */
  constructor(keyOf?: (cells: readonly string[]) => string | undefined) {
    this.#keyOf = keyOf;
  }

  add(cells: readonly string[]): void {
    this.rows++;
    this.#enter(this.#whole, cells.map(comparableCell).map(delimited).join(''));
    if (this.#keyOf !== undefined) this.#enter(this.#keys, this.#keyOf(cells) ?? '');
  }

  #enter(sum: Int32Array, text: string): void {
    HASH(text, this.#lanes);
    for (let lane = 0; lane < LANES; lane++) sum[lane] = ((sum[lane] ?? 0) + (this.#lanes[lane] ?? 0)) | 0;
  }

  /** Whether the rows are the same, value by value. */
  equals(other: RowSums): boolean {
    return this.rows === other.rows && same(this.#whole, other.#whole);
  }

  /**
   * Whether the rows may be the same although some values differ: equal in number, with the same keys if rows have any.
   */
  mayEqual(other: RowSums): boolean {
    return this.rows === other.rows && same(this.#keys, other.#keys);
  }
}

function same(one: Int32Array, other: Int32Array): boolean {
  return one.every((lane, n) => lane === other[n]);
}
