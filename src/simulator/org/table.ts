/**
 * The records of one object, in a compact form so that millions fit: a record is one text outside of the heap, its id
 * comes from its number, and each key field has one map from values to records.
 */
import type { Field, SObject } from './fields.js';
import { isId, makeId, numberOf } from './ids.js';
import { KeyIndex } from './key-index.js';
import { Texts } from './text-store.js';

export interface StoredRecord {
  id: string;
  deleted: boolean;
  /** By field API name; blank fields are absent. */
  values: Map<string, string>;
  /** Number of rows that were applied to it. */
  applied: number;
  /** Jobs that applied a row to it. */
  jobs: string[];
}

/** Changed field values: undefined clears. */
export type Changes = readonly (readonly [Field, string | undefined])[];

const SEPARATOR = '\u0000';
/** Field numbers are written as characters starting here. */
const FIRST = 33;

/** States of a record, as bits. */
const DELETED = 1;
const PURGED = 2;
/** Its id was given, not made from its number. */
const FOREIGN = 4;

/** A record as a text, for those who keep it outside of this process. */
export interface PackedRecord {
  n: number;
  state: number;
  packed: string;
}

export class Table {
  readonly object: SObject;
  readonly #texts = new Texts();
  /** By number of the record, from 1: the position of its text, its state, and its job history. */
  readonly #packed: number[] = [0];
  #states = new Uint8Array(1024);
  readonly #history: number[] = [0];
  /** Job histories, each as an earlier history plus one job. Most records share theirs with many others. */
  readonly #histories: { before: number; job: number; length: number }[] = [{ before: 0, job: 0, length: 0 }];
  readonly #historyNumbers = new Map<string, number>();
  #deleted = 0;
  readonly #found = new Map<Field, KeyIndex>();
  /** Given ids. */
  readonly #foreign: KeyIndex;
  readonly #fields = new Map<string, Field>();
  readonly #position = new Map<Field, string>();
  readonly #autoNumbers: Field[];
  readonly #id: Field | undefined;
  /** Fields that a new record needs a value for. */
  readonly required: Field[];
  /** Values of a new record without others. */
  readonly defaults: [Field, string][];
  /** Is called with every record that was created, changed or removed. */
  onChange: ((record: number) => void) | undefined;

  constructor(object: SObject) {
    this.object = object;
    this.defaults = object.fields.flatMap((field) =>
      field.defaultValue === undefined ? [] : [[field, field.defaultValue] as [Field, string]],
    );
    this.required = object.fields.filter(
      ({ createable, nillable, defaultedOnCreate }) => createable && !nillable && !defaultedOnCreate,
    );
    this.#autoNumbers = object.fields.filter(({ autoNumber }) => autoNumber);
    for (const [i, field] of object.fields.entries()) {
      this.#fields.set(field.name.toLowerCase(), field);
      this.#position.set(field, String.fromCharCode(FIRST + i));
      if (field.name !== 'Id' && (field.externalId || field.idLookup || field.unique || field.restrictsDelete)) {
        this.#found.set(field, new KeyIndex((n) => keyForm(field, this.value(n, field) ?? '')));
      }
    }
    this.#id = this.#fields.get('id');
    this.#foreign = new KeyIndex((n) => (this.#given(n) ?? '').slice(0, 15));
  }

  /** Ignores letter case. */
  field(name: string): Field | undefined {
    return this.#fields.get(name.toLowerCase());
  }

  id(n: number): string {
    return this.#given(n) ?? makeId(this.object.keyPrefix, n);
  }

