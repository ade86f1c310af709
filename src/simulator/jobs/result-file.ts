/** Stores the rows of a result file on disk in arbitrary order: batches, and the rows in them, finish in any order. */
import { appendFileSync, createReadStream } from 'node:fs';
import { appendFile, readFile, rm, truncate } from 'node:fs/promises';
import { shuffle } from '../random.js';

/** What is kept of a result file over a restart. */
export interface SavedResults {
  blocks: { start: number; end: number }[];
  size: number;
  /** Number of the file with the rows that are not in a block yet, and how many of its bytes count. */
  pending: [number: number, bytes: number];
}

export class ResultFile {
  readonly #path: string;
  /** Whether rows are on disk before their batch ends. */
  readonly #isKept: boolean;
  #blocks: { start: number; end: number }[] = [];
  /** Not yet in a block. */
  #rows: string[] = [];
  #size = 0;
  #pending: [number: number, bytes: number] = [0, 0];
  /** Rows that are in the file of pending ones. */
  #kept = 0;

  constructor(path: string, isKept = false) {
    this.#path = path;
    this.#isKept = isKept;
  }

  get isEmpty(): boolean {
    return this.#size === 0 && this.#rows.length === 0;
  }

  add(row: string): void {
    this.#rows.push(row);
  }

  get saved(): SavedResults {
    return { blocks: this.#blocks, size: this.#size, pending: this.#pending };
  }

  /** Writes new rows to the file of pending ones. Each line holds one row as JSON: cells may contain line breaks. */
  keep(): void {
    if (!this.#isKept || this.#kept === this.#rows.length) return;
    const lines = this.#rows.slice(this.#kept).map((row) => `${JSON.stringify(row)}\n`);
    const bytes = Buffer.from(lines.join(''));
    appendFileSync(this.#pendingPath(this.#pending[0]), bytes, { mode: 0o600 });
    this.#pending = [this.#pending[0], this.#pending[1] + bytes.length];
    this.#kept = this.#rows.length;
  }

  #pendingPath(number: number): string {
    return `${this.#path}.${number}.pending`;
  }

  /** What a process wrote after it saved this does not count. */
  async restore({ blocks, size, pending }: SavedResults): Promise<void> {
    this.#blocks = blocks;
    this.#size = size;
    this.#pending = pending;
    if (size > 0) await truncate(this.#path, size);
    else await rm(this.#path, { force: true });
    const [number, bytes] = pending;
    if (bytes === 0) return rm(this.#pendingPath(number), { force: true });
    await truncate(this.#pendingPath(number), bytes);
    const lines = (await readFile(this.#pendingPath(number), 'utf8')).split('\n').slice(0, -1);
    this.#rows = lines.map((line) => JSON.parse(line) as string);
    this.#kept = this.#rows.length;
  }

  /** Ends a batch. */
  async store(random: () => number): Promise<void> {
    if (this.#rows.length === 0) return;
    const bytes = Buffer.from(shuffle(this.#rows, random).join(''));
    await appendFile(this.#path, bytes);
    this.#rows = [];
    this.#kept = 0;
    this.#pending = [this.#pending[0] + 1, 0];
    this.#blocks.push({ start: this.#size, end: this.#size + bytes.length - 1 });
    this.#size += bytes.length;
    // The new batch is inserted at a random position.
    const at = this.#blocks.length - 1;
    const other = Math.floor(random() * this.#blocks.length);
    const [last, moved] = [this.#blocks[at], this.#blocks[other]];
    if (last !== undefined && moved !== undefined) [this.#blocks[other], this.#blocks[at]] = [last, moved];
  }

  /** Removes pending rows that are in a block, once that is saved. */
  async forget(): Promise<void> {
    if (this.#isKept && this.#pending[0] > 0) await rm(this.#pendingPath(this.#pending[0] - 1), { force: true });
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
    await rm(this.#pendingPath(this.#pending[0]), { force: true });
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
