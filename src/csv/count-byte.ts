/** Counts one byte in stretches of a chunk, four bytes at a step: fast enough to look at every cell border of a file. */

/** A lane counts to 255; fewer steps keep it from running over. */
const STEPS_PER_SUM = 200;

export class ByteCounter {
  readonly #byte: number;
  readonly #pattern: number;
  #chunk: Buffer = Buffer.alloc(0);
  #words: Int32Array = new Int32Array(0);
  /** Bytes between the first word and the chunk. */
  #shift = 0;

  constructor(byte: number) {
    this.#byte = byte;
    this.#pattern = Math.imul(byte, 0x01010101);
  }

  /** What the next counts are about. */
  take(chunk: Buffer): void {
    this.#chunk = chunk;
    this.#shift = chunk.byteOffset & 3;
    const start = chunk.byteOffset - this.#shift;
    this.#words = new Int32Array(chunk.buffer, start, (chunk.byteOffset + chunk.length - start) >> 2);
  }

  /** How often the byte is there in [from, to) of the chunk. */
  count(from: number, to: number): number {
    const chunk = this.#chunk;
    const byte = this.#byte;
    let total = 0;
    let at = from;
    for (; at < to && ((at + this.#shift) & 3) !== 0; at++) if (chunk[at] === byte) total++;
    const words = this.#words;
    const end = (to + this.#shift) >> 2;
    let lanes = 0;
    let steps = 0;
    let word = (at + this.#shift) >> 2;
    for (; word < end; word++) {
      const differs = (words[word] as number) ^ this.#pattern;
      // The top bit of each lane whose bytes are equal; exact, without a carry between lanes.
      const equal = ~(((differs & 0x7f7f7f7f) + 0x7f7f7f7f) | differs | 0x7f7f7f7f);
      lanes = (lanes + (equal >>> 7)) | 0;
      if (++steps === STEPS_PER_SUM) {
        total += sumOfLanes(lanes);
        lanes = 0;
        steps = 0;
      }
    }
    total += sumOfLanes(lanes);
    for (at = Math.max(at, (word << 2) - this.#shift); at < to; at++) if (chunk[at] === byte) total++;
    return total;
  }
}

function sumOfLanes(lanes: number): number {
  return (lanes & 255) + ((lanes >>> 8) & 255) + ((lanes >>> 16) & 255) + (lanes >>> 24);
}
