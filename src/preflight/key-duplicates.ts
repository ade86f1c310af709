/**
 * Which row had a key first. One entry takes 12 bytes: 64 bits of hash and the row's number; tables are filled to
 * between 64 and 80 %, so a row costs 15 to 19 bytes whatever its key, and 50 million rows 0.75 to 0.95 GB.
 * Two different keys may share a hash: once in some 10^4 files of 50 million rows.
 */

import { randomInt } from 'node:crypto';

const TABLES = 256;
const FIRST_SIZE = 16;
const FULL = 0.8;
const GROWTH = 1.25;
/** Numbers of an entry: low and high half of the hash, row. No row is 0, so that 0 marks a free entry. */
const ENTRY = 3;

export class FirstRows {
  /** Many small tables instead of a large one: while one of them grows, only that one exists twice. */
  readonly #tables: Uint32Array[] = Array.from({ length: TABLES }, () => new Uint32Array(FIRST_SIZE * ENTRY));
  readonly #counts = new Uint32Array(TABLES);
  readonly #seed: number;

  /** @param seed nobody can choose keys that lie all in one place as long as they do not know it */
  constructor(seed = randomInt(2 ** 32)) {
    this.#seed = seed;
  }

  /**
   * @param row from 1, below 2^32
   * @returns the row that had this key before, else undefined, and the given row is from now on the first
   */
  add(key: string, row: number): number | undefined {
    const hash = hash64(key, this.#seed);
    const number = hash.high >>> 24;
    let table = this.#tables[number] as Uint32Array;
    const count = this.#counts[number] as number;
    if (count * ENTRY >= table.length * FULL) {
      table = grown(table);
      this.#tables[number] = table;
    }
    const at = find(table, hash.low, hash.high);
    const first = table[at + 2] as number;
    if (first !== 0) return first;
    put(table, at, hash.low, hash.high, row);
    this.#counts[number] = count + 1;
    return undefined;
  }

  get bytes(): number {
    return this.#tables.reduce((sum, table) => sum + table.byteLength, 0);
  }
}

/** Where the entry of a hash is, or the free place where it belongs. */
function find(table: Uint32Array, low: number, high: number): number {
  const { length } = table;
  let at = Math.floor((low * (length / ENTRY)) / 0x100000000) * ENTRY;
  while (table[at + 2] !== 0 && (table[at] !== low || table[at + 1] !== high)) {
    at += ENTRY;
    if (at === length) at = 0;
  }
  return at;
}

function put(table: Uint32Array, at: number, low: number, high: number, row: number): void {
  table[at] = low;
  table[at + 1] = high;
  table[at + 2] = row;
}

/** Entries lie in the order of their hashes, so they move almost in one sweep. */
function grown(table: Uint32Array): Uint32Array {
  const larger = new Uint32Array(Math.ceil((table.length / ENTRY) * GROWTH) * ENTRY);
  for (let from = 0; from < table.length; from += ENTRY) {
    const row = table[from + 2] as number;
    if (row === 0) continue;
    const low = table[from] as number;
    const high = table[from + 1] as number;
    put(larger, find(larger, low, high), low, high, row);
  }
  return larger;
}

/** Given out again and again: a row should leave no garbage. */
const result = { low: 0, high: 0 };

/** Two lanes of which the second takes in the first: 64 bits that a change anywhere in the text changes. */
export function hash64(text: string, seed = 0): Readonly<{ low: number; high: number }> {
  let a = 0x9e3779b9 ^ text.length ^ seed;
  let b = 0x85ebca6b ^ Math.imul(seed, 0xc2b2ae35);
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    a = Math.imul(a ^ code, 0x2c1b3c6d);
    a ^= a >>> 15;
    b ^= code;
    b = Math.imul(((b << 11) | (b >>> 21)) + a, 0x297a2d39);
  }
  a = mixed(a ^ (b >>> 7));
  b = mixed(b ^ a);
  result.low = a >>> 0;
  result.high = b >>> 0;
  return result;
}

function mixed(value: number): number {
  let mix = value ^ (value >>> 16);
  mix = Math.imul(mix, 0x85ebca6b);
  mix ^= mix >>> 13;
  mix = Math.imul(mix, 0xc2b2ae35);
  return mix ^ (mix >>> 16);
}
