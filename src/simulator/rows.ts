/** One row of a job against the org: what it changes, or why it is refused. */
import { isId } from './ids.js';
import type { Field } from './metadata.js';
import type { Org, StoredRecord, Table } from './org.js';
import { refuseValue } from './values.js';

export interface Column {
  /** The field that a plain column names, or the lookup that a relationship column fills. */
  field: Field;
  /** For `Parent.External_Id__c`: where the parent is looked up. */
  lookup?: { table: Table; field: Field };
}

export interface RowJob {
  id: string;
  object: string;
  operation: string;
  externalIdFieldName?: string;
}

export type RowOutcome = { id: string; created: boolean } | { id: string; error: string };

const LOCK =
  'UNABLE_TO_LOCK_ROW:unable to obtain exclusive access to this record or 200 records: 001000000000001AAA,001000000000002AAA:--';
const LOCKED_UNTIL = [
  { marker: '[locked once]', tries: 1 },
  { marker: '[locked twice]', tries: 2 },
  { marker: '[always locked]', tries: Infinity },
] as const;

/** How often rows that carry a lock marker were tried, over all jobs. */
export class LockTries {
  readonly #tries = new Map<string, number>();

  /** Whether this try of the row meets a lock. */
  isLocked(object: string, key: string, cells: readonly string[]): boolean {
    const wanted = LOCKED_UNTIL.find(({ marker }) => cells.some((cell) => cell.includes(marker)));
    if (wanted === undefined) return false;
    const name = `${object} ${key}`;
    const before = this.#tries.get(name) ?? 0;
    this.#tries.set(name, before + 1);
    return before < wanted.tries;
  }
}

export interface RowContext {
  org: Org;
  table: Table;
  job: RowJob;
  columns: readonly Column[];
  locks: LockTries;
  /** Keys that rows of this 200-row chunk used before: the platform refuses a second one. */
  chunkKeys: Set<string>;
}

export function applyRow(context: RowContext, cells: readonly string[]): RowOutcome {
  const { table, job, org } = context;
  const target = findTarget(context, cells);
  if ('error' in target) return target;
  const { record } = target;
  const fail = (error: string): RowOutcome => ({ id: record?.id ?? '', error });
  if (context.locks.isLocked(table.object.name, lockKey(context, cells), cells)) return fail(LOCK);
  if (job.operation === 'delete' || job.operation === 'hardDelete') {
    const gone = record as StoredRecord;
    gone.deleted = true;
    note(gone, job);
    if (job.operation === 'hardDelete') table.byId.delete(gone.id.slice(0, 15));
    return { id: gone.id, created: false };
  }
  const changes: [Field, string | undefined][] = [];
  for (const [index, column] of context.columns.entries()) {
    const value = cells[index] ?? '';
    // An empty cell says nothing; #N/A clears.
    if (value === '' || (column.field.name === 'Id' && column.lookup === undefined)) continue;
    const change = valueOf(column, value, index);
    if ('error' in change) return fail(change.error);
    changes.push([column.field, change.value]);
  }
  const refused = record === undefined ? missingFields(table, changes) : clearedRequired(changes);
  if (refused !== undefined) return fail(refused);
  const duplicate = takenValue(table, record, changes);
  if (duplicate !== undefined) return fail(duplicate);
  const changed = record ?? org.create(table);
  for (const [field, value] of changes) table.set(changed, field, value);
  note(changed, job);
  return { id: changed.id, created: record === undefined };
}

/** What tells that a row is the same one, whatever operation it comes with: its unique value, else all of it. */
function lockKey({ columns }: RowContext, cells: readonly string[]): string {
  const unique = columns.findIndex(
    ({ field, lookup }, i) => lookup === undefined && (field.unique || field.name === 'Id') && cells[i],
  );
  return (unique === -1 ? cells.join('\u0001') : (cells[unique] as string)).toLowerCase();
}

function note(record: StoredRecord, job: RowJob): void {
  record.applied++;
  record.jobs.push(job.id);
}

