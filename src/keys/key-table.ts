/**
 * Numbers keys from 0 in order of arrival, in about 22 to 27 bytes each (up to 33 while it grows), outside the
 * JavaScript heap: a load may have millions of failed rows. It grows gradually, so that no key takes long.
 */
import { randomBytes } from 'node:crypto';
import { IntList } from './typed-lists.js';
import { keyHash, LANES, SECRET_BYTES } from './sip-hash.js';
import type { KeyHash } from './sip-hash.js';

const FIRST_SLOTS = 16;
/** 128 MB: an expectation may be wrong. */
const MAX_FIRST_SLOTS = 2 ** 25;
/** Numbers moved into the larger slots with each new key: all are moved long before the slots must grow again. */
const MOVED_AT_ONCE = 4;

/** Where hashes are in a list. */
export interface HashPlaces {
  first: number;
  /** From one to the next. */
  step: number;
  count: number;
}

export class KeyTable {
  /** Only so that reading ahead is not optimized away. */
  lastRead = 0;
  /** Of the hash: for those who hash many keys at a time. Undefined if the hash has none. */
  readonly secret: Uint8Array | undefined;
  readonly #hash: KeyHash;
  readonly #lanes = new Int32Array(LANES);
  /** Hashes by number. */
  readonly #hashes = new IntList();
  /**
   * Open addressing, at most three quarters full. A slot holds a number + 1 in as many low bits as the count of slots
   * has, and bits of the hash above them, so that most foreign keys are recognized without reading the hashes. 0 is
   * free.
   */
  #slots: Int32Array;
  /** The slots before they grew, until all their numbers have moved. */
  #smaller: Int32Array | undefined;
  /** Numbers below this one have moved. */
  #moved = 0;
  /** How many there were when the slots grew. */
  #toMove = 0;
  #size = 0;

  /**
   * @param hash for tests, or a secret that another table has too
   * @param expected number of keys: up to it, the table need not grow
   */
  constructor(hash: KeyHash | Uint8Array = randomBytes(SECRET_BYTES), expected = 0) {
    let slots = FIRST_SLOTS;
    while (slots * 3 < expected * 4 && slots < MAX_FIRST_SLOTS) slots *= 2;
    this.#slots = new Int32Array(slots);
    this.secret = typeof hash === 'function' ? undefined : hash;
    this.#hash = typeof hash === 'function' ? hash : keyHash(hash);
  }

  get size(): number {
    return this.#size;
  }

  /** The number of a key, or -1. */
  numberOf(key: string): number {
    this.#hash(key, this.#lanes);
    return this.#known(this.#slotOf(this.#slots));
  }

  /** The number of the key with the hash at a place of a list, or -1. */
  numberOfHash(words: Int32Array, at: number): number {
    this.#take(words, at);
    return this.#known(this.#slotOf(this.#slots));
  }

  /** As {@link add}, for a hash. */
  addHash(words: Int32Array, at: number): number {
    this.#take(words, at);
    return this.#add();
  }

  /**
   * Reads what lookups of hashes will read. These are far apart in memory, and the processor waits for many of them at
   * the same time if nothing depends on them.
   * @param numbers receives probable numbers of the keys
   * @returns how many
   */
  readAhead(words: Int32Array, { first, step, count }: HashPlaces, numbers: Int32Array): number {
    const slots = this.#slots;
    const mask = slots.length - 1;
    for (let n = 0, at = first; n < count; n++, at += step) {
      numbers[n] = slots[(words[at] as number) & mask] as number;
    }
    let probable = 0;
    let read = 0;
    for (let n = 0, at = first + 1; n < count; n++, at += step) {
      const slot = numbers[n] as number;
      if (slot === 0 || (slot & ~mask) !== ((words[at] as number) & ~mask)) continue;
      const number = (slot & mask) - 1;
      read ^= this.#hashes.get(number * LANES);
      numbers[probable++] = number;
    }
    this.lastRead = read;
    return probable;
  }

  #take(words: Int32Array, at: number): void {
    for (let lane = 0; lane < LANES; lane++) this.#lanes[lane] = words[at + lane] as number;
  }

  /** The number of a key; a new one if the table did not have the key. */
  add(key: string): number {
    this.#hash(key, this.#lanes);
    return this.#add();
  }

  #add(): number {
    const at = this.#slotOf(this.#slots);
    const known = this.#known(at);
    if (known !== -1) return known;
    for (const lane of this.#lanes) this.#hashes.push(lane);
    const number = this.#size++;
    this.#slots[at] = this.#slotValue(number, this.#lanes[1] as number);
    if (this.#smaller !== undefined) this.#move();
    else if (this.#size * 4 > this.#slots.length * 3) this.#grow();
    return number;
  }

  /** @param at slot of the current hash */
  #known(at: number): number {
    const number = numberIn(this.#slots, at);
    const smaller = this.#smaller;
    return number !== -1 || smaller === undefined ? number : numberIn(smaller, this.#slotOf(smaller));
  }

  #slotValue(number: number, lane: number): number {
    return (lane & -this.#slots.length) | (number + 1);
  }

  /** Position of the current hash's key, or the free slot where it belongs. */
  #slotOf(slots: Int32Array): number {
    const mask = slots.length - 1;
    const tag = (this.#lanes[1] as number) & ~mask;
    let at = (this.#lanes[0] as number) & mask;
    for (;;) {
      const slot = slots[at] as number;
      if (slot === 0) return at;
      if ((slot & ~mask) === tag && this.#isCurrent((slot & mask) - 1)) return at;
      at = (at + 1) & mask;
    }
  }

  #isCurrent(number: number): boolean {
    for (let lane = 0; lane < LANES; lane++) {
      if (this.#hashes.get(number * LANES + lane) !== this.#lanes[lane]) return false;
    }
    return true;
  }

  #grow(): void {
    this.#smaller = this.#slots;
    this.#slots = new Int32Array(this.#slots.length * 2);
    this.#moved = 0;
    this.#toMove = this.#size;
  }

  #move(): void {
    const slots = this.#slots;
    const mask = slots.length - 1;
    const end = Math.min(this.#toMove, this.#moved + MOVED_AT_ONCE);
    for (let number = this.#moved; number < end; number++) {
      let at = this.#hashes.get(number * LANES) & mask;
      while (slots[at] !== 0) at = (at + 1) & mask;
      slots[at] = this.#slotValue(number, this.#hashes.get(number * LANES + 1));
    }
    this.#moved = end;
    if (end === this.#toMove) this.#smaller = undefined;
  }
}

function numberIn(slots: Int32Array, at: number): number {
  return ((slots[at] as number) & (slots.length - 1)) - 1;
}
