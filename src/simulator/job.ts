/**
 * One ingest job. What it has done depends on the org's clock alone: whoever looks makes it catch up first, so that a
 * test may let a night pass in no time.
 */
import { rm } from 'node:fs/promises';
import { shuffle } from './random.js';
import { applyRow } from './rows.js';
import type { Column, LockTries, RowJob } from './rows.js';
import type { Org, Table } from './org.js';
import { DELIMITERS, lineEndingsAgree, readHeader, uploadedRows } from './upload.js';
import type { UploadedRow } from './upload.js';
import { rendered } from './values.js';

/** The platform works in batches of so many rows, each in transactions of 200. */
const BATCH = 10_000;
const CHUNK = 200;

export interface JobSettings extends RowJob {
  apiVersion: number;
  columnDelimiter: string;
  lineEnding: string;
  assignmentRuleId?: string;
}

export interface JobWorld {
  org: Org;
  table: Table;
  locks: LockTries;
  random: () => number;
  queueDelayMs: number;
  rowOutcome?:
    | ((
        row: Record<string, string>,
        context: { object: string; operation: string; jobId: string; line: number },
      ) => string | undefined)
    | undefined;
}

export type JobState = 'Open' | 'UploadComplete' | 'InProgress' | 'JobComplete' | 'Failed' | 'Aborted';

export class Job {
  readonly settings: JobSettings;
  readonly createdAt: number;
  readonly path: string;
  state: JobState = 'Open';
  changedAt: number;
  uploads = 0;
  /** Times of the GETs of its info. */
  polls: number[] = [];
  errorMessage: string | undefined;
  failed = 0;
  /** Rows applied or refused so far. */
  processed = 0;
  header = '';
  /** Where the rows that were not processed begin in the upload. */
  unprocessedFrom = 0;
  successRows: string[] = [];
  failedRows: string[] = [];
  /** The job fails once so many rows are through. */
  failAfter: number | undefined;
  /** Of a job that fails: its other rows are in no result file, as those beyond the daily allocation. */
  losesRest = false;
  readonly #world: JobWorld;
  #names: string[] = [];
  #columns: Column[] = [];
  #rows: AsyncGenerator<UploadedRow> | undefined;
  #limit = Infinity;
  #chunkKeys = new Set<string>();
  /** Processing speed holds from here on. */
  #since = { at: 0, rows: 0, perSecond: 0 };
  #queue: Promise<void> = Promise.resolve();

  constructor(settings: JobSettings, path: string, now: number, world: JobWorld) {
    this.settings = settings;
    this.path = path;
    this.createdAt = now;
    this.changedAt = now;
    this.#world = world;
  }

  get isTerminal(): boolean {
    return this.state === 'JobComplete' || this.state === 'Failed' || this.state === 'Aborted';
  }

  /** What a look shows: running jobs count in transactions. */
  get shownProcessed(): number {
    return this.state === 'InProgress' ? this.processed - (this.processed % CHUNK) : this.processed;
  }

  close(now: number, recordsPerSecond: number): void {
    this.state = 'UploadComplete';
    this.changedAt = now;
    this.#since = { at: now + this.#world.queueDelayMs, rows: 0, perSecond: recordsPerSecond };
  }

  /** A batch that runs is still finished. */
  abort(now: number): void {
    this.#limit = this.state === 'InProgress' ? Math.ceil(this.processed / BATCH) * BATCH : 0;
    this.state = 'Aborted';
    this.changedAt = now;
  }

  /** From now on at another speed. */
  setSpeed(now: number, recordsPerSecond: number): void {
    this.#since = { at: Math.max(now, this.#since.at), rows: this.#allowed(now), perSecond: recordsPerSecond };
  }

  /** Does what should have been done by now. */
  advance(now: number): Promise<void> {
    const work = this.#queue.then(() => this.#catchUp(now));
    this.#queue = work.catch(() => undefined);
    return work;
  }

  async dispose(): Promise<void> {
    await this.#rows?.return(undefined);
    await rm(this.path, { force: true });
  }

