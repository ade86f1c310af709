/** Applies one row of a job to the org: what it changes, or why it is refused. */
import * as errors from '../org/row-errors.js';
import type { Field } from '../org/fields.js';
import { isId } from '../org/ids.js';
import type { Markers } from '../org/error-markers.js';
import type { Org } from '../org/org.js';
import type { Quirks } from '../quirks.js';
import type { Access } from '../org/access.js';
import { refuseDelete } from '../org/rules/fixed-rules.js';
import type { OrgRules } from '../org/rules/org-rules.js';
import { RECORD_TYPE_FIELD } from '../org/fields.js';
import { Write } from '../org/rules/write.js';
import { keyForm } from '../org/table.js';
import type { Table } from '../org/table.js';
import { refuseValue } from '../org/values.js';

export interface Column {
  /** As in the header. */
  name: string;
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
  createdById: string;
}

/** `id` is empty if there is no record. */
export type RowOutcome = { id: string; created: boolean } | { id: string; error: string };

/** An error that fails the whole job. */
export class JobFailure extends Error {}

export interface RowContext {
  org: Org;
  rules: OrgRules;
  table: Table;
  job: RowJob;
  /** Number of the job, from 1. */
  jobNumber: number;
  columns: readonly Column[];
  markers: Markers;
  quirks: Quirks;
  /** Of the user who created the job. */
  access: Access;
  /** The org's time. */
  now: number;
  /** Keys of earlier rows, among which a duplicate is refused. */
  keys: Set<string>;
  /** Whether the rows are records that exist already elsewhere: all fields may be written. */
  isSeed?: boolean;
  /** Records that this transaction created: lookups of its other rows were resolved before. */
  created: Set<number>;
}

export function applyRow(context: RowContext, cells: readonly string[]): RowOutcome {
  const { table, job, org, quirks } = context;
  const target = findTarget(context, cells);
  if ('error' in target) return target;
  const { record } = target;
  const fail = (error: string): RowOutcome => ({ id: record === 0 ? '' : table.id(record), error });
  const marked = context.markers.errorOf(table.object.name, cells, () => sameRow(context, cells));
  if (marked !== undefined) return fail(marked);
  const deletes = job.operation === 'delete' || job.operation === 'hardDelete';
  if (deletes) {
    const write = new Write({ org, table, record, changes: [], userId: job.createdById, now: context.now });
    const refused = byRowRule(context, cells, write) ?? refuseDelete(org, table, record);
    if (refused !== undefined) return fail(refused);
    table.note(record, context.jobNumber);
    table.remove(record, job.operation === 'hardDelete');
    return { id: table.id(record), created: false };
  }
  const changes = readChanges(context, cells, record);
  if (typeof changes === 'string') return fail(changes);
  const missing = record === 0 ? missingFields(table, changes) : clearedFields(changes);
  if (missing.length > 0) return fail(errors.requiredMissing(missing, quirks.errorFieldSeparator));
  const taken = takenValue(table, record, changes);
  if (taken !== undefined) return fail(taken);
  const all = record === 0 ? [...defaultsOf(table, changes), ...changes] : changes;
  const write = new Write({ org, table, record, changes: all, userId: job.createdById, now: context.now });
  const broken = context.rules.broken(write) ?? byRowRule(context, cells, write);
  if (broken !== undefined) return fail(broken);
  if (record === 0 && org.isFull) return fail(errors.NO_STORAGE);
  const changed = record === 0 ? table.create(all) : record;
  if (record !== 0) table.change(record, changes);
  else context.created.add(changed);
  table.note(changed, context.jobNumber);
  return { id: table.id(changed), created: record === 0 };
}

/** Creates a record that exists already elsewhere. Returns a row error. */
export function seedRow(context: RowContext, cells: readonly string[]): string | undefined {
  const { table, org } = context;
  const changes = readChanges({ ...context, isSeed: true }, cells, 0);
  if (typeof changes === 'string') return changes;
  const id = changes.find(([field]) => field.name === 'Id')?.[1];
  const values = changes.filter(([field]) => field.name !== 'Id');
  const refused = refuseId(table, id);
  if (refused !== undefined) return refused;
  const missing = missingFields(table, values);
  if (missing.length > 0) return errors.requiredMissing(missing, context.quirks.errorFieldSeparator);
  const taken = takenValue(table, 0, values);
  if (taken !== undefined) return taken;
  if (org.isFull) return errors.NO_STORAGE;
  context.created.add(table.create([...defaultsOf(table, values), ...values], id));
  return undefined;
}

