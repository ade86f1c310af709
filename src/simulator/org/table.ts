/**
 * The records of one object, in a compact form so that millions fit: a record is one text outside of the heap, its id
 * comes from its number, and each key field has one map from values to records.
 */
import type { Field, SObject } from './fields.js';
import { isId, makeId, numberOf } from './ids.js';
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

export class Table {
  readonly object: SObject;
  readonly #texts = new Texts();
  /** By number of the record, from 1: the position of its text, and its job history. */
  readonly #packed: number[] = [0];
  readonly #history: number[] = [0];
  /** Job histories, each as an earlier history plus one job. Most records share theirs with many others. */
  readonly #histories: { before: number; job: number; length: number }[] = [{ before: 0, job: 0, length: 0 }];
  readonly #historyNumbers = new Map<string, number>();
  readonly #deleted = new Set<number>();
  readonly #purged = new Set<number>();
  readonly #found = new Map<Field, Map<string, number | number[]>>();
  readonly #fields = new Map<string, Field>();
  readonly #position = new Map<Field, string>();
  readonly #autoNumbers: Field[];

  /** Values of a new record without others. */
  readonly defaults: [Field, string][];

  constructor(object: SObject) {
    this.object = object;
    this.defaults = object.fields.flatMap((field) =>
      field.defaultValue === undefined ? [] : [[field, field.defaultValue] as [Field, string]],
    );
    this.#autoNumbers = object.fields.filter(({ autoNumber }) => autoNumber);
    for (const [i, field] of object.fields.entries()) {
      this.#fields.set(field.name.toLowerCase(), field);
      this.#position.set(field, String.fromCharCode(FIRST + i));
      if (field.name !== 'Id' && (field.externalId || field.idLookup || field.restrictsDelete)) {
        this.#found.set(field, new Map());
      }
    }
  }

  /** Ignores letter case. */
  field(name: string): Field | undefined {
    return this.#fields.get(name.toLowerCase());
  }

  id(n: number): string {
    return makeId(this.object.keyPrefix, n);
  }

  /** The record with an id, even if deleted; 0 if none. */
  byId(id: string): number {
    if (!isId(id)) return 0;
    const n = numberOf(this.object.keyPrefix, id);
    return n < this.#packed.length && !this.#purged.has(n) ? n : 0;
  }

  isDeleted(n: number): boolean {
    return this.#deleted.has(n);
  }

  /** Records with this value in a key field, without deleted ones. */
  find(field: Field, value: string): number[] {
    if (field.name === 'Id') {
      const n = this.byId(value);
      return n === 0 || this.isDeleted(n) ? [] : [n];
    }
    const found = this.#found.get(field)?.get(keyForm(field, value));
    if (found === undefined) return [];
    const all = typeof found === 'number' ? [found] : found;
    return this.#deleted.size === 0 ? all : all.filter((n) => !this.#deleted.has(n));
  }

  create(changes: Changes): number {
    const n = this.#packed.length;
    this.#packed.push(this.#texts.add(''));
    this.#history.push(0);
    const numbers = this.#autoNumbers.map((field) => [field, String(n).padStart(8, '0')] as const);
    this.change(n, numbers.length === 0 ? changes : [...numbers, ...changes]);
    return n;
  }

  change(n: number, changes: Changes): void {
    const before = this.#unpack(n);
    for (const [field, value] of changes) {
      this.#reindex(n, field, before.get(field), value);
      if (value === undefined) before.delete(field);
      else before.set(field, value.replaceAll(SEPARATOR, ''));
    }
    let packed = '';
    for (const [field, value] of before) {
      packed += `${packed === '' ? '' : SEPARATOR}${this.#position.get(field)}${value}`;
    }
    this.#packed[n] = this.#texts.replace(this.#packed[n] as number, packed);
  }

  value(n: number, field: Field): string | undefined {
    return this.#unpack(n).get(field);
  }

  /** All values of a record. */
  values(n: number): ReadonlyMap<Field, string> {
    return this.#unpack(n);
  }

  remove(n: number, forGood: boolean): void {
    this.#deleted.add(n);
    if (forGood) this.#purged.add(n);
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
    return this.#packed.length - 1 - this.#deleted.size;
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
      values: new Map([...this.#unpack(n)].map(([field, value]) => [field.name, value])),
      applied: this.#histories[history]?.length ?? 0,
      jobs,
    };
  }

  /** All records except permanently deleted ones. */
  *records(): Generator<StoredRecord> {
    for (let n = 1; n < this.#packed.length; n++) if (!this.#purged.has(n)) yield this.record(n);
  }

  #unpack(n: number): Map<Field, string> {
    const packed = this.#texts.get(this.#packed[n] as number);
    const values = new Map<Field, string>();
    if (packed === '') return values;
    for (const part of packed.split(SEPARATOR)) {
      values.set(this.object.fields[part.charCodeAt(0) - FIRST] as Field, part.slice(1));
    }
    return values;
  }

  #reindex(n: number, field: Field, before: string | undefined, value: string | undefined): void {
    const index = this.#found.get(field);
    if (index === undefined) return;
    if (before !== undefined) {
      const key = keyForm(field, before);
      const rest = [index.get(key) ?? []].flat().filter((other) => other !== n);
      if (rest.length === 0) index.delete(key);
      else index.set(key, rest.length === 1 ? (rest[0] as number) : rest);
    }
    if (value !== undefined) {
      const key = keyForm(field, value);
      const others = index.get(key);
      index.set(key, others === undefined ? n : [...[others].flat(), n]);
    }
  }
}

/** One form for keys that the platform considers equal. */
export function keyForm(field: Field, value: string): string {
  if (field.type === 'double') return String(Number(value));
  if (field.type === 'reference') return value.slice(0, 15);
  return field.caseSensitive ? value : value.toLowerCase();
}
