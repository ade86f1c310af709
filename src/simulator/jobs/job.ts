/**
 * One ingest job. Its progress depends only on the org's clock: each access first advances it, so that a test can let a
 * night pass instantly.
 */
import { rm, stat } from 'node:fs/promises';
import type { JobSettings, JobState, JobWorld, PlannedFailure } from './job-types.js';
import { csvLine, ResultFile } from './result-file.js';
import { refuseHeader, refuseRow } from './row-limits.js';
import { applyRow, JobFailure } from './apply-row.js';
import type { Column, RowContext } from './apply-row.js';
import { DELIMITERS, readHeader, uploadedHeader, uploadedRows } from './upload.js';
import type { Header, UploadedRow } from './upload.js';
import { checkUpload } from './upload-check.js';
import { rendered } from '../org/values.js';

/** The platform works in batches of this many rows, each in transactions of 200. */
const BATCH = 10_000;
const CHUNK = 200;
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
  header: Header = { raw: '', names: [], end: 0 };
  /** Position of the first unprocessed row in the upload. */
  unprocessedFrom = 0;
  plannedFailure: PlannedFailure | undefined;
  readonly #world: JobWorld;
  #columns: Column[] = [];
  #rows: AsyncGenerator<UploadedRow> | undefined;
  /** Counters at the end of the last transaction. */
  #through = { processed: 0, failed: 0 };
  /** Row at which an aborted job ends. */
  #limit = Infinity;
  /** For the rows among which a key must be unique. */
  #context: RowContext | undefined;
  /** The current processing speed applies from here on. */
  #since = { at: 0, rows: 0, perSecond: 0 };
  #queue: Promise<void> = Promise.resolve();

  constructor(settings: JobSettings, place: { number: number; path: string; now: number }, world: JobWorld) {
    this.settings = settings;
    this.number = place.number;
    this.path = place.path;
    this.succeeded = new ResultFile(`${place.path}.succeeded`);
    this.rejected = new ResultFile(`${place.path}.rejected`);
    this.createdAt = place.now;
    this.changedAt = place.now;
    this.#world = world;
  }

  get isTerminal(): boolean {
    return this.state === 'JobComplete' || this.state === 'Failed' || this.state === 'Aborted';
  }

  /** The visible counters: while a job runs, those of completed transactions. */
  get shown(): { processed: number; failed: number } {
    return this.#rows === undefined ? this : this.#through;
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

  async close(now: number, recordsPerSecond: number): Promise<void> {
    await this.#readHeader();
    this.state = 'UploadComplete';
    this.changedAt = now;
    this.#since = { at: now + this.#world.queueDelayMs(), rows: 0, perSecond: recordsPerSecond };
  }

  /** A running batch is still finished. */
  async abort(now: number): Promise<void> {
    if (this.state === 'Open') await this.#readHeader();
    this.#limit = this.state === 'InProgress' ? Math.ceil(this.processed / BATCH) * BATCH : 0;
    this.state = 'Aborted';
    this.changedAt = now;
  }

  /** Changes the speed from now on. */
  setSpeed(now: number, recordsPerSecond: number): void {
    this.#since = { at: Math.max(now, this.#since.at), rows: this.#allowed(now), perSecond: recordsPerSecond };
  }

  /** Does all work that is due by now. */
  advance(now: number): Promise<void> {
    if (this.isTerminal && this.#rows === undefined) return this.#queue;
    const work = this.#queue.then(() => this.#catchUp(now));
    this.#queue = work.catch(() => undefined);
    return work;
  }

  async dispose(): Promise<void> {
    this.#limit = 0;
    await this.#queue;
    await this.#rows?.return(undefined);
    await Promise.all([rm(this.path, { force: true }), this.succeeded.remove(), this.rejected.remove()]);
  }

  async #readHeader(): Promise<void> {
    if (this.uploads === 0) return;
    this.header = await uploadedHeader(this.path, this.delimiter);
    this.unprocessedFrom = this.header.end;
  }

  #allowed(now: number): number {
    const { at, rows, perSecond } = this.#since;
    return now < at ? rows : rows + Math.floor(((now - at) * perSecond) / 1000);
  }

  /** When the n-th row was due. */
  #timeOf(n: number, now: number): number {
    const { at, rows, perSecond } = this.#since;
    return perSecond > 0 ? Math.min(now, Math.max(at, at + ((n - rows) * 1000) / perSecond)) : now;
  }

  async #catchUp(now: number): Promise<void> {
    if (this.state === 'Open') return this.#expire(now);
    if (this.state === 'UploadComplete' && now >= this.#since.at) await this.#begin(this.#since.at);
    const rows = this.#rows;
    if (rows === undefined) return;
    const stopAt = this.plannedFailure?.records ?? Infinity;
    // The limit is checked for each row: an abort may come in between.
    while (this.processed < Math.min(this.#allowed(now), this.#limit, stopAt)) {
      const at = this.#timeOf(this.processed + 1, now);
      try {
        const next = await rows.next();
        if (next.done === true) return this.#end(at, this.state === 'Aborted' ? 'Aborted' : 'JobComplete');
        if (!this.#takeAllocation(at)) return this.#fail(at, QUOTA_USED_UP, true);
        this.#apply(next.value, at);
      } catch (error) {
        if (error instanceof JobFailure) return this.#fail(at, error.message);
        throw error;
      }
      if (this.processed % BATCH === 0) await this.#store();
    }
    if (this.processed >= stopAt) {
      const losesRest = this.plannedFailure?.losesRest ?? false;
      const message = this.plannedFailure?.errorMessage ?? (losesRest ? QUOTA_USED_UP : RETRIED_TOO_OFTEN);
      return this.#fail(this.#timeOf(stopAt, now), message, losesRest);
    }
    // If time allows exactly the last row, the end is only noticed with the next one.
    if (this.processed >= this.#limit) return this.#end(now, 'Aborted');
  }

  async #expire(now: number): Promise<void> {
    const { openTooLong } = this.#world.quirks;
    if (openTooLong === 'Open' || now - this.createdAt <= DAY) return;
    await this.#readHeader();
    this.state = openTooLong;
    this.changedAt = this.createdAt + DAY;
    if (openTooLong === 'Failed') this.errorMessage = 'Timeout : The job was open for more than 24 hours';
  }

  async #begin(now: number): Promise<void> {
    const { org, table, quirks, access } = this.#world;
    this.begunAt = now;
    if (this.uploads === 0 || (await stat(this.path)).size === 0) return this.#end(now, 'JobComplete');
    const { delimiter } = this;
    const { lineEnding } = this.settings;
    const breaksInCells = quirks.lineBreaksInCells === 'accept';
    const blankBeforeQuote = quirks.blankBeforeQuote === 'row';
    const wrong = await checkUpload(this.path, { delimiter, lineEnding, breaksInCells, blankBeforeQuote });
    if (wrong === 'quote') return this.#fail(now, BAD_CSV);
    if (wrong === 'lineEnding') return this.#fail(now, badLineEnding(lineEnding));
    const rows = uploadedRows(this.path, delimiter, blankBeforeQuote);
    this.#rows = rows;
    const first = await rows.next();
    const names = first.done === true ? [''] : first.value.cells;
    const columns = refuseHeader(this.header) ?? readHeader(org, table, { ...this.settings, ...quirks, access }, names);
    if (typeof columns === 'string') return this.#fail(now, columns);
    this.#columns = columns;
    if (this.state === 'UploadComplete') this.state = 'InProgress';
    this.changedAt = now;
  }

  #takeAllocation(at: number): boolean {
    const { batches, records } = this.#world.allocations;
    return (this.processed % BATCH !== 0 || batches.take(at)) && records.take(at);
  }

  #apply(row: UploadedRow, now: number): void {
    const { cells, end } = row;
    const { settings, header } = this;
    const { rowOutcome, quirks } = this.#world;
    const scope = { chunk: CHUNK, batch: BATCH, job: Infinity }[quirks.duplicateKeysWithin];
    if (this.processed % scope === 0) {
      const { org, rules, table, markers, access } = this.#world;
      const job = { job: settings, jobNumber: this.number, columns: this.#columns, access, now };
      this.#context = { org, rules, table, markers, quirks, ...job, keys: new Set(), created: new Set() };
    }
    if (this.#context !== undefined) this.#context.now = now;
    if (this.processed % CHUNK === 0) this.#context?.created.clear();
    const own = rowOutcome?.(Object.fromEntries(header.names.map((name, i) => [name, cells[i] ?? ''])), {
      object: settings.object,
      operation: settings.operation,
      jobId: settings.id,
      line: this.processed + 1,
    });
    const refused = own ?? refuseRow(row, this.#columns, quirks);
    const outcome = refused === undefined ? applyRow(this.#context as RowContext, cells) : { id: '', error: refused };
    this.processed++;
    this.unprocessedFrom = end;
    if ('error' in outcome) {
      this.failed++;
      const id = settings.apiVersion >= FAILED_IDS_SINCE ? outcome.id : '';
      this.rejected.add(csvLine([id, outcome.error, ...this.withoutHidden(cells)], this.dialect));
    } else {
      const shown = cells.map((cell, i) => this.#shown(cell, this.#columns[i]));
      this.succeeded.add(csvLine([outcome.id, String(outcome.created), ...shown], this.dialect));
    }
    if (this.processed % CHUNK === 0) this.#through = { processed: this.processed, failed: this.failed };
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

  async #store(): Promise<void> {
    await this.succeeded.store(this.#world.random);
    await this.rejected.store(this.#world.random);
  }

  async #fail(now: number, errorMessage: string, losesRest = false): Promise<void> {
    if (losesRest) this.unprocessedFrom = Infinity;
    // An aborted job stays aborted, whatever happens in its last batch.
    if (this.state !== 'Aborted') this.errorMessage = errorMessage;
    await this.#end(now, this.state === 'Aborted' ? 'Aborted' : 'Failed');
  }

  async #end(now: number, state: JobState): Promise<void> {
    await this.#store();
    await this.#rows?.return(undefined);
    this.#rows = undefined;
    this.#limit = this.processed;
    this.changedAt = now;
    this.state = state;
  }
}