  #given(n: number): string | undefined {
    if (((this.#states[n] as number) & FOREIGN) === 0 || this.#id === undefined) return undefined;
    return this.value(n, this.#id);
  }

  /** The record with an id, even if deleted; 0 if none. */
  byId(id: string): number {
    if (!isId(id)) return 0;
    const made = numberOf(this.object.keyPrefix, id);
    const isMade = made > 0 && made < this.#packed.length && ((this.#states[made] as number) & FOREIGN) === 0;
    const n = isMade ? made : (this.#foreign.find(id.slice(0, 15), 1)[0] ?? 0);
    return n !== 0 && ((this.#states[n] as number) & PURGED) === 0 ? n : 0;
  }

  isDeleted(n: number): boolean {
    return ((this.#states[n] as number) & DELETED) !== 0;
  }

  /** Whether `find` knows a field. */
  isIndexed(field: Field): boolean {
    return field.name === 'Id' || this.#found.has(field);
  }

  /** Records with this value in a key field, without deleted ones. */
  find(field: Field, value: string): number[] {
    if (field.name === 'Id') {
      const n = this.byId(value);
      return n === 0 || this.isDeleted(n) ? [] : [n];
    }
    const found = this.#found.get(field)?.find(keyForm(field, value)) ?? [];
    return this.#deleted === 0 ? found : found.filter((n) => !this.isDeleted(n));
  }

  /** The first of them that fits. */
  findOne(field: Field, value: string, fits: (n: number) => boolean = () => true): number | undefined {
    const found = this.#found.get(field);
    if (this.#deleted === 0 && found !== undefined) {
      // The first two decide in all cases but those of deleted records.
      const some = found.find(keyForm(field, value), 2);
      const one = some.find(fits);
      if (one !== undefined || some.length < 2) return one;
    }
    return this.find(field, value).find(fits);
  }

  /** @param id of a record that exists elsewhere */
  create(changes: Changes, id?: string): number {
    const n = this.#packed.length;
    this.#packed.push(this.#texts.add(''));
    this.#history.push(0);
    this.#setState(n, 0);
    const numbers = this.#autoNumbers.map((field) => [field, String(n).padStart(8, '0')] as const);
    const all: Changes = numbers.length === 0 ? changes : [...numbers, ...changes];
    if (id === undefined || this.#id === undefined) this.change(n, all);
    else {
      this.#setState(n, FOREIGN);
      this.change(n, [[this.#id, id], ...all]);
      this.#foreign.add(n, id.slice(0, 15));
    }
    return n;
  }

  #setState(n: number, state: number): void {
    if (n >= this.#states.length) {
      const larger = new Uint8Array(Math.ceil(n * 1.5));
      larger.set(this.#states);
      this.#states = larger;
    }
    this.#states[n] = state;
  }

  change(n: number, changes: Changes): void {
    const before = this.#unpack(n);
    const after = new Map(before);
    for (const [field, value] of changes) {
      if (value === undefined) after.delete(field);
      else after.set(field, value.replaceAll(SEPARATOR, ''));
    }
    // Indexes read the values of records: each is removed before its record changes, and added afterwards.
    const moved = changes.filter(([field]) => this.#found.has(field) && before.get(field) !== after.get(field));
    for (const [field] of moved) this.#unindex(n, field, before.get(field));
    this.#packed[n] = this.#texts.replace(this.#packed[n] as number, this.#pack(after));
    for (const [field] of moved) this.#index(n, field, after.get(field));
    this.onChange?.(n);
  }

  #pack(values: ReadonlyMap<Field, string>): string {
    let packed = '';
    for (const [field, value] of values) {
      packed += `${packed === '' ? '' : SEPARATOR}${this.#position.get(field)}${value}`;
    }
    return packed;
  }

  value(n: number, field: Field): string | undefined {
    const packed = this.#texts.get(this.#packed[n] as number);
    const position = this.#position.get(field) as string;
    if (packed.startsWith(position)) return packed.slice(1, endOf(packed, 1));
    const at = packed.indexOf(SEPARATOR + position);
    return at === -1 ? undefined : packed.slice(at + 2, endOf(packed, at + 2));
  }

  /** All values of a record. */
  values(n: number): ReadonlyMap<Field, string> {
    return this.#unpack(n);
  }

  remove(n: number, forGood: boolean): void {
    if (!this.isDeleted(n)) this.#deleted++;
    this.#setState(n, (this.#states[n] as number) | DELETED | (forGood ? PURGED : 0));
    this.onChange?.(n);
  }

  /** Number of records ever created. */
  get count(): number {
    return this.#packed.length - 1;
  }

  /** A record as it is kept elsewhere. */
  packed(n: number): PackedRecord {
    return { n, state: this.#states[n] as number, packed: this.#texts.get(this.#packed[n] as number) };
  }

  /**
   * Puts back what `packed` returned, in any order.
   * @param fields the fields of the table that it came from, by position
   */
  restore({ n, state, packed }: PackedRecord, fields: readonly (Field | undefined)[]): void {
    while (this.#packed.length <= n) {
      this.#packed.push(this.#texts.add(''));
      this.#history.push(0);
      this.#setState(this.#packed.length - 1, 0);
    }
    const values = new Map<Field, string>();
    for (const [i, value] of partsOf(packed)) {
      const field = fields[i];
      if (field !== undefined) values.set(field, value);
    }
    const old = this.#unpack(n);
    const isNew = ((this.#states[n] as number) & FOREIGN) === 0 && (state & FOREIGN) !== 0;
    if (this.isDeleted(n)) this.#deleted--;
    this.#setState(n, state);
    if (this.isDeleted(n)) this.#deleted++;
    const cleared = [...old.keys()].filter((field) => !values.has(field)).map((field) => [field, undefined] as const);
    this.change(n, [...cleared, ...values]);
    if (isNew) this.#foreign.add(n, (this.#given(n) ?? '').slice(0, 15));
  }

  /** Records that a row of this job was applied to the record. */
  note(n: number, job: number): void {
    const before = this.#history[n] as number;
    const name = `${before} ${job}`;
    let number = this.#historyNumbers.get(name);
    if (number === undefined) {
      number = this.#histories.length;
      const length = (this.#histories[before]?.length ?? 0) + 1;
      this.#histories.push({ before, job, length });
      this.#historyNumbers.set(name, number);
    }
    this.#history[n] = number;
  }

  /** Number of records that use storage: deleted ones do not. */
  get size(): number {
    return this.#packed.length - 1 - this.#deleted;
  }

  record(n: number): StoredRecord {
    const jobs: string[] = [];
    const history = this.#history[n] as number;
    for (let at = history; at !== 0; at = this.#histories[at]?.before ?? 0) {
      jobs.unshift(makeId('750', this.#histories[at]?.job ?? 0));
    }
    return {
      id: this.id(n),
      deleted: this.isDeleted(n),
      values: new Map(
        [...this.#unpack(n)].filter(([field]) => field !== this.#id).map(([field, value]) => [field.name, value]),
      ),
      applied: this.#histories[history]?.length ?? 0,
      jobs,
    };
  }

  /** All records except permanently deleted ones. */
  *records(): Generator<StoredRecord> {
    for (let n = 1; n < this.#packed.length; n++)
      if (((this.#states[n] as number) & PURGED) === 0) yield this.record(n);
  }

  /** Of all records, with those that are deleted. */
  *numbers(): Generator<number> {
    for (let n = 1; n < this.#packed.length; n++) if (((this.#states[n] as number) & PURGED) === 0) yield n;
  }

  #unpack(n: number): Map<Field, string> {
    const values = new Map<Field, string>();
    const { fields } = this.object;
    for (const [i, value] of partsOf(this.#texts.get(this.#packed[n] as number))) {
      values.set(fields[i] as Field, value);
    }
    return values;
  }

  #unindex(n: number, field: Field, value: string | undefined): void {
    if (value !== undefined) this.#found.get(field)?.remove(n, keyForm(field, value));
  }

  #index(n: number, field: Field, value: string | undefined): void {
    if (value !== undefined) this.#found.get(field)?.add(n, keyForm(field, value));
  }
}

/** The field numbers and values of a record's text. */
function partsOf(packed: string): [number, string][] {
  if (packed === '') return [];
  return packed.split(SEPARATOR).map((part) => [part.charCodeAt(0) - FIRST, part.slice(1)]);
}

function endOf(packed: string, from: number): number {
  const end = packed.indexOf(SEPARATOR, from);
  return end === -1 ? packed.length : end;
}

/** One form for keys that the platform considers equal. */
export function keyForm(field: Field, value: string): string {
  if (field.type === 'double') return String(Number(value));
  if (field.type === 'reference') return value.slice(0, 15);
  return field.caseSensitive ? value : value.toLowerCase();
}
