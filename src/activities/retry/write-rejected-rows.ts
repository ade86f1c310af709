/** Writes rejected rows for people. */
import { readCell, readCells } from '../../csv/cells.js';
import { eachRecordBytes } from '../../csv/records.js';
import { readRange } from '../../storage/read-files.js';
import { IntList } from '../../keys/typed-lists.js';
import { KeyTable } from '../../keys/key-table.js';
import type { TriageContext } from './triage-context.js';
import type { Key } from './find/source-keys.js';
import { isAsPlanned } from '../stage/stage-plan.js';
import type { StagePlan } from '../stage/stage-plan-types.js';

/** Each takes about 600 bytes; the original is read once per this many. */
const MAX_WAITING = 100_000;

interface Waiting {
  id: string;
  error: string;
  cells: readonly string[];
}

/** Rejected rows. A delete sends ids only, so its rows get their other columns back from the file. */
export class Rejections {
  readonly #sorting: TriageContext;
  readonly #key: Key | undefined;
  readonly #mostWaiting: number;
  readonly #waiting = new Map<string, Waiting[]>();
  #count = 0;
  /** How many records of a key earlier passes have used, by the key's number. */
  readonly #keys = new KeyTable();
  readonly #taken = new IntList();

  constructor(sorting: TriageContext, key: Key | undefined, mostWaiting = MAX_WAITING) {
    this.#sorting = sorting;
    this.#key = key;
    this.#mostWaiting = mostWaiting;
  }

  async add(id: string, error: string, cells: readonly string[]): Promise<void> {
    const { files, plan } = this.#sorting;
    if (plan.original === undefined) return files.reject(id, error, cells);
    const value = this.#key?.of(cells) ?? '';
    const rows = this.#waiting.get(value);
    if (rows === undefined) this.#waiting.set(value, [{ id, error, cells }]);
    else rows.push({ id, error, cells });
    if (++this.#count >= this.#mostWaiting) await this.finish();
  }

  async finish(): Promise<void> {
    const { files, plan, signal } = this.#sorting;
    const { original } = plan;
    if (original === undefined || this.#count === 0) return;
    const { delimiter, columns } = original;
    const idAt = columns.findIndex(({ name }) => name.toLowerCase() === 'id');
    const place = columns[idAt]?.index ?? 0;
    const passedOver = new Map<string, number>();
    for (const value of this.#waiting.keys()) {
      const number = this.#keys.numberOf(value);
      if (number !== -1) passedOver.set(value, this.#taken.get(number));
    }
    // Without the original, the other columns stay blank: the Id and the reason are enough.
    if (await isAsPlanned(original.path, original.fingerprint)) {
      const bytes = readRange(original.path, original.dataStart, undefined, signal);
      for await (const record of eachRecordBytes(bytes, { delimiter, leaveOutBlank: true })) {
        const value = this.#key?.of([readCell(record, place, delimiter)]) ?? '';
        const waiting = this.#waiting.get(value);
        if (waiting === undefined) continue;
        const before = passedOver.get(value) ?? 0;
        if (before > 0) {
          passedOver.set(value, before - 1);
          continue;
        }
        const row = waiting.shift();
        if (row === undefined) continue;
        this.#take(value);
        const cells = readCells(record, delimiter);
        await files.reject(
          row.id,
          row.error,
          columns.map(({ index }) => cells[index] ?? ''),
        );
        if (--this.#count === 0) break;
      }
    }
    for (const rows of this.#waiting.values()) {
      for (const { id, error, cells } of rows) {
        await files.reject(
          id,
          error,
          columns.map((_, i) => (i === idAt ? (cells[0] ?? '') : '')),
        );
      }
    }
    this.#waiting.clear();
    this.#count = 0;
  }

  #take(value: string): void {
    const number = this.#keys.add(value);
    if (number === this.#taken.length) this.#taken.push(1);
    else this.#taken.set(number, this.#taken.get(number) + 1);
  }
}

/** @param note why the row failed, if it did */
export function duplicateKey({ key }: StagePlan, note: string): string {
  const column = key?.column ?? 'Id';
  const first = note === '' ? '' : ` This one failed with: ${note}`;
  return `DUPLICATE_KEY_IN_FILE:Another row has the same ${column}, and it is unknown which is newer.${first}:${column} --`;
}
