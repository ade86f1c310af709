/** Stores the rows of a result file on disk in arbitrary order: batches, and the rows in them, finish in any order. */
import { createReadStream } from 'node:fs';
import { appendFile, rm } from 'node:fs/promises';
import { shuffle } from '../random.js';

export class ResultFile {
  readonly #path: string;
  readonly #blocks: { start: number; end: number }[] = [];
  /** Not yet on disk. */
  #rows: string[] = [];
  #size = 0;

  constructor(path: string) {
    this.#path = path;
  }

  get isEmpty(): boolean {
    return this.#size === 0 && this.#rows.length === 0;
  }

  add(row: string): void {
    this.#rows.push(row);
  }

  /** Ends a batch. */
  async store(random: () => number): Promise<void> {
    if (this.#rows.length === 0) return;
    const bytes = Buffer.from(shuffle(this.#rows, random).join(''));
    await appendFile(this.#path, bytes);
    this.#rows = [];
    this.#blocks.push({ start: this.#size, end: this.#size + bytes.length - 1 });
    this.#size += bytes.length;
    // The new batch is inserted at a random position.
    const at = this.#blocks.length - 1;
    const other = Math.floor(random() * this.#blocks.length);
    const [last, moved] = [this.#blocks[at], this.#blocks[other]];
    if (last !== undefined && moved !== undefined) [this.#blocks[other], this.#blocks[at]] = [last, moved];
  }

  async *read(): AsyncGenerator<Buffer> {
    const waiting = this.#rows.join('');
    for (const { start, end } of [...this.#blocks]) {
      yield* createReadStream(this.#path, { start, end, highWaterMark: 1 << 18 }) as AsyncIterable<Buffer>;
    }
    if (waiting !== '') yield Buffer.from(waiting);
  }

  async remove(): Promise<void> {
    await rm(this.#path, { force: true });
  }
}

/** One line; cells are quoted always, or only where necessary. */
export function csvLine(
  cells: readonly string[],
  { delimiter, end, quotes }: { delimiter: string; end: string; quotes: 'always' | 'needed' },
): string {
  let line = '';
  for (const [i, cell] of cells.entries()) {
    const bare = quotes === 'needed' && !cell.includes(delimiter) && !/["\r\n]/.test(cell);
    line += `${i === 0 ? '' : delimiter}${bare ? cell : `"${cell.includes('"') ? cell.replaceAll('"', '""') : cell}"`}`;
  }
  return line + end;
}