type Target = { record: StoredRecord | undefined } | { id: string; error: string };

/** The record that a row means; none for one that will be created. */
function findTarget({ table, job, columns, chunkKeys }: RowContext, cells: readonly string[]): Target {
  if (job.operation === 'insert') return { record: undefined };
  const wanted = job.operation === 'upsert' ? (job.externalIdFieldName as string) : 'Id';
  const index = columns.findIndex(
    ({ field, lookup }) => lookup === undefined && field.name.toLowerCase() === wanted.toLowerCase(),
  );
  const value = cells[index] ?? '';
  const field = columns[index]?.field as Field;
  if (job.operation === 'upsert' && field.name !== 'Id') {
    if (value === '') return { id: '', error: `MISSING_ARGUMENT:${field.name} not specified:--` };
    const refused = refuseValue(field, value, index);
    if (refused !== undefined) return { id: '', error: refused };
    const key = field.caseSensitive ? value : value.toLowerCase();
    const record = table.find(field, value);
    if (chunkKeys.has(key)) {
      return {
        id: record?.id ?? '',
        error: `DUPLICATE_VALUE:Duplicate external id specified: ${value}:${field.name} --`,
      };
    }
    chunkKeys.add(key);
    return { record };
  }
  if (value === '') {
    if (job.operation === 'upsert') return { record: undefined };
    return { id: '', error: `MISSING_ARGUMENT:Id not specified in an ${job.operation} call:--` };
  }
  if (!isId(value)) return { id: '', error: `MALFORMED_ID:malformed id ${value}:Id --` };
  const record = table.byId.get(value.slice(0, 15));
  if (record === undefined) return { id: '', error: 'INVALID_CROSS_REFERENCE_KEY:invalid cross reference id:--' };
  if (record.deleted) return { id: record.id, error: 'ENTITY_IS_DELETED:entity is deleted:--' };
  return { record };
}

function valueOf(
  { field, lookup }: Column,
  value: string,
  index: number,
): { value: string | undefined } | { error: string } {
  if (value === '#N/A') return { value: undefined };
  if (lookup !== undefined) {
    const parent = lookup.table.find(lookup.field, value);
    if (parent !== undefined) return { value: parent.id };
    return {
      error: `INVALID_FIELD:Foreign key external ID: ${value} not found for field ${lookup.field.name} in entity ${lookup.table.object.name}:--`,
    };
  }
  const error = refuseValue(field, value, index);
  return error === undefined ? { value } : { error };
}

function missingFields(table: Table, changes: readonly [Field, string | undefined][]): string | undefined {
  const given = new Set(changes.filter(([, value]) => value !== undefined).map(([field]) => field.name));
  const missing = table.object.fields
    .filter(({ createable, nillable, defaultedOnCreate }) => createable && !nillable && !defaultedOnCreate)
    .map(({ name }) => name)
    .filter((name) => !given.has(name));
  return missing.length === 0 ? undefined : requiredMissing(missing);
}

function clearedRequired(changes: readonly [Field, string | undefined][]): string | undefined {
  const cleared = changes
    .filter(([field, value]) => value === undefined && !field.nillable)
    .map(([field]) => field.name);
  return cleared.length === 0 ? undefined : requiredMissing(cleared);
}

function requiredMissing(names: string[]): string {
  return `REQUIRED_FIELD_MISSING:Required fields are missing: [${names.join(', ')}]:${names.join(' ')} --`;
}

function takenValue(
  table: Table,
  record: StoredRecord | undefined,
  changes: readonly [Field, string | undefined][],
): string | undefined {
  for (const [field, value] of changes) {
    if (!field.unique || value === undefined) continue;
    const other = table.find(field, value);
    if (other !== undefined && other !== record) {
      return `DUPLICATE_VALUE:duplicate value found: ${field.name} duplicates value on record with id: ${other.id}:--`;
    }
  }
  return undefined;
}