function refuseId(table: Table, id: string | undefined): string | undefined {
  if (id === undefined) return undefined;
  if (!isId(id) || !id.startsWith(table.object.keyPrefix)) return errors.malformedId(id);
  return table.byId(id) === 0 ? undefined : errors.valueTaken({ name: 'Id' }, id);
}

function byRowRule(context: RowContext, cells: readonly string[], write: Write): string | undefined {
  const { rules, table, job, columns } = context;
  return rules.byRowRule(table.object.name, {
    operation: job.operation,
    cell: (name) => cells[columns.findIndex((column) => column.name.toLowerCase() === name.toLowerCase())],
    after: (name) => write.knownNamed(name),
    key: () => sameRow(context, cells),
  });
}

/** Identifies a row across operations: by its unique value, else by all of its values. */
function sameRow({ columns }: RowContext, cells: readonly string[]): string {
  const unique = columns.findIndex(
    ({ field, lookup }, i) => lookup === undefined && (field.unique || field.name === 'Id') && cells[i],
  );
  return (unique === -1 ? cells.join('\u0001') : (cells[unique] as string)).toLowerCase();
}

/** `record` is 0 for a record to be created. */
type Target = { record: number } | { id: string; error: string };

function findTarget(context: RowContext, cells: readonly string[]): Target {
  const { table, job, columns } = context;
  if (job.operation === 'insert') return { record: 0 };
  const wanted = job.operation === 'upsert' ? (job.externalIdFieldName as string) : 'Id';
  const index = columns.findIndex(
    ({ field, lookup }) => lookup === undefined && field.name.toLowerCase() === wanted.toLowerCase(),
  );
  const value = cells[index] ?? '';
  const field = columns[index]?.field as Field;
  if (job.operation === 'upsert' && field.name !== 'Id') return findByKey(context, field, value, index);
  if (value === '') return job.operation === 'upsert' ? { record: 0 } : noRecord(errors.idMissing(job.operation));
  if (!isId(value)) return noRecord(errors.malformedId(value));
  const record = table.byId(value) || assumedRecord(context.org, table, value);
  if (record === 0) return noRecord(errors.NO_SUCH_RECORD);
  if (table.isDeleted(record)) return { id: table.id(record), error: errors.GONE };
  return { record };
}

/** 0 for an id that no record of the table can have. */
function assumedRecord(org: Org, table: Table, id: string): number {
  return org.isAssumed(table) && id.startsWith(table.object.keyPrefix) ? org.assume(table, { id }) : 0;
}

const noRecord = (error: string): Target => ({ id: '', error });

function findByKey({ table, keys, quirks }: RowContext, field: Field, value: string, index: number): Target {
  if (value === '' || value === '#N/A') return noRecord(errors.keyMissing(field));
  const refused = refuseValue(field, value, index, quirks);
  if (refused !== undefined) return noRecord(refused);
  const found = table.find(field, value);
  const record = found[0] ?? 0;
  if (found.length > 1)
    return noRecord(
      errors.severalFound(
        field,
        found.map((n) => table.id(n)),
      ),
    );
  const key = keyForm(field, value);
  if (keys.has(key)) return { id: record === 0 ? '' : table.id(record), error: errors.keyTwice(field, value) };
  keys.add(key);
  return { record };
}

/** The values that the row writes, or why it cannot. */
function readChanges(
  context: RowContext,
  cells: readonly string[],
  record: number,
): [Field, string | undefined][] | string {
  const { columns, job, access, table } = context;
  const changes: [Field, string | undefined][] = [];
  for (const [index, column] of columns.entries()) {
    const value = cells[index] ?? '';
    // An empty cell changes nothing; #N/A clears.
    if (value === '') continue;
    const { field, lookup } = column;
    if (field.name === 'Id' && lookup === undefined && context.isSeed !== true) {
      if (job.operation === 'insert') return errors.ID_WITH_INSERT;
      continue;
    }
    const mayWrite =
      (record === 0 ? field.createable : field.updateable) && access.writes(table.object.name, field.name);
    if (!mayWrite && context.isSeed !== true) {
      // The key of an upsert may be a read-only field.
      if (record !== 0 && field.name.toLowerCase() === job.externalIdFieldName?.toLowerCase()) continue;
      return errors.notWritable(field);
    }
    const change = readValue(context, column, value, index);
    if ('error' in change) return change.error;
    changes.push([field, change.value]);
  }
  return changes;
}

