/**
 * Finds records by the value of a field, with about 20 bytes for each: the values stay where the records are. Records
 * with the same value form a ring, so that even a million of them are added and removed in constant time.
 */

/** A slot whose record was removed. */
const GONE = 0xffffffff;
const MIN_SLOTS = 1 << 10;

export class KeyIndex {
  /** The key of a record, as it was when it was added. */
  readonly #keyOf: (n: number) => string;
  /** The first record of each ring, by hash of its key. */
  #slots = new Uint32Array(0);
  #used = 0;
  /** By record: hash of its key, and its neighbors in the ring. */
  #hashes = new Uint32Array(0);
  #next = new Uint32Array(0);
  #previous = new Uint32Array(0);

  constructor(keyOf: (n: number) => string) {
    this.#keyOf = keyOf;
  }

  add(n: number, key: string): void {
    this.#grow(n);
    const hash = hashOf(key);
    this.#hashes[n] = hash;
    const slot = this.#slotOf(key, hash);
    const first = slot === -1 ? 0 : (this.#slots[slot] as number);
    if (first === 0) {
      [this.#next[n], this.#previous[n]] = [n, n];
      this.#place(n, hash);
      return;
    }
    const last = this.#previous[first] as number;
    [this.#next[last], this.#previous[n]] = [n, last];
    [this.#next[n], this.#previous[first]] = [first, n];
  }

  remove(n: number, key: string): void {
    const slot = this.#slotOf(key, hashOf(key));
    if (slot === -1) return;
    const [next, previous] = [this.#next[n] as number, this.#previous[n] as number];
    if (next === n) this.#slots[slot] = GONE;
    else {
      [this.#next[previous], this.#previous[next]] = [next, previous];
      if (this.#slots[slot] === n) this.#slots[slot] = next;
    }
  }

  /** The records with a key, oldest first, at most this many. */
  find(key: string, most = Infinity): number[] {
    const found: number[] = [];
    const slot = this.#slotOf(key, hashOf(key));
    if (slot === -1) return found;
    const first = this.#slots[slot] as number;
    for (let n = first; found.length < most;) {
      found.push(n);
      n = this.#next[n] as number;
      if (n === first) break;
    }
    return found;
  }

  /** The slot of a key; -1 if it has none. */
  #slotOf(key: string, hash: number): number {
    const mask = this.#slots.length - 1;
    if (mask < 0) return -1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const n = this.#slots[slot] as number;
      if (n === 0) return -1;
      if (n !== GONE && this.#hashes[n] === hash && this.#keyOf(n) === key) return slot;
    }
  }

  #place(n: number, hash: number): void {
    if ((this.#used + 1) * 10 > this.#slots.length * 6) this.#rehash();
    const mask = this.#slots.length - 1;
    let slot = hash & mask;
    while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
    this.#slots[slot] = n;
    this.#used++;
  }

  /** Removed slots end here too. */
  #rehash(): void {
    const old = this.#slots.filter((n) => n !== 0 && n !== GONE);
    let size = MIN_SLOTS;
    while (size < old.length * 4) size *= 2;
    this.#slots = new Uint32Array(size);
    this.#used = 0;
    const mask = size - 1;
    for (const n of old) {
      let slot = (this.#hashes[n] as number) & mask;
      while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
      this.#slots[slot] = n;
      this.#used++;
    }
  }

  #grow(n: number): void {
    if (n < this.#next.length) return;
    const size = Math.max(1024, Math.ceil(n * 1.5));
    this.#hashes = enlarged(this.#hashes, size);
    this.#next = enlarged(this.#next, size);
    this.#previous = enlarged(this.#previous, size);
  }
}

function enlarged(old: Uint32Array, size: number): Uint32Array<ArrayBuffer> {
  const larger = new Uint32Array(size);
  larger.set(old);
  return larger;
}

/** FNV-1a, then mixed. */
function hashOf(key: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  return (hash ^ (hash >>> 13)) >>> 0;
}
