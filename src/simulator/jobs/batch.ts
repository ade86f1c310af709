/** One batch of a job: at most 10,000 rows, in transactions of 200. */
import type { Pace } from './pace.js';
import { CHUNK } from './upload-check.js';
import type { UploadIndex } from './upload-check.js';
import type { UploadedRow } from './upload.js';

export const BATCH = 10_000;
const CHUNKS = BATCH / CHUNK;

/** The transaction that a batch is working on. */
export interface Transaction {
  rows: UploadedRow[];
  /** Rows that were applied or refused. */
  done: number;
  /** Ids that it locks. */
  held: string[];
  /** By row: ids that another batch had locked. */
  contended: ReadonlyMap<number, readonly string[]>;
}

/** Rows that are done, their end in the upload, whether it was taken from the allocation, its retries. */
export type SavedBatch = [done: number, end: number, isCounted: number, retries: number];

/** @typeParam Job what a scheduler wants to know of its job; a job does not need it */
export class Batch<Job = unknown> {
  readonly job: Job;
  readonly #upload: UploadIndex;
  /** From 0. */
  readonly index: number;
  /** Rows of the batch. */
  readonly rows: number;
  /** 1.2 takes a fifth longer than the average. */
  readonly factor: number;
  state: 'waiting' | 'blocked' | 'running' | 'ended' = 'waiting';
  /** Not before this time. */
  readyAt: number;
  /** Rows of finished transactions. */
  #through = 0;
  transaction: Transaction | undefined;
  pace: Pace | undefined;
  /** Of this run. */
  startedAt = 0;
  lockFailures = 0;
  /** When a blocked transaction stops waiting for its locks. */
  waitsUntil: number | undefined;
  /** How often it went back to the queue. */
  retries = 0;
  /** Keys of its rows, if a duplicate is refused among them. */
  readonly keys = new Set<string>();
  /** Whether it was taken from the allocation. */
  isCounted = false;
  /** Rows of the next transaction that were applied before a restart. */
  skip = 0;
  /** End of the last applied row in the upload. */
  end: number;

  constructor(job: Job, upload: UploadIndex, place: { index: number; readyAt: number; factor: number }) {
    const { index, readyAt, factor } = place;
    this.job = job;
    this.#upload = upload;
    this.index = index;
    this.rows = Math.min(BATCH, upload.rows - index * BATCH);
    this.readyAt = readyAt;
    this.factor = factor;
    this.end = this.#startOf(0);
  }

  #startOf(chunk: number): number {
    const { starts } = this.#upload;
    return starts[Math.min(this.index * CHUNKS + chunk, starts.length - 1)] as number;
  }

  /** Rows that were applied or refused. */
  get done(): number {
    return this.#through + (this.transaction?.done ?? 0);
  }

  /** Rows of the batch when the current transaction ends. */
  get target(): number {
    return this.#through + (this.transaction?.rows.length ?? 0);
  }

  /** Bytes of the next transaction in the upload. */
  get next(): { start: number; end: number } {
    const chunk = this.#through / CHUNK;
    return { start: this.#startOf(chunk), end: Math.min(this.#startOf(chunk + 1), this.upload.end) };
  }

  /** Bytes of the batch in the upload. */
  get upload(): { start: number; end: number } {
    return { start: this.#startOf(0), end: this.#startOf(CHUNKS) };
  }

  get isThrough(): boolean {
    return this.done >= this.rows;
  }

  /** What is kept over a restart. */
  get saved(): SavedBatch {
    return [this.done, this.end, this.isCounted ? 1 : 0, this.retries];
  }

  /** Continues after a restart. */
  restore([done, end, isCounted, retries]: SavedBatch): void {
    this.skip = done >= this.rows ? 0 : done % CHUNK;
    this.#through = done - this.skip;
    this.end = end;
    this.isCounted = isCounted === 1;
    this.retries = retries;
  }

  endTransaction(): void {
    this.#through = this.done;
    this.transaction = undefined;
  }
}