  #allowed(now: number): number {
    const { at, rows, perSecond } = this.#since;
    return now < at ? rows : rows + Math.floor(((now - at) * perSecond) / 1000);
  }

  async #catchUp(now: number): Promise<void> {
    if (this.state === 'UploadComplete' && now >= this.#since.at) await this.#begin(now);
    const finishing = this.state === 'Aborted' && this.processed < this.#limit;
    if (this.#rows === undefined || !(this.state === 'InProgress' || finishing)) return;
    const target = Math.min(this.#allowed(now), this.#limit, this.failAfter ?? Infinity);
    try {
      while (this.processed < target) {
        const next = await this.#rows.next();
        if (next.done === true) return this.#end(now, this.state === 'Aborted' ? 'Aborted' : 'JobComplete');
        this.#apply(next.value);
      }
    } catch (error) {
      this.errorMessage = `InvalidBatch : Failed to parse CSV. Found unescaped quote. A value with quote should be within a quote`;
      if (!(error instanceof Error) || !('code' in error)) throw error;
      return this.#end(now, 'Failed');
    }
    if (this.failAfter !== undefined && this.processed >= this.failAfter) {
      this.errorMessage = this.losesRest
        ? 'ExceededQuota : ApiBatchItems Limit exceeded.'
        : 'Unknown : Batch processing was retried more than 20 times';
      if (this.losesRest) this.unprocessedFrom = Infinity;
      return this.#end(now, 'Failed');
    }
    // The clock may allow exactly the last row: then the end is not seen until the next one is asked for.
    if (finishing && this.processed >= this.#limit) return this.#end(now, 'Aborted');
  }

  async #begin(now: number): Promise<void> {
    const { org, table } = this.#world;
    const fail = async (message: string): Promise<void> => {
      this.errorMessage = message;
      this.state = 'Failed';
      this.changedAt = now;
      await this.#rows?.return(undefined);
    };
    if (!(await lineEndingsAgree(this.path, this.settings.lineEnding))) {
      return fail(
        `ClientInputError : LineEnding is invalid on user data. Current LineEnding setting is ${this.settings.lineEnding}`,
      );
    }
    this.#rows = uploadedRows(this.path, DELIMITERS[this.settings.columnDelimiter] ?? ',');
    const first = await this.#rows.next().catch(() => undefined);
    if (first === undefined || first.done === true)
      return fail(
        'InvalidBatch : Failed to parse CSV. Found unescaped quote. A value with quote should be within a quote',
      );
    this.#names = first.value.cells;
    this.unprocessedFrom = first.value.end;
    const columns = readHeader(org, table, this.settings, this.#names);
    if (typeof columns === 'string') return fail(columns);
    this.#columns = columns;
    this.state = 'InProgress';
    this.changedAt = now;
  }

  #apply({ cells, end }: UploadedRow): void {
    if (this.processed % CHUNK === 0) this.#chunkKeys = new Set();
    this.processed++;
    this.unprocessedFrom = end;
    const { org, table, locks, rowOutcome } = this.#world;
    const { settings } = this;
    const own = rowOutcome?.(Object.fromEntries(this.#names.map((name, i) => [name, cells[i] ?? ''])), {
      object: settings.object,
      operation: settings.operation,
      jobId: settings.id,
      line: this.processed,
    });
    const outcome =
      own === undefined
        ? applyRow({ org, table, job: settings, columns: this.#columns, locks, chunkKeys: this.#chunkKeys }, cells)
        : { id: '', error: own };
    if ('error' in outcome) {
      this.failed++;
      this.failedRows.push(line([outcome.id, outcome.error, ...cells]));
    } else {
      const shown = cells.map((cell, i) => {
        const column = this.#columns[i];
        return cell === '' || cell === '#N/A' || column === undefined || column.lookup !== undefined
          ? cell
          : rendered(column.field, cell);
      });
      this.successRows.push(line([outcome.id, String(outcome.created), ...shown]));
    }
  }

  async #end(now: number, state: JobState): Promise<void> {
    this.state = state;
    this.changedAt = now;
    this.#limit = this.processed;
    await this.#rows?.return(undefined);
    this.#rows = undefined;
    // Result rows come in no particular order.
    shuffle(this.successRows, this.#world.random);
    shuffle(this.failedRows, this.#world.random);
  }
}

function line(cells: readonly string[]): string {
  return `${cells.map((cell) => `"${cell.includes('"') ? cell.replaceAll('"', '""') : cell}"`).join(',')}\n`;
}
