/** One ingest job: its state, its counters, and what its rows do. When they are due is the scheduler's concern. */
import { open, rm, stat } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import type { JobSettings, JobState, JobWorld, PlannedFailure } from './job-types.js';
import { csvLine, ResultFile } from './result-file.js';
import type { SavedResults } from './result-file.js';
import type { SavedJob } from '../store/org-store.js';
import { refuseHeader, refuseRow } from './row-limits.js';
import { applyRow, JobFailure } from './apply-row.js';
import type { Column, RowContext, RowOutcome } from './apply-row.js';
import type { Batch, SavedBatch, Transaction } from './batch.js';
import { LockKeys } from './locks.js';
import type { Pace } from './pace.js';
import type { LockSettings } from './tempo.js';
import { DELIMITERS, parsedRows, readHeader, uploadedHeader } from './upload.js';
import type { Header, UploadedRow } from './upload.js';
import { checkUpload } from './upload-check.js';
import type { UploadIndex } from './upload-check.js';
import * as errors from '../org/row-errors.js';
import { rendered } from '../org/values.js';
import { shareOf } from '../random.js';

const DAY = 24 * 60 * 60 * 1000;
/** From this version on, failed rows contain the id of their record. */
const FAILED_IDS_SINCE = 53;

const BAD_CSV =
  'InvalidBatch : Failed to parse CSV. Found unescaped quote. A value with quote should be within a quote';
const badLineEnding = (lineEnding: string): string =>
  `ClientInputError : LineEnding is invalid on user data. Current LineEnding setting is ${lineEnding}`;
const QUOTA_USED_UP = 'ExceededQuota : ApiBatchItems Limit exceeded.';
const RETRIED_TOO_OFTEN = 'Unknown : Batch processing was retried more than 20 times';

function isMisCased(column: Column | undefined): boolean {
  return column !== undefined && column.lookup === undefined && column.name !== column.field.name;
}

export class Job {
  readonly settings: JobSettings;
  readonly number: number;
  readonly createdAt: number;
  /** Path of the upload. */
  readonly path: string;
  readonly succeeded: ResultFile;
  readonly rejected: ResultFile;
  state: JobState = 'Open';
  changedAt: number;
  /** Start of its first batch. */
  begunAt: number | undefined;
  uploads = 0;
  /** Times of the GETs of its info. */
  polls: number[] = [];
  errorMessage: string | undefined;
  failed = 0;
  /** Rows applied or refused so far. */
  processed = 0;
  /** How often a batch went back to the queue. */
  retries = 0;
  header: Header = { raw: '', names: [], end: 0 };
  plannedFailure: PlannedFailure | undefined;
  index: UploadIndex = { starts: [], rows: 0, headerEnd: 0 };
  batches: readonly Batch<Job>[] = [];
  /** The org has no batch left for the rest of it: what is running ends first. */
  isOutOfBatches = false;
  /** For a job that has the speed of the org alone. */
  pace: Pace | undefined;
  /** Whether nothing happens any more: an aborted job may still have running batches. */
  isOver = false;
  /** Part of its time that Apex takes. */
  apexShare = 0;
  /** Milliseconds in which at least one batch ran. */
  activeMs = 0;
  #activeSince: number | undefined;
  /** Unprocessed rows are in no file. */
  #losesRest = false;
  readonly #world: JobWorld;
  #columns: Column[] = [];
  #lockKeys: LockKeys | undefined;
  #file: FileHandle | undefined;
  /** Counters at the end of the last transaction. */
  #through = { processed: 0, failed: 0 };
  #context: RowContext | undefined;
  /** Of the batches, until they are made again. */
  savedBatches: readonly SavedBatch[] = [];
  /** Keys of all rows, if a duplicate is refused among them. */
  readonly #keys = new Set<string>();

