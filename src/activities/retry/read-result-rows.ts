/**
 * Reads the result files of a part. Most are well-formed: their records are found as in a source, and a row's cells are
 * read only where they are needed. A file that is not is read by the strict parser, which refuses what it must.
 */
import { resultDelimiter } from '../../rows/result-file.js';
import { OWN_COLUMNS, readResultRows, ResultRecords } from '../../rows/result-rows.js';
import type { ResultRow } from '../../rows/result-rows.js';
import { readHead, readRange, scanRange } from '../../storage/read-files.js';
import { isThere } from '../../storage/files/file-tree.js';
import { readCells } from '../../csv/cells.js';
import { RecordRuns } from '../../csv/record-runs.js';
import type { RecordRun } from '../../runtime/record-run.js';
import type { Delimiter } from '../../csv/dialect.js';
import { NightloadError } from '../../errors.js';
import type { HashPlaces } from '../../keys/key-table.js';
import type { KeyScan, KeyTask } from '../../keys/wasm/key-scan.js';
import { partFiles } from '../stage/stage-plan.js';
import type { StagePlan } from '../stage/stage-plan-types.js';

export type ResultFileKind = 'succeeded' | 'failed' | 'unprocessed';

export interface StageFiles {
  plan: StagePlan;
  stageFolder: string;
  signal: AbortSignal;
}

/** Handles rows by the hash of their key, without reading their cells. */
export interface HashedRows {
  scan: KeyScan;
  task: KeyTask;
  /** Position of the key among the uploaded columns. */
  column: number;
  /**
   * Rows whose note does not begin with this text are returned. It may change between rows.
   * @returns undefined if all rows are to be returned, empty if the note does not matter
   */
  prefix(): string | undefined;
  /** @param at where the hash is in the scan's words */
  onHash(at: number): void;
  /** Is told of many hashes before. */
  prepare?: (hashes: HashPlaces) => void;
}

export async function* resultRows(files: StageFiles, part: number, kind: ResultFileKind): AsyncGenerator<ResultRow> {
  for await (const rows of resultBatches(files, part, kind)) yield* rows;
}

/**
 * Rows of a result file, many at a time: valid until the next ones are requested.
 * @param hashed handles the rows that it can; only the others are returned
 * @throws NightloadError `RESULT_UNREADABLE`; for an unprocessed file `CSV_UNCLOSED_QUOTE`, `CSV_ROW_TOO_LARGE`,
 *   `CSV_RAGGED_ROW`
 */
export async function* resultBatches(
  { plan, stageFolder, signal }: StageFiles,
  part: number,
  kind: ResultFileKind,
  hashed?: HashedRows,
): AsyncGenerator<readonly ResultRow[]> {
  const path = partFiles(stageFolder, part)[kind];
  if (!(await isThere(path))) return;
  const own = kind === 'unprocessed' ? 0 : OWN_COLUMNS;
  const first = own === 0 ? (plan.names[0] as string) : 'sf__Id';
  const delimiter = resultDelimiter(await readHead(path, 4096), first, plan.delimiter);
  const reader = new BatchReader({ delimiter, names: plan.names, own, hashed });
  yield* reader.batches(scanRange(path, 0, undefined, signal, hashed?.scan.buffers));
  if (!reader.isOdd) return;
  // The rows before are the same.
  let row = 0;
  for await (const rest of readResultRows(readRange(path, 0, undefined, signal), delimiter, plan.names)) {
    if (row++ >= reader.rows) yield [rest];
  }
}

/** Thrown by a visitor, to stop at a row that only the strict parser may judge. */
const ODD = Symbol('odd');

/** A row with fewer bytes has no more cells than a row may have. */
const FEW_BYTES = 40_000;
/** The strict parser has a limit of its own for larger rows. */
const MAX_BYTES = 1_000_000;

class BatchReader {
  readonly #names: readonly string[];
  readonly #own: number;
  readonly #hashed: HashedRows | undefined;
  readonly #delimiter: Delimiter;
  readonly #runs: RecordRuns;
  #records: ResultRecords | undefined;
  #batch: ResultRow[] = [];
  /** Rows so far, returned or handled. */
  rows = 0;
  /** The file must be read by the strict parser from here on. */
  isOdd = false;

  constructor(options: {
    delimiter: Delimiter;
    names: readonly string[];
    own: number;
    hashed: HashedRows | undefined;
  }) {
    this.#names = options.names;
    this.#own = options.own;
    this.#hashed = options.hashed;
    this.#delimiter = options.delimiter;
    this.#runs = new RecordRuns(
      { delimiter: options.delimiter, buffers: options.hashed?.scan.buffers },
      { onRun: (run) => this.#takeRun(run), onRecord: (record) => this.#takeRecord(record) },
    );
  }

