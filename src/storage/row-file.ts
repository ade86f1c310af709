/** A CSV that is written row by row; it appears when it is closed, and only if it has a row. */
import { newFile } from './write-files.js';
import type { Writing } from './write-files.js';
import { diskError } from './files/disk-errors.js';

const BUFFERED = 512 * 1024;

export class RowFile {
  readonly path: string;
  readonly #header: Buffer;
  #file: Writing | undefined;
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  rows = 0;
  /** Bytes so far, written or buffered: the position of the next row. */
  bytes = 0;

  /** @param header with its line ending; empty for a file without a header */
  constructor(path: string, header: Buffer) {
    this.path = path;
    this.#header = header;
  }

  /** @param row with its line ending; copied, so the caller may reuse its memory */
  async add(row: Buffer | string): Promise<void> {
    if (this.rows === 0) this.#push(this.#header);
    this.rows++;
    this.#push(Buffer.from(row));
    if (this.#pendingBytes >= BUFFERED) await this.#flush();
  }

  /** @param bytes of consecutive rows with their line endings; also copied */
  async addBytes(bytes: Buffer, rows: number): Promise<void> {
    if (this.rows === 0) this.#push(this.#header);
    this.rows += rows;
    this.#push(Buffer.from(bytes));
    if (this.#pendingBytes >= BUFFERED) await this.#flush();
  }

  async close(): Promise<void> {
    if (this.#pendingBytes > 0) await this.#flush();
    const file = this.#file;
    this.#file = undefined;
    try {
      await file?.publish();
    } catch (error) {
      throw diskError(error, this.path);
    }
  }

  #push(bytes: Buffer): void {
    this.#pending.push(bytes);
    this.#pendingBytes += bytes.length;
    this.bytes += bytes.length;
  }

  async #flush(): Promise<void> {
    const bytes = Buffer.concat(this.#pending);
    this.#pending = [];
    this.#pendingBytes = 0;
    try {
      this.#file ??= await newFile(this.path);
      await this.#file.write(bytes);
    } catch (error) {
      await this.#file?.discard();
      this.#file = undefined;
      throw diskError(error, this.path);
    }
  }
}
