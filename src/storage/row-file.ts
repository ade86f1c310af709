/** A CSV that is written row by row; it appears when it is closed, and only if it has a row. */
import { newFile } from './write-files.js';
import type { Writing } from './write-files.js';
import { diskError } from './files/disk-errors.js';

const BUFFERED = 512 * 1024;
/** Bytes of memory to allocate at a time. */
const BLOCK = 64 * 1024;
/** Blocks to use again: more are only needed for a very large row. */
const MAX_FREE = 16;

export class RowFile {
  readonly path: string;
  readonly #header: Buffer;
  #file: Writing | undefined;
  /** Rows that are not written yet, copied: memory for each row would cost more than a few large blocks. */
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  /** The last pending bytes are in it; the next ones follow. */
  #block: Buffer = Buffer.alloc(0);
  #blockBytes = 0;
  /** Blocks that were written. */
  #free: Buffer[] = [];
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
    await this.addBytes(typeof row === 'string' ? Buffer.from(row) : row, 1);
  }

  /** Whether so much waits that it should be written. */
  get isFull(): boolean {
    return this.#pendingBytes >= BUFFERED;
  }

  /** @param bytes of consecutive rows with their line endings; also copied */
  async addBytes(bytes: Buffer, rows: number): Promise<void> {
    this.putAll(bytes, rows);
    if (this.isFull) await this.flush();
  }

  /** As {@link addBytes}: call {@link flush} when the file is full. */
  putAll(bytes: Buffer, rows: number): void {
    if (this.rows === 0) this.#push(this.#header);
    this.rows += rows;
    this.#push(bytes);
  }

  async close(): Promise<void> {
    await this.flush();
    this.#free = [];
    const file = this.#file;
    this.#file = undefined;
    try {
      await file?.publish();
    } catch (error) {
      throw diskError(error, this.path);
    }
  }

  #push(bytes: Buffer): void {
    for (let at = 0; at < bytes.length;) {
      if (this.#blockBytes === this.#block.length) {
        this.#endBlock();
        this.#block = this.#free.pop() ?? Buffer.allocUnsafeSlow(BLOCK);
      }
      const copied = bytes.copy(this.#block, this.#blockBytes, at);
      this.#blockBytes += copied;
      at += copied;
    }
    this.#pendingBytes += bytes.length;
    this.bytes += bytes.length;
  }

  #endBlock(): void {
    if (this.#blockBytes > 0) this.#pending.push(this.#block.subarray(0, this.#blockBytes));
    this.#block = Buffer.alloc(0);
    this.#blockBytes = 0;
  }

  /** Writes what waits. */
  async flush(): Promise<void> {
    if (this.#pendingBytes === 0) return;
    this.#endBlock();
    const pieces = this.#pending;
    this.#pending = [];
    this.#pendingBytes = 0;
    try {
      this.#file ??= await newFile(this.path);
      await this.#file.writeAll(pieces);
      for (const { buffer } of pieces) if (this.#free.length < MAX_FREE) this.#free.push(Buffer.from(buffer));
    } catch (error) {
      await this.#file?.discard();
      this.#file = undefined;
      throw diskError(error, this.path);
    }
  }
}