  /** The platform repeats uploaded bytes in an unprocessed file, with any quoting. */
  get #isStrict(): boolean {
    return this.#own > 0;
  }

  async *batches(chunks: AsyncIterable<Buffer>): AsyncGenerator<readonly ResultRow[]> {
    try {
      for await (const _ of this.#runs.pieces(chunks)) {
        if (this.#batch.length > 0) yield this.#batch;
        this.#batch = [];
      }
      this.isOdd = this.#isStrict && this.#runs.oddities.endsInCr;
    } catch (error) {
      // Only these are about the form of the file, which the strict parser judges.
      const isForm = error === ODD || (error instanceof NightloadError && FORM_ERRORS.has(error.code));
      if (!this.#isStrict || !isForm) throw error;
      this.isOdd = true;
      if (this.#batch.length > 0) yield this.#batch;
    }
  }

  #check(): void {
    const { strayQuote, loneCr } = this.#runs.oddities;
    if (this.#isStrict && (strayQuote || loneCr)) throw ODD;
  }

  /** A record that spans chunks, follows a blank line, or ends the file. */
  #takeRecord(record: Buffer): void {
    this.#check();
    if (this.#isStrict && record[record.length - 1] === CR) throw ODD;
    // Its memory may be that of a chunk, as other rows' is, or its own.
    if (this.#records === undefined) this.#takeHeader(record);
    else this.#takeRow(this.#records, record);
  }

  #takeHeader(header: Buffer): ResultRecords {
    this.#checkSize(header);
    // UTF-16, which the strict parser reads.
    if (this.#isStrict && header[0] === 0xff && header[1] === 0xfe) throw ODD;
    return (this.#records = new ResultRecords(header, {
      delimiter: this.#delimiter,
      names: this.#names,
      own: this.#own,
    }));
  }

  #takeRow(records: ResultRecords, record: Buffer): void {
    this.#checkSize(record);
    this.#batch.push(records.row(record));
    this.rows++;
  }

  #checkSize(record: Buffer): void {
    if (record.length <= FEW_BYTES) return;
    if (this.#isStrict && record.length > MAX_BYTES) throw ODD;
    readCells(record, this.#delimiter);
  }

  #takeRun(run: RecordRun): void {
    this.#check();
    const { bytes, ends } = run;
    let { start, first, count } = run;
    if (this.#records === undefined) {
      const end = ends[first] as number;
      this.#takeHeader(bytes.subarray(start, end));
      start = end;
      first++;
      count--;
    }
    const records = this.#records as unknown as ResultRecords;
    const place = this.#hashed === undefined ? undefined : records.placeOf(this.#hashed.column);
    const prefix = this.#hashed?.prefix();
    if (this.#hashed !== undefined && place !== undefined && prefix !== undefined) {
      this.#takeHashed(this.#hashed, records, { place, prefix }, { bytes, ends, start, first, count });
      return;
    }
    for (let at = first; at < first + count; at++) {
      const end = ends[at] as number;
      this.#takeRow(records, bytes.subarray(start, end));
      start = end;
    }
  }

  #takeHashed(
    { scan, task, onHash, prepare }: HashedRows,
    records: ResultRecords,
    { place, prefix }: { place: number; prefix: string },
    run: RecordRun,
  ): void {
    const before = this.rows;
    scan.use({ column: place, delimiter: this.#delimiter, prefix });
    scan.scan(
      task,
      run,
      ({ start, end, hashAt }) => {
        if (hashAt !== undefined) {
          onHash(hashAt);
          return;
        }
        const record = run.bytes.subarray(start, end);
        // If it is odd, the rows before it count.
        if (record.length > FEW_BYTES) this.rows = before + rowsUntil(run, start);
        this.#takeRow(records, record);
      },
      prepare,
    );
    this.rows = before + run.count;
  }
}

const CR = 0x0d;

/** Records of a run before an address. */
function rowsUntil({ ends, first, count }: RecordRun, address: number): number {
  let rows = 0;
  while (rows < count && (ends[first + rows] as number) <= address) rows++;
  return rows;
}

const FORM_ERRORS: ReadonlySet<string> = new Set(['CSV_UNCLOSED_QUOTE', 'CSV_ROW_TOO_LARGE', 'CSV_RAGGED_ROW']);
