/** Stores many small texts outside of the heap, where they cost only their bytes. */

const SLAB = 1 << 22;
/** The length of each text in bytes precedes it. */
const PREFIX = 4;

export class Texts {
  readonly #slabs: Buffer[] = [];
  #free = 0;

  /** Returns its position. */
  add(text: string): number {
    const length = Buffer.byteLength(text);
    const size = PREFIX + length;
    if (this.#slabs.length === 0 || this.#free + size > (this.#slabs.at(-1)?.length ?? 0)) {
      this.#slabs.push(Buffer.allocUnsafeSlow(Math.max(SLAB, size)));
      this.#free = 0;
    }
    const slab = this.#slabs.length - 1;
    const position = slab * SLAB + this.#free;
    this.#put(slab, this.#free, text, length);
    this.#free += size;
    return position;
  }

  /** Keeps the position if the text fits there. */
  replace(position: number, text: string): number {
    const { slab, offset } = place(position);
    const length = Buffer.byteLength(text);
    if (length > (this.#slabs[slab] as Buffer).readUInt32LE(offset)) return this.add(text);
    this.#put(slab, offset, text, length);
    return position;
  }

  get(position: number): string {
    const { slab, offset } = place(position);
    const bytes = this.#slabs[slab] as Buffer;
    const start = offset + PREFIX;
    return bytes.toString('utf8', start, start + bytes.readUInt32LE(offset));
  }

  #put(slab: number, offset: number, text: string, length: number): void {
    const bytes = this.#slabs[slab] as Buffer;
    bytes.writeUInt32LE(length, offset);
    bytes.write(text, offset + PREFIX, length);
  }
}

function place(position: number): { slab: number; offset: number } {
  const offset = position % SLAB;
  return { slab: (position - offset) / SLAB, offset };
}
