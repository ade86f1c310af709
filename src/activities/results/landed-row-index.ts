/**
 * Maps keys to ids of landed rows, in at most 50 bytes each outside of the JavaScript heap. It assigns an id to a
 * source row only if the match is certain.
 */
import { IntList } from '../../keys/typed-lists.js';
import { KeyTable } from '../../keys/key-table.js';
import type { KeyHash } from '../../keys/sip-hash.js';

export interface Landed {
  id: string;
  /** `true` or `false`; blank when several rows of the key landed, one of which created the record. */
  created: string;
}

const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
/** Five characters of an id fit in 32 bits; the fourth group has the last three, or none. */
const GROUP = 5;
const GROUPS = 4;
const NONE = -1;
const ID = /^[0-9A-Za-z]{15}(?:[0-9A-Za-z]{3})?$/;

/** A state is a count times eight, plus flags about the key. */
const ROW = 8;
/** Its rows have several ids, or an invalid one. */
const CONFLICT = 1;
const CREATED = 2;
const UPDATED = 4;
/** Not counted below this: no result file has so many rows with one key. */
const LOWEST = -(2 ** 31) + ROW;

/** Call in this order: all landed rows, then all source rows, then the verdicts. */
export class LandedIndex {
  readonly #keys: KeyTable;
  readonly #ids = new IntList();
  /** By the key's number: landed rows minus source rows, plus flags. */
  readonly #states = new IntList();

  /** @param hash for tests */
  constructor(hash?: KeyHash) {
    this.#keys = new KeyTable(hash);
  }

  land(key: string, id: string, created: string): void {
    const packed = pack(id);
    const flags = (packed === undefined ? CONFLICT : 0) | (created === 'true' ? CREATED : UPDATED);
    const number = this.#keys.add(key);
    if (number === this.#states.length) {
      this.#states.push(ROW | flags);
      for (const group of packed ?? new Array<number>(GROUPS).fill(NONE)) this.#ids.push(group);
      return;
    }
    const other = packed?.some((group, i) => group !== this.#ids.get(number * GROUPS + i)) === true;
    this.#states.set(number, (this.#states.get(number) + ROW) | flags | (other ? CONFLICT : 0));
  }

  /** Counts a source row. */
  find(key: string): void {
    const number = this.#keys.numberOf(key);
    if (number === -1) return;
    const state = this.#states.get(number);
    if (state >= LOWEST) this.#states.set(number, state - ROW);
  }

  /** Undefined unless every source row with this key landed, all in one record. */
  verdict(key: string): Landed | undefined {
    const number = this.#keys.numberOf(key);
    if (number === -1) return undefined;
    const state = this.#states.get(number);
    if (state < 0 || state >= ROW || (state & CONFLICT) !== 0) return undefined;
    const groups = Array.from({ length: GROUPS }, (_, i) => this.#ids.get(number * GROUPS + i));
    const both = CREATED | UPDATED;
    return {
      id: unpack(groups),
      created: (state & both) === both ? '' : String((state & CREATED) !== 0),
    };
  }
}

function pack(id: string): number[] | undefined {
  if (!ID.test(id)) return undefined;
  return Array.from({ length: GROUPS }, (_, group) => {
    const text = id.slice(group * GROUP, (group + 1) * GROUP);
    if (text === '') return NONE;
    let value = 0;
    for (const digit of text) value = value * 62 + DIGITS.indexOf(digit);
    return value;
  });
}

function unpack(groups: readonly number[]): string {
  return groups.map((group, i) => (group === NONE ? '' : unpackGroup(group, i === GROUPS - 1 ? 3 : GROUP))).join('');
}

function unpackGroup(group: number, length: number): string {
  let text = '';
  for (let left = group; text.length < length; left = Math.floor(left / 62)) text = DIGITS.charAt(left % 62) + text;
  return text;
}
