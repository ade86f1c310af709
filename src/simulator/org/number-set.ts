/** A set of small whole numbers, one bit for each: millions of record numbers. */
export class NumberSet {
  #bits = new Uint32Array(1);

  add(n: number): void {
    const word = n >>> 5;
    if (word >= this.#bits.length) {
      const more = new Uint32Array(Math.max(word + 1, 2 * this.#bits.length));
      more.set(this.#bits);
      this.#bits = more;
    }
    this.#bits[word] = (this.#bits[word] ?? 0) | (1 << (n & 31));
  }

  has(n: number): boolean {
    return ((this.#bits[n >>> 5] ?? 0) & (1 << (n & 31))) !== 0;
  }
}
