/** The data of the simulated org: records by id, and who is found by which unique value. */
import { makeId } from './ids.js';
import { standardObjects } from './metadata.js';
import type { Field, SObject } from './metadata.js';

export interface StoredRecord {
  id: string;
  deleted: boolean;
  /** By field API name; blank fields are absent. */
  values: Map<string, string>;
  /** How often a row was applied to it. */
  applied: number;
  /** Jobs that applied a row to it. */
  jobs: string[];
}

class Table {
  readonly object: SObject;
  readonly byId = new Map<string, StoredRecord>();
  readonly #byField = new Map<string, Map<string, StoredRecord>>();
  readonly #fields = new Map<string, Field>();

  constructor(object: SObject) {
    this.object = object;
    for (const field of object.fields) {
      this.#fields.set(field.name.toLowerCase(), field);
      if (field.externalId || field.idLookup) this.#byField.set(field.name, new Map());
    }
  }

  /** Any letter case. */
  field(name: string): Field | undefined {
    return this.#fields.get(name.toLowerCase());
  }

  find(field: Field, value: string): StoredRecord | undefined {
    if (field.name === 'Id') return this.byId.get(value.slice(0, 15));
    const found = this.#byField.get(field.name)?.get(lookupForm(field, value));
    return found?.deleted === true ? undefined : found;
  }

  add(record: StoredRecord): void {
    this.byId.set(record.id.slice(0, 15), record);
  }

  set(record: StoredRecord, field: Field, value: string | undefined): void {
    const index = this.#byField.get(field.name);
    const before = record.values.get(field.name);
    if (before !== undefined) index?.delete(lookupForm(field, before));
    if (value === undefined) record.values.delete(field.name);
    else {
      record.values.set(field.name, value);
      index?.set(lookupForm(field, value), record);
    }
  }
}

export type { Table };

function lookupForm(field: Field, value: string): string {
  if (field.type === 'double') return String(Number(value));
  return field.caseSensitive ? value : value.toLowerCase();
}

export class Org {
  readonly #tables = new Map<string, Table>();
  #records = 0;

  constructor() {
    for (const object of standardObjects()) this.#tables.set(object.name.toLowerCase(), new Table(object));
  }

  table(object: string): Table | undefined {
    return this.#tables.get(object.toLowerCase());
  }

  create(table: Table): StoredRecord {
    const id = makeId(table.object.keyPrefix, ++this.#records);
    const record: StoredRecord = { id, deleted: false, values: new Map(), applied: 0, jobs: [] };
    table.add(record);
    return record;
  }

  /** Puts records there without a job, for tests and examples. Gives their ids. */
  seed(object: string, rows: readonly Record<string, string>[]): string[] {
    const table = this.table(object);
    if (table === undefined) throw new Error(`no object ${object}`);
    return rows.map((row) => {
      const record = this.create(table);
      for (const [name, value] of Object.entries(row)) {
        const field = table.field(name);
        if (field === undefined) throw new Error(`no field ${object}.${name}`);
        table.set(record, field, value);
      }
      return record.id;
    });
  }

  /** All records of an object, deleted ones too. */
  records(object: string): StoredRecord[] {
    return [...(this.table(object)?.byId.values() ?? [])];
  }
}