  constructor(settings: JobSettings, place: { number: number; path: string; now: number }, world: JobWorld) {
    this.settings = settings;
    this.number = place.number;
    this.path = place.path;
    const isKept = world.store !== undefined;
    this.succeeded = new ResultFile(`${place.path}.succeeded`, isKept);
    this.rejected = new ResultFile(`${place.path}.rejected`, isKept);
    this.createdAt = place.now;
    this.changedAt = place.now;
    this.#world = world;
  }

  get isTerminal(): boolean {
    return this.state === 'JobComplete' || this.state === 'Failed' || this.state === 'Aborted';
  }

  /** The visible counters: while a job runs, those of completed transactions. */
  get shown(): { processed: number; failed: number } {
    return this.isOver ? this : this.#through;
  }

  get delimiter(): string {
    return DELIMITERS[this.settings.columnDelimiter] ?? ',';
  }

  /** Format of the result files. */
  get dialect(): { delimiter: string; end: string; quotes: 'always' | 'needed' } {
    const { resultDialect, resultQuotes: quotes } = this.#world.quirks;
    if (resultDialect === 'commaLf') return { delimiter: ',', end: '\n', quotes };
    return { delimiter: this.delimiter, end: this.settings.lineEnding === 'CRLF' ? '\r\n' : '\n', quotes };
  }

  async close(now: number): Promise<void> {
    await this.#readHeader();
    this.state = 'UploadComplete';
    this.changedAt = now;
    this.save();
  }

  /** A batch that has begun is still finished. */
  async abort(now: number): Promise<void> {
    if (this.state === 'Open') await this.#readHeader();
    this.state = 'Aborted';
    this.changedAt = now;
    this.save();
  }

  /** Keeps its state over a restart. */
  save(): void {
    const { store } = this.#world;
    if (store === undefined) return;
    const { settings, number, createdAt, state, changedAt, begunAt, uploads, errorMessage, failed, processed } = this;
    store.saveJob({
      ...{ settings, number, createdAt, state, changedAt, begunAt, uploads, errorMessage, failed, processed },
      ...{ retries: this.retries, activeMs: this.activeMs, isOver: this.isOver, losesRest: this.#losesRest },
      ...{ plannedFailure: this.plannedFailure, index: this.isOver ? this.index : undefined },
      succeeded: this.succeeded.saved,
      rejected: this.rejected.saved,
      batches: this.batches.length === 0 ? this.savedBatches : this.batches.map(({ saved }) => saved),
    });
    store.commit();
  }

  /** What its process had saved before it ended. */
  async restore(saved: SavedJob): Promise<void> {
    const { state, changedAt, begunAt, uploads, errorMessage, failed, processed } = saved as unknown as Job;
    Object.assign(this, { state, changedAt, begunAt, uploads, errorMessage, failed, processed });
    const { retries, activeMs, isOver, plannedFailure } = saved as unknown as Job;
    Object.assign(this, {
      retries,
      activeMs,
      isOver,
      plannedFailure,
      ...(saved['index'] !== undefined && { index: saved['index'] }),
    });
    this.#losesRest = saved['losesRest'] === true;
    this.savedBatches = saved['batches'] as SavedBatch[];
    this.#through = { processed, failed };
    await this.succeeded.restore(saved['succeeded'] as SavedResults);
    await this.rejected.restore(saved['rejected'] as SavedResults);
    await this.#readHeader();
    if (this.uploads === 0 || this.state === 'Open' || (await stat(this.path)).size === 0) return;
    if (!this.isOver) await this.#open();
    // For files that hide columns.
    else if (this.index.rows > 0) await this.#readColumns(this.index);
    if (this.isOver) await this.#closeFile();
  }

  #saveProgress(batch: Batch): void {
    const { store } = this.#world;
    if (store === undefined) return;
    this.succeeded.keep();
    this.rejected.keep();
    const { number, processed, failed, retries, activeMs } = this;
    const pending = [this.succeeded.saved.pending, this.rejected.saved.pending];
    store.saveProgress({ number, processed, failed, retries, activeMs, pending, batch: [batch.index, batch.saved] });
    store.commit();
  }

