/** When rows are due at a constant speed, which may change. */
export class Pace {
  #at: number;
  #rows: number;
  #perSecond: number;

  constructor(at: number, perSecond: number, rows = 0) {
    this.#at = at;
    this.#rows = rows;
    this.#perSecond = perSecond;
  }

  /** Rows that are due by now. */
  rowsAt(now: number): number {
    return now < this.#at ? this.#rows : this.#rows + Math.floor(((now - this.#at) * this.#perSecond) / 1000);
  }

  /** When the n-th row is due; never at speed 0. */
  timeOf(n: number): number {
    if (n <= this.#rows) return this.#at;
    return this.#perSecond > 0 ? this.#at + ((n - this.#rows) * 1000) / this.#perSecond : Infinity;
  }

  /** Keeps what is due by now, in whole rows. */
  change(now: number, perSecond: number): void {
    this.#rows = this.rowsAt(now);
    this.#at = Math.max(now, this.#at);
    this.#perSecond = perSecond;
  }

  /** Keeps what is due by now, with fractions of a row: for speeds that change all the time. */
  share(now: number, perSecond: number): void {
    if (perSecond === this.#perSecond) return;
    if (now > this.#at) {
      this.#rows += ((now - this.#at) * this.#perSecond) / 1000;
      this.#at = now;
    }
    this.#perSecond = perSecond;
  }
}
