/** Writes the sorted rows. */
import { readCells, withoutLineEnd, writeCells } from '../../csv/cells.js';
import { headerBytes } from '../../rows/column-mapping.js';
import { CHANGES_HEADER } from '../../rows/apply-fixes.js';
import type { ResultRow } from '../../rows/result-rows.js';
import { join } from '../../storage/locations.js';
import { RowFile } from '../../storage/row-file.js';
import { shownNames } from '../stage/stage-plan.js';
import type { StagePlan } from '../stage/stage-plan-types.js';

const LF = 0x0a;
const CR = 0x0d;

export class TriageOutput {
  readonly rejected: RowFile;
  readonly unprocessed: RowFile;
  /** Rows that failed because the requested state already existed, in the format of the succeeded files. */
  readonly alreadyDone: RowFile;
  /** Values that fix rules changed. */
  readonly changes: RowFile;
  /** Rows for the next round without notes: first those with a key, then the others. */
  next: RowFile;
  /** Source rows that may be sent again, complete with their line endings, in the order of the source. */
  readonly found: RowFile;
  /** End of the rows with a key in `next`. */
  keyedBytes = 0;
  rerendered = 0;
  readonly #plan: StagePlan;

  /** @param paths where to put `next` and `found`: it may be the same place, if one is removed before the other ends */
  constructor(folder: string, plan: StagePlan, paths: { next: string; found: string }) {
    this.#plan = plan;
    const shown = shownNames(plan);
    const header = (names: readonly string[]): Buffer => headerBytes(names, ',', 'LF');
    this.rejected = new RowFile(join(folder, 'rejected.csv'), header(['sf__Id', 'sf__Error', ...shown]));
    this.unprocessed = new RowFile(join(folder, 'unprocessed.csv'), header(plan.names));
    this.alreadyDone = new RowFile(join(folder, 'already-done.csv'), header(['sf__Id', 'sf__Created', ...plan.names]));
    this.changes = new RowFile(join(folder, 'changes.csv'), header(CHANGES_HEADER));
    this.next = new RowFile(paths.next, Buffer.alloc(0));
    this.found = new RowFile(paths.found, Buffer.alloc(0));
  }

  async reject(id: string, error: string, cells: readonly string[]): Promise<void> {
    await this.rejected.add(writeCells([id, error, ...cells], ',', 'LF'));
  }

  async leaveUnprocessed(cells: readonly string[]): Promise<void> {
    await this.unprocessed.add(writeCells(cells, ',', 'LF'));
  }

  async acceptAsDone(row: ResultRow): Promise<void> {
    await this.alreadyDone.add(writeCells([row.id, 'false', ...row.cells], ',', 'LF'));
  }

  /** A record of the source. */
  async leaveRecordUnprocessed(record: Buffer): Promise<void> {
    const { delimiter } = this.#plan;
    if (delimiter !== ',') return this.leaveUnprocessed(readCells(record, delimiter));
    if (record[record.length - 1] === LF && record[record.length - 2] !== CR) return this.unprocessed.add(record);
    await this.unprocessed.add(Buffer.concat([record.subarray(0, withoutLineEnd(record)), Buffer.from('\n')]));
  }

  /** Adjacent source records, if the source's format matches the file's. */
  async leaveBytesUnprocessed(chunks: AsyncIterable<Buffer>, rows: number): Promise<void> {
    let left = rows;
    let last: number | undefined = LF;
    for await (const chunk of chunks) {
      await this.unprocessed.addBytes(chunk, left);
      left = 0;
      last = chunk.at(-1);
    }
    if (last !== LF) await this.unprocessed.addBytes(Buffer.from('\n'), 0);
  }

  /** Writes the source's bytes. */
  async sendBytesAgain(record: Buffer): Promise<void> {
    await this.next.add(this.withLineEnd(record));
  }

  /** Writes adjacent rows that {@link found} has. */
  async sendFoundAgain(bytes: Buffer, rows: number): Promise<void> {
    await this.next.addBytes(bytes, rows);
  }

  /** All rows found are sent, and nothing was sent so far. */
  sendAllFound(): void {
    this.next = this.found;
  }

  /** The last row of a file may lack its line ending. */
  withLineEnd(record: Buffer): Buffer {
    if (record[record.length - 1] === LF) return record;
    const bare = record[record.length - 1] === CR ? record.subarray(0, -1) : record;
    return Buffer.concat([bare, Buffer.from(this.#plan.lineEnding === 'CRLF' ? '\r\n' : '\n')]);
  }

  /** Writes the values of a result file. */
  async sendValuesAgain(cells: readonly string[]): Promise<void> {
    await this.next.add(writeCells(cells, this.#plan.delimiter, this.#plan.lineEnding));
  }

  async noteChanges(lines: readonly (readonly string[])[]): Promise<void> {
    for (const line of lines) await this.changes.add(writeCells(line, ',', 'LF'));
  }

  async close(): Promise<void> {
    const files = new Set([this.rejected, this.unprocessed, this.alreadyDone, this.changes, this.next, this.found]);
    await Promise.all([...files].map((file) => file.close()));
  }
}
