/**
 * Which keys were seen, in 8 bytes each whatever their length: a part may have millions. Two keys may share a hash, once
 * in some 10^15: then a key counts as seen that was not, which never sends a row twice.
 */

const FIRST_SIZE = 1024;

export class KeySet {
  #hashes = new Float64Array(FIRST_SIZE);
  #count = 0;
  #sorted = true;

  add(key: string): void {
    if (this.#count === this.#hashes.length) {
      const larger = new Float64Array(this.#hashes.length * 2);
      larger.set(this.#hashes);
      this.#hashes = larger;
    }
    this.#hashes[this.#count++] = hash53(key);
    this.#sorted = false;
  }

  has(key: string): boolean {
    if (!this.#sorted) this.#hashes.subarray(0, this.#count).sort();
    this.#sorted = true;
    const wanted = hash53(key);
    let from = 0;
    let to = this.#count;
    while (from < to) {
      const middle = (from + to) >>> 1;
      if ((this.#hashes[middle] as number) < wanted) from = middle + 1;
      else to = middle;
    }
    return from < this.#count && this.#hashes[from] === wanted;
  }
}

/** Two multiplicative hashes of 32 bits, mixed into one of 53: as many as a number holds exactly. */
export function hash53(text: string): number {
  let a = 0x9e3779b9;
  let b = 0x85ebca6b;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    a = Math.imul(a ^ code, 0x2c1b3c6d);
    b = Math.imul(b ^ code, 0x297a2d39);
    a ^= a >>> 15;
  }
  a = Math.imul(a ^ (a >>> 16), 0x21f0aaad) ^ b;
  b = Math.imul(b ^ (b >>> 13), 0x735a2d97) ^ a;
  a ^= a >>> 15;
  b ^= b >>> 15;
  return (b >>> 0) * 0x200000 + (a >>> 11);
}
