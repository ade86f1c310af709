/** Long lists of numbers outside the JavaScript heap; they grow piece by piece and are never copied. */

const PIECE_BITS = 16;
const PIECE = 1 << PIECE_BITS;
const IN_PIECE = PIECE - 1;

/** 32-bit integers. */
export class IntList {
  readonly #pieces: Int32Array[] = [];
  #length = 0;

  get length(): number {
    return this.#length;
  }

  get(at: number): number {
    return (this.#pieces[at >>> PIECE_BITS] as Int32Array)[at & IN_PIECE] as number;
  }

  set(at: number, value: number): void {
    (this.#pieces[at >>> PIECE_BITS] as Int32Array)[at & IN_PIECE] = value;
  }

  push(value: number): void {
    if ((this.#length & IN_PIECE) === 0) this.#pieces.push(new Int32Array(PIECE));
    this.set(this.#length++, value);
  }
}

export interface KeyedRow {
  /** Number of the row's key. */
  key: number;
  start: number;
  end: number;
}

/**
 * Rows of a file in file order, with the numbers of their keys: about 7 bytes each, because small numbers take few
 * bytes (7 bits each, lowest first; the highest bit means that more follow).
 */
export class RowList {
  readonly #pieces: Uint8Array[] = [];
  #bytes = 0;
  #end = 0;

  /** @throws RangeError when the row begins before the previous one ends */
  add(key: number, start: number, end: number): void {
    if (start < this.#end || end < start)
      throw new RangeError(`row at ${start}–${end} follows one that ends at ${this.#end}`);
    this.#push(key);
    this.#push(start - this.#end);
    this.#push(end - start);
    this.#end = end;
  }

  *[Symbol.iterator](): Generator<KeyedRow> {
    let at = 0;
    const next = (): number => {
      let value = 0;
      for (let scale = 1; ; scale *= 128) {
        const byte = (this.#pieces[Math.floor(at / PIECE)] as Uint8Array)[at % PIECE] as number;
        at++;
        value += (byte & 0x7f) * scale;
        if (byte < 0x80) return value;
      }
    };
    let end = 0;
    while (at < this.#bytes) {
      const key = next();
      const start = end + next();
      end = start + next();
      yield { key, start, end };
    }
  }

  /** Offsets may have more than 32 bits: no bit operations on the whole number. */
  #push(value: number): void {
    let left = value;
    while (left >= 0x80) {
      this.#pushByte((left % 0x80) | 0x80);
      left = Math.floor(left / 0x80);
    }
    this.#pushByte(left);
  }

  #pushByte(byte: number): void {
    const at = this.#bytes++ % PIECE;
    if (at === 0) this.#pieces.push(new Uint8Array(PIECE));
    (this.#pieces[this.#pieces.length - 1] as Uint8Array)[at] = byte;
  }
}