  /** @param keeps its files, for the next start */
  async dispose(keeps = false): Promise<void> {
    await this.#closeFile();
    if (keeps) return;
    await Promise.all([rm(this.path, { force: true }), this.succeeded.remove(), this.rejected.remove()]);
  }

  async #closeFile(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.close();
  }

  async #readHeader(): Promise<void> {
    if (this.uploads === 0) return;
    this.header = await uploadedHeader(this.path, this.delimiter);
  }

  /** An Open job does not stay open forever. */
  async expire(now: number): Promise<void> {
    const { openTooLong } = this.#world.quirks;
    if (this.state !== 'Open' || openTooLong === 'Open' || now - this.createdAt <= DAY) return;
    await this.#readHeader();
    if (openTooLong === 'Failed') this.errorMessage = 'Timeout : The job was open for more than 24 hours';
    this.state = openTooLong;
    this.changedAt = this.createdAt + DAY;
    this.isOver = true;
    this.save();
  }

  /** Reads the upload. Returns whether there is anything to do. */
  async begin(now: number): Promise<boolean> {
    this.begunAt = now;
    if (this.uploads === 0 || (await stat(this.path)).size === 0) {
      await this.end(now);
      return false;
    }
    const failure = await this.#open();
    // It may have been aborted or deleted meanwhile.
    if (this.isTerminal || this.isOver) return false;
    if (failure === undefined) return true;
    await this.fail(now, failure);
    return false;
  }

  /** Opens the upload; returns the error message of a job that cannot be processed. */
  async #open(): Promise<string | undefined> {
    const { quirks } = this.#world;
    const { delimiter } = this;
    const { lineEnding } = this.settings;
    const breaksInCells = quirks.lineBreaksInCells === 'accept';
    const blankBeforeQuote = quirks.blankBeforeQuote === 'row';
    const found = await checkUpload(this.path, { delimiter, lineEnding, breaksInCells, blankBeforeQuote });
    if (found === 'quote') return BAD_CSV;
    if (found === 'lineEnding') return badLineEnding(lineEnding);
    return this.#readColumns(found);
  }

  async #readColumns(index: UploadIndex): Promise<string | undefined> {
    const { org, table, quirks, access } = this.#world;
    const [first] = await this.#parse({ start: 0, end: index.headerEnd });
    const names = first?.cells ?? [''];
    const columns = refuseHeader(this.header) ?? readHeader(org, table, { ...this.settings, ...quirks, access }, names);
    if (typeof columns === 'string') return columns;
    this.#columns = columns;
    this.index = index;
    return undefined;
  }

  /** Its first batch begins. */
  async start(now: number): Promise<void> {
    if (this.state !== 'UploadComplete') return;
    this.state = 'InProgress';
    this.begunAt = now;
    this.changedAt = now;
    this.save();
    if (this.plannedFailure?.records === 0) await this.#failAsPlanned(now);
  }

  /** The rows of a transaction. */
  read(bytes: { start: number; end: number }): Promise<UploadedRow[]> {
    return this.#parse(bytes);
  }

  async #parse({ start, end }: { start: number; end: number }): Promise<UploadedRow[]> {
    const buffer = Buffer.allocUnsafe(end - start);
    this.#file ??= await open(this.path);
    const { bytesRead } = await this.#file.read(buffer, 0, buffer.length, start);
    const strayQuotes = this.#world.quirks.blankBeforeQuote === 'row';
    return parsedRows(buffer.subarray(0, bytesRead), { delimiter: this.delimiter, strayQuotes, offset: start });
  }

  /** Ids that a row locks. */
  lockKeys(row: UploadedRow, locks: LockSettings): string[] {
    const { table } = this.#world;
    this.#lockKeys ??= new LockKeys({ table, job: this.settings, columns: this.#columns }, locks);
    return this.#lockKeys.of(row);
  }

  /** Counts time in which batches run. */
  activity(now: number, isActive: boolean): void {
    if (isActive) this.#activeSince ??= now;
    else if (this.#activeSince !== undefined) {
      this.activeMs += now - this.#activeSince;
      this.#activeSince = undefined;
    }
  }

  /** Applies the rows of a transaction up to this number. */
  async apply(batch: Batch, upTo: number, now: number): Promise<void> {
    const transaction = batch.transaction as Transaction;
    const stopAt = this.plannedFailure?.records ?? Infinity;
    while (transaction.done < upTo) {
      const at = this.pace === undefined ? now : Math.min(now, this.pace.timeOf(this.processed + 1));
      if (this.processed >= stopAt) break;
      if (!this.#takeAllocation(batch, at)) return this.fail(at, QUOTA_USED_UP, true);
      const failure = this.#applyRow(batch, transaction, at);
      if (failure !== undefined) return this.fail(at, failure);
    }
    if (transaction.done === transaction.rows.length)
      this.#through = { processed: this.processed, failed: this.failed };
    this.#saveProgress(batch);
    if (this.processed >= stopAt) await this.#failAsPlanned(now);
  }

  #takeAllocation(batch: Batch, at: number): boolean {
    return this.takeBatch(batch, at) && this.#world.allocations.records.take(at);
  }

  /** Whether the batch may be processed within the org's batches of 24 hours. */
  takeBatch(batch: Batch, at: number): boolean {
    batch.isCounted ||= this.#world.allocations.batches.take(at);
    return batch.isCounted;
  }

  /** Returns the error of a row that fails its job. */
  #applyRow(batch: Batch, transaction: Transaction, now: number): string | undefined {
    const row = transaction.rows[transaction.done] as UploadedRow;
    const context = this.#contextOf(batch, transaction, now);
    let outcome: RowOutcome;
    try {
      outcome = this.#outcomeOf(row, context, transaction.contended.get(transaction.done));
    } catch (error) {
      if (error instanceof JobFailure) return error.message;
      throw error;
    }
    transaction.done++;
    this.processed++;
    batch.end = row.end;
    this.#report(row, outcome);
    return undefined;
  }

  #contextOf(batch: Batch, { done }: Transaction, now: number): RowContext {
    const { org, rules, table, markers, access, quirks } = this.#world;
    this.#context ??= {
      ...{ org, rules, table, markers, access, quirks, now, job: this.settings, jobNumber: this.number },
      ...{ columns: this.#columns, keys: new Set(), created: new Set() },
    };
    const context = this.#context;
    context.now = now;
    if (done > 0) return context;
    context.created.clear();
    context.keys = { chunk: new Set<string>(), batch: batch.keys, job: this.#keys }[quirks.duplicateKeysWithin];
    return context;
  }

  #outcomeOf(row: UploadedRow, context: RowContext, locked: readonly string[] | undefined): RowOutcome {
    const { cells } = row;
    const { settings, header } = this;
    const own = this.#world.rowOutcome?.(Object.fromEntries(header.names.map((name, i) => [name, cells[i] ?? ''])), {
      object: settings.object,
      operation: settings.operation,
      jobId: settings.id,
      line: this.processed + 1,
    });
    const refused = own ?? refuseRow(row, this.#columns, this.#world.quirks);
    if (refused !== undefined) return { id: '', error: refused };
    return locked === undefined ? applyRow(context, cells) : { id: '', error: errors.lockedRecords(locked) };
  }

  #report({ cells }: UploadedRow, outcome: RowOutcome): void {
    if ('error' in outcome) {
      this.failed++;
      const id = this.settings.apiVersion >= FAILED_IDS_SINCE ? outcome.id : '';
      this.rejected.add(csvLine([id, outcome.error, ...this.withoutHidden(cells)], this.dialect));
    } else {
      const shown = cells.map((cell, i) => this.#shown(cell, this.#columns[i]));
      this.succeeded.add(csvLine([outcome.id, String(outcome.created), ...shown], this.dialect));
    }
  }

  /** A cell of a successful row, as shown in its result file. */
  #shown(cell: string, column: Column | undefined): string {
    if (cell === '' || cell === '#N/A' || column === undefined || column.lookup !== undefined) return cell;
    if (this.#world.quirks.misCasedColumns !== 'shown' && isMisCased(column)) return '';
    return rendered(column.field, cell);
  }

  /** Whether result files also show columns blank for rows that did not land. */
  get hidesColumns(): boolean {
    return this.#world.quirks.misCasedColumns === 'blankEverywhere' && this.#columns.some(isMisCased);
  }

  /** Cells of a row that did not land, as shown in result files. */
  withoutHidden(cells: readonly string[]): readonly string[] {
    if (!this.hidesColumns) return cells;
    return cells.map((cell, i) => (isMisCased(this.#columns[i]) ? '' : cell));
  }

  /** Parts of the upload that were not processed. */
  async unprocessed(): Promise<{ start: number; end: number }[]> {
    if (this.state === 'JobComplete' || this.uploads === 0 || this.#losesRest) return [];
    const { size } = await stat(this.path);
    const parts =
      this.batches.length === 0
        ? [{ start: this.header.end, end: size }]
        : this.batches.map(({ end, upload }) => ({ start: end, end: upload.end }));
    const left = parts.filter(({ start, end }) => start < end);
    // Batches of a described org end in any order.
    return this.pace === undefined ? this.#inAnyOrder(left, size) : left;
  }

  /** The same order for every request. The last row may have no line break, so it stays the last. */
  async #inAnyOrder(parts: { start: number; end: number }[], size: number): Promise<{ start: number; end: number }[]> {
    const last = parts.at(-1);
    const staysLast = last?.end === size && !(await this.#endsLine(size));
    const key = ({ start }: { start: number }): number => shareOf(`${this.settings.id} ${start}`);
    const others = (staysLast ? parts.slice(0, -1) : parts).toSorted((a, b) => key(a) - key(b));
    return staysLast ? [...others, last] : others;
  }

  async #endsLine(size: number): Promise<boolean> {
    const file = await open(this.path);
    try {
      const { buffer } = await file.read(Buffer.alloc(1), 0, 1, size - 1);
      return buffer[0] === 10;
    } finally {
      await file.close();
    }
  }

  /** Stores the results of a batch. */
  async endBatch(): Promise<void> {
    await this.succeeded.store(this.#world.random);
    await this.rejected.store(this.#world.random);
    if (this.#world.store === undefined || this.isOver) return;
    this.save();
    await this.#forget();
  }

  async #forget(): Promise<void> {
    await this.succeeded.forget();
    await this.rejected.forget();
  }

  async #failAsPlanned(now: number): Promise<void> {
    const { losesRest = false, errorMessage } = this.plannedFailure ?? {};
    return this.fail(now, errorMessage ?? (losesRest ? QUOTA_USED_UP : RETRIED_TOO_OFTEN), losesRest);
  }

  async fail(now: number, errorMessage: string, losesRest = false): Promise<void> {
    if (this.isOver) return;
    this.#losesRest = losesRest;
    // An aborted job stays aborted, whatever happens in its last batch.
    if (this.state !== 'Aborted') {
      this.errorMessage = errorMessage;
      this.state = 'Failed';
    }
    await this.end(now);
  }

  /** Its last batch has ended. */
  finish(now: number): Promise<void> {
    return this.isOutOfBatches ? this.fail(now, QUOTA_USED_UP, true) : this.end(now);
  }

  async end(now: number): Promise<void> {
    if (this.isOver) return;
    this.isOver = true;
    this.activity(now, false);
    await this.endBatch();
    await this.#closeFile();
    this.changedAt = now;
    if (!this.isTerminal) this.state = 'JobComplete';
    this.save();
    await this.#forget();
  }
}
