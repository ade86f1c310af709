/** Records that running transactions lock: those that they write, and their parents. */
import type { Field } from '../org/fields.js';
import { withCheck } from '../org/ids.js';
import type { Table } from '../org/table.js';
import type { Column, RowJob } from './apply-row.js';
import type { LockSettings } from './tempo.js';
import type { UploadedRow } from './upload.js';

/** The first 15 characters of an id. */
type Key = string;

export interface LockedRows {
  table: Table;
  job: RowJob;
  columns: readonly Column[];
}

/** Which ids the rows of a job lock. */
export class LockKeys {
  readonly #of: LockedRows;
  /** Lookups whose parents are locked, each with its column in the upload. */
  readonly #lookups: readonly { field: Field; column: number }[];
  readonly #keyColumn: number;

  constructor(of: LockedRows, { lookups }: LockSettings) {
    const { table, job, columns } = of;
    this.#of = of;
    this.#lookups = table.object.fields
      .filter(
        (field) => field.isMasterDetail === true || lookups.has(`${table.object.name}.${field.name}`.toLowerCase()),
      )
      .map((field) => ({ field, column: columns.findIndex((column) => column.field === field) }));
    const key = job.operation === 'upsert' ? (job.externalIdFieldName ?? 'Id') : 'Id';
    this.#keyColumn = columns.findIndex(
      ({ field, lookup }) => lookup === undefined && field.name.toLowerCase() === key.toLowerCase(),
    );
  }

  of({ cells }: UploadedRow): Key[] {
    const { table, columns } = this.#of;
    const keys: Key[] = [];
    const record = this.#recordOf(cells);
    if (record !== 0) keys.push(table.id(record).slice(0, 15));
    for (const { field, column } of this.#lookups) {
      const cell = cells[column] ?? '';
      const lookup = columns[column]?.lookup;
      const parent =
        cell === '' || cell === '#N/A'
          ? record === 0
            ? undefined
            : table.value(record, field)
          : lookup === undefined
            ? cell
            : parentOf(lookup, cell);
      if (parent !== undefined) keys.push(parent.slice(0, 15));
    }
    return keys;
  }

  /** The record that the row changes; 0 for none. */
  #recordOf(cells: readonly string[]): number {
    const { table, job, columns } = this.#of;
    const value = cells[this.#keyColumn] ?? '';
    const field = columns[this.#keyColumn]?.field;
    if (job.operation === 'insert' || value === '' || field === undefined) return 0;
    return field.name === 'Id' ? table.byId(value) : (table.findOne(field, value) ?? 0);
  }
}

function parentOf({ table, field }: NonNullable<Column['lookup']>, value: string): string | undefined {
  const parent = table.findOne(field, value);
  return parent === undefined ? undefined : table.id(parent);
}

/** The locks of all running transactions; each batch has at most one. */
export class Locks {
  readonly #holders = new Map<Key, object>();

  /** By row: ids of its own that other batches hold. */
  contended(batch: object, rows: readonly (readonly Key[])[]): Map<number, string[]> {
    const contended = new Map<number, string[]>();
    for (const [i, keys] of rows.entries()) {
      const taken = keys.filter((key) => ![undefined, batch].includes(this.#holders.get(key)));
      if (taken.length > 0) contended.set(i, taken.map(withCheck));
    }
    return contended;
  }

  /** Locks what nobody else holds. Returns what is to be released. */
  hold(batch: object, rows: readonly (readonly Key[])[], except: ReadonlyMap<number, unknown>): Key[] {
    const held: Key[] = [];
    for (const [i, keys] of rows.entries()) {
      if (except.has(i)) continue;
      for (const key of keys) {
        if (this.#holders.has(key)) continue;
        this.#holders.set(key, batch);
        held.push(key);
      }
    }
    return held;
  }

  release(held: readonly Key[]): void {
    for (const key of held) this.#holders.delete(key);
  }
}