const NONE: ReadonlySet<number> = new Set();

type ReadValue = { value: string | undefined } | { error: string };

function readValue(context: RowContext, { field, lookup }: Column, value: string, index: number): ReadValue {
  const { quirks, table, created, org } = context;
  if (value === '#N/A') return { value: undefined };
  if (lookup !== undefined) {
    const unseen = lookup.table === table && quirks.parentsInSameChunk === 'unseen' ? created : NONE;
    const parents = lookup.table.find(lookup.field, value).filter((n) => !unseen.has(n));
    if (parents.length === 1) return { value: lookup.table.id(parents[0] as number) };
    // Rows of the same object may create their own parents.
    if (parents.length === 0 && lookup.table !== table && org.isAssumed(lookup.table)) {
      const refused = refuseValue(lookup.field, value, index, quirks);
      if (refused !== undefined) return { error: refused };
      return { value: lookup.table.id(org.assume(lookup.table, { values: [[lookup.field, value]] })) };
    }
    const describe = parents.length === 0 ? errors.parentNotFound : errors.severalParents;
    const error = describe(value, lookup.field, lookup.table.object.name);
    if (quirks.missingParent === 'job')
      throw new JobFailure(error.replace(/^INVALID_FIELD:(.*):--$/, 'InvalidBatch : $1'));
    return { error };
  }
  const error = refuseValue(field, value, index, quirks) ?? refuseParent(context, field, value);
  return error === undefined ? { value } : { error };
}

/** Why an id is not a valid value of a lookup. */
function refuseParent({ org, table, access }: RowContext, field: Field, value: string): string | undefined {
  if (field.type !== 'reference') return undefined;
  // Its ids are checked with the record types.
  if (field.name === RECORD_TYPE_FIELD && table.object.recordTypes !== undefined) return undefined;
  const parents = org.tableOfId(value);
  if (parents !== undefined && !field.referenceTo.includes(parents.object.name)) {
    return errors.aboutField(
      'FIELD_INTEGRITY_EXCEPTION',
      `${field.label}: id value of incorrect type: ${value}`,
      field,
    );
  }
  // Records of an object that the org's folder does not contain cannot be checked.
  if (parents === undefined && field.referenceTo.some((name) => org.table(name) === undefined)) return undefined;
  const n = parents === undefined ? 0 : parents.byId(value) || assumedRecord(org, parents, value);
  if (parents === undefined || n === 0) return errors.NO_SUCH_RECORD;
  if (!access.sees(parents.object.name)) return errors.NO_ACCESS_TO_PARENT;
  return parents.isDeleted(n) ? errors.GONE : undefined;
}

/** Values of a new record for fields that its row does not write. */
function defaultsOf(table: Table, changes: readonly [Field, string | undefined][]): [Field, string][] {
  if (table.defaults.length === 0) return [];
  const written = new Set(changes.map(([field]) => field));
  return table.defaults.filter(([field]) => !written.has(field));
}

function missingFields(table: Table, changes: readonly [Field, string | undefined][]): string[] {
  const given = new Set(changes.filter(([, value]) => value !== undefined).map(([field]) => field));
  return table.required.filter((field) => !given.has(field)).map(({ name }) => name);
}

function clearedFields(changes: readonly [Field, string | undefined][]): string[] {
  return changes.filter(([field, value]) => value === undefined && !field.nillable).map(([field]) => field.name);
}

function takenValue(table: Table, record: number, changes: readonly [Field, string | undefined][]): string | undefined {
  for (const [field, value] of changes) {
    if (!field.unique || value === undefined) continue;
    const other = table.findOne(field, value, (n) => n !== record);
    if (other !== undefined) return errors.valueTaken(field, table.id(other));
  }
  return undefined;
}
