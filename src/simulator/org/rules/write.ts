/** One write of a record, as rules see it: before it is done. */
import { UnknownValue } from '../../formula/unknown-value.js';
import type { Field } from '../fields.js';
import type { Org } from '../org.js';
import type { Table } from '../table.js';

export interface WriteOptions {
  org: Org;
  table: Table;
  /** 0 for a record that is about to be created. */
  record: number;
  /** Written values, with the default values of a new record. */
  changes: readonly (readonly [Field, string | undefined])[];
  userId: string;
  /** The org's time. */
  now: number;
}

export class Write {
  readonly org: Org;
  readonly table: Table;
  readonly record: number;
  readonly now: number;
  readonly changed: ReadonlyMap<Field, string | undefined>;
  readonly #userId: string;
  #stored: ReadonlyMap<Field, string> | undefined;

  constructor({ org, table, record, changes, userId, now }: WriteOptions) {
    this.org = org;
    this.table = table;
    this.record = record;
    this.now = now;
    this.changed = new Map(changes);
    this.#userId = userId;
  }

  /** The value that the row writes. */
  written(name: string): string | undefined {
    const field = this.table.field(name);
    return field === undefined ? undefined : this.changed.get(field);
  }

  /** The record's value afterwards. */
  after(name: string): string | undefined {
    const field = this.table.field(name);
    return field === undefined ? undefined : this.valueAfter(field);
  }

  valueAfter(field: Field): string | undefined {
    return this.changed.has(field) ? this.changed.get(field) : this.valueBefore(field);
  }

  /** For rules: like `valueAfter` and `valueBefore`. @throws UnknownValue */
  knownAfter(field: Field): string | undefined {
    return this.changed.has(field) ? this.changed.get(field) : this.knownBefore(field);
  }

  /** The same by name. @throws UnknownValue */
  knownNamed(name: string): string | undefined {
    const field = this.table.field(name);
    return field === undefined ? undefined : this.knownAfter(field);
  }

  /** @throws UnknownValue */
  knownBefore(field: Field): string | undefined {
    const isAssumed = this.record !== 0 && this.org.wasAssumed(this.table, this.record);
    if (isAssumed && this.#before(field) === undefined) throw new UnknownValue(field.name);
    return this.valueBefore(field);
  }

  #before(field: Field): string | undefined {
    if (this.record !== 0) this.#stored ??= this.table.values(this.record);
    return this.#stored?.get(field);
  }

  valueBefore(field: Field): string | undefined {
    const value = this.#before(field);
    // A record without another owner belongs to its creator.
    return value === undefined && field.name === 'OwnerId' ? this.#userId : value;
  }
}
