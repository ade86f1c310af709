/**
 * Checks every data row in a stream before anything is sent. Memory does not grow with the file, except for the keys:
 * see `FirstRows`.
 */
import { Scanner } from '../../csv/scanner.js';
import { MAX_ROW_BYTES, rowTooLarge, unclosedQuote } from '../../csv/row-limits.js';
import { inSlices, TimeSlice } from '../../runtime/time-slice.js';
import { FirstRows } from '../../keys/first-occurrences.js';
import { RowRules } from './row-validator.js';
import type { RowProblem, RowRulesInput } from './row-validator.js';
import { shorten } from './shown-values.js';
import { defined } from '../../domain/defined.js';

const LISTED = 100;
const MAX_MESSAGE = 200;
const API_NAME = /^[A-Za-z][A-Za-z0-9_.]{0,254}$/;
const NOTHING = Buffer.alloc(0);

/** `columns`: the sent columns. `key`: if set, keys must be present (except for an insert) and unique. */
export interface RowCheckInput extends RowRulesInput {
  /** The data after the header. */
  chunks: AsyncIterable<Uint8Array>;
  /** Offset of the first chunk in the file. */
  base?: number;
  /** Rows without any value are skipped. @default false */
  leaveOutBlank?: boolean;
  /** Called in order and awaited; the bytes, line ending included, belong to the caller until the promise settles. */
  onBadRow?: (record: Buffer, finding: RowFinding) => void | Promise<void>;
  signal?: AbortSignal;
  /** Called after each chunk with the bytes checked so far. */
  onProgress?: (bytes: number) => void;
}

export interface RowFinding {
  /** Data row, from 1; blank lines and rows without any value do not count. */
  row: number;
  /**
   * The platform's status code if it has one, else `ROW_RAGGED`, `ROW_TOO_LARGE`, `CSV_NUL`, `KEY_BLANK`,
   * `DUPLICATE_KEY_IN_FILE`.
   */
  code: string;
  /** Title of the column, as in the file. */
  column?: string;
  /** Without the value. */
  message: string;
  /** As in `sf__Error`, with up to 200 characters of the value: for files only. */
  error: string;
}

export interface RowCheckReport {
  rows: number;
  badRows: number;
  /** Number of bad rows by the code of their first finding. */
  byCode: Record<string, number>;
  /** One finding for each of the first 100 bad rows. */
  findings: RowFinding[];
}

/** @throws NightloadError `CSV_UNCLOSED_QUOTE`, `CSV_ROW_TOO_LARGE`; the signal's reason when it aborts */
export async function checkRows(input: RowCheckInput): Promise<RowCheckReport> {
  const { chunks, base = 0, onBadRow, signal, onProgress } = input;
  const check = new Check(input);
  const slice = new TimeSlice();
  const tell = async (): Promise<void> => {
    const bad = check.bad;
    check.bad = [];
    for (const { record, finding } of bad) {
      await onBadRow?.(record, finding);
      if (slice.isOver) await slice.next();
    }
  };
  signal?.throwIfAborted();
  for await (const chunk of inSlices(chunks)) {
    signal?.throwIfAborted();
    check.push(chunk);
    if (check.bad.length > 0) await tell();
    onProgress?.(check.position - base);
  }
  signal?.throwIfAborted();
  check.finish();
  await tell();
  return check.report;
}

class Check {
  readonly report: RowCheckReport = { rows: 0, badRows: 0, byCode: {}, findings: [] };
  /** Not reported yet; at most the rows of one chunk. */
  bad: { record: Buffer; finding: RowFinding }[] = [];
  position: number;
  readonly #rules: RowRules;
  readonly #scanner: Scanner;
  readonly #keyColumn: { name: string; column?: RowRulesInput['columns'][number] } | undefined;
  readonly #firstRows = new FirstRows();
  readonly #keeps: boolean;
  #chunk: Buffer = NOTHING;
  #nul = false;
  /** The record that earlier chunks began. */
  #pieces: Buffer[] = [];
  #pieceBytes = 0;

  constructor(input: RowCheckInput) {
    const { key, columns, base = 0, leaveOutBlank = false } = input;
    const column = columns.find(({ index }) => index === key?.index);
    this.#rules = new RowRules(input);
    this.#keyColumn = key && { name: key.name, ...defined({ column }) };
    this.#keeps = input.onBadRow !== undefined;
    this.position = base;
    const onRecord = (start: number, end: number): void => this.#record(start, end);
    this.#scanner = new Scanner(input.delimiter, base, onRecord, { leaveOutBlank });
  }

  push(chunk: Buffer): void {
    this.#chunk = chunk;
    this.#nul = chunk.includes(0);
    this.#scanner.push(chunk);
    const open = Math.max(0, this.#scanner.recordStart - this.position);
    if (this.#scanner.recordStart >= this.position) {
      this.#pieces = [];
      this.#pieceBytes = 0;
    }
    this.position += chunk.length;
    if (open === chunk.length) return;
    this.#pieces.push(chunk.subarray(open));
    this.#pieceBytes += chunk.length - open;
    if (this.#pieceBytes > MAX_ROW_BYTES) this.#endless();
  }

  finish(): void {
    this.#chunk = NOTHING;
    const open = this.#scanner.finish();
    if (open !== undefined) unclosedQuote(`Data row ${open}`);
  }

  #endless(): never {
    throw rowTooLarge(`Data row ${this.report.rows + 1} (from byte ${this.#scanner.recordStart} of the file)`);
  }

  #record(start: number, end: number): void {
    const { position } = this;
    if (start >= position) {
      this.#row(this.#chunk, start - position, end - position, this.#nul);
    } else {
      const joined = Buffer.concat([...this.#pieces, this.#chunk.subarray(0, end - position)]);
      this.#row(joined, 0, joined.length, joined.includes(0));
    }
  }

  #row(bytes: Buffer, start: number, end: number, nul: boolean): void {
    const row = ++this.report.rows;
    let problem = this.#rules.check(bytes, start, end, nul);
    const { key } = this.#rules;
    if (key !== undefined) {
      // A bad row's key counts too: once corrected, the row would overwrite the good one.
      const first = this.#firstRows.add(key, row);
      if (first !== undefined) problem ??= this.#duplicate(key, first);
    }
    if (problem !== undefined) this.#note(bytes, start, end, problem);
  }

  #duplicate(key: string, first: number): RowProblem {
    const { name = '', column } = this.#keyColumn ?? {};
    const end = `is already in data row ${first}`;
    const message = `the key ${shorten(name)} '${shorten(key)}' ${end}`;
    return {
      code: 'DUPLICATE_KEY_IN_FILE',
      message,
      words: `the key ${shorten(name)} ${end}`,
      ...defined({ column }),
    };
  }

  #note(bytes: Buffer, start: number, end: number, problem: RowProblem): void {
    const { report } = this;
    const { code, column } = problem;
    report.badRows++;
    report.byCode[code] = (report.byCode[code] ?? 0) + 1;
    const isListed = report.findings.length < LISTED;
    if (!isListed && !this.#keeps) return;
    const told = problem.message.slice(0, MAX_MESSAGE);
    const field = column !== undefined && API_NAME.test(column.name) ? `${column.name} ` : '';
    const finding = {
      row: report.rows,
      code,
      ...defined({ column: column?.title }),
      message: problem.words,
      error: `${code}:${told}:${field}--`,
    };
    if (isListed) report.findings.push(finding);
    if (this.#keeps) this.bad.push({ record: bytes.subarray(start, end), finding });
  }
}
