/** The part of SOQL that clients use around a load: `SELECT a, b FROM X WHERE y = 'z' LIMIT n`. */
import type { Access } from './access.js';
import type { Field } from './fields.js';
import { Refusal } from '../http/http.js';
import { isId } from './ids.js';
import type { Org } from './org.js';
import type { StoredRecord, Table } from './table.js';

/** The text after FROM; the rest must be an order, which has no effect here, and a limit. */
const SOURCE = /^(\w+)(?:\s+where\s+(\w+)\s*=\s*(?:'((?:[^'\\]|\\.)*)'|(\w+)))?(?:\s(.*))?$/is;
const LIMIT = /(?:^|\s)limit\s+(\d+)$/i;

function partsOf(soql: string): { list: string; source: RegExpExecArray; limit: string | undefined } | undefined {
  const text = soql.trim();
  const from = text.search(/\sfrom\s/i);
  if (!/^select\s/i.test(text) || from === -1) return undefined;
  const source = SOURCE.exec(text.slice(from + ' from '.length).trim());
  const rest = (source?.[5] ?? '').trim();
  const limit = LIMIT.exec(rest);
  const order = rest.slice(0, limit?.index ?? rest.length).trim();
  if (source === null || (order !== '' && !/^order\s+by\s/i.test(order))) return undefined;
  return { list: text.slice('select '.length, from).trim(), source, limit: limit?.[1] };
}

export interface AskedQuery {
  org: Org;
  soql: string;
  /** Of the user. */
  access: Access;
}

interface Query {
  table: Table;
  /** Undefined for a count. */
  names: string[] | undefined;
  where: string | undefined;
  wanted: string;
  most: number;
}

function parseQuery({ org, soql, access }: AskedQuery): Query {
  const parts = partsOf(soql);
  if (parts === undefined) throw new Refusal(400, 'MALFORMED_QUERY', `unexpected token: ${soql.slice(0, 80)}`);
  const { list, source, limit } = parts;
  const [, object = '', where, quoted, bare] = source;
  const table = org.table(object);
  if (table === undefined || !access.sees(table.object.name))
    throw new Refusal(400, 'INVALID_TYPE', `sObject type '${object}' is not supported.`);
  const isCount = /^count\(\s*\)$/i.test(list.trim());
  return {
    table,
    names: isCount ? undefined : list.split(',').map((name) => name.trim()),
    where,
    wanted: quoted?.replaceAll(/\\(.)/gs, '$1') ?? bare ?? '',
    most: limit === undefined ? 2000 : Number(limit),
  };
}

/** Work between two turns of the event loop. */
const SLICE_MS = 10;

/** Types with numeric values in JSON. */
const NUMBERS = ['double', 'currency', 'percent', 'int'];

export async function queryReply(query: AskedQuery, base: string): Promise<unknown> {
  const { table, names, where, wanted, most } = parseQuery(query);
  const { access } = query;
  // Unknown columns are refused even if there is no record.
  for (const name of names ?? []) columnOf({ table, access }, name);
  if (names === undefined && where === undefined) return { totalSize: table.size, done: true, records: [] };
  const records: StoredRecord[] = [];
  let count = 0;
  let sliceEnds = performance.now() + SLICE_MS;
  for (const n of candidates({ table, access }, where, wanted)) {
    if (performance.now() > sliceEnds) {
      await new Promise((turn) => setImmediate(turn));
      sliceEnds = performance.now() + SLICE_MS;
    }
    // No more are wanted, and they are not counted.
    if (names !== undefined && records.length >= most) break;
    if (table.isDeleted(n) || (where !== undefined && !matches({ table, access }, n, where, wanted))) continue;
    count++;
    if (names !== undefined && records.length < most) records.push(table.record(n));
  }
  if (names === undefined) return { totalSize: count, done: true, records: [] };
  return {
    totalSize: records.length,
    done: true,
    records: records.map((record) => recordReply(table, record, base, access, names)),
  };
}

/** Records that may match: those with the value if there is an index, else all. */
function candidates(seen: Seen, where: string | undefined, wanted: string): Iterable<number> {
  const { table } = seen;
  const field = where === undefined ? undefined : columnOf(seen, where);
  if (field === undefined || wanted === '' || !table.isIndexed(field) || field.caseSensitive) return table.numbers();
  return table.find(field, wanted);
}

/** Describes the columns of a query, without its records. */
export function columnsReply(query: AskedQuery): unknown {
  const { table, names = [] } = parseQuery(query);
  const columns = names.map((name) => columnOf({ table, access: query.access }, name));
  return {
    columnMetadata: columns.map(({ name, label, type, custom, createable, updateable }) => ({
      aggregate: false,
      booleanType: type === 'boolean',
      columnName: name,
      custom,
      displayName: label,
      foreignKeyName: null,
      insertable: createable,
      joinColumns: [],
      numberType: NUMBERS.includes(type),
      textType: type !== 'boolean' && !NUMBERS.includes(type),
      updatable: updateable,
    })),
    entityName: table.object.name,
    groupBy: false,
    idSelected: columns.some(({ name }) => name === 'Id'),
    keyPrefix: table.object.keyPrefix,
  };
}

/** A record as JSON; missing values are null, unknown fields are refused. */
export function recordReply(
  table: Table,
  record: StoredRecord,
  base: string,
  access: Access,
  names: readonly string[] = table.object.fields
    .map(({ name }) => name)
    .filter((name) => access.seesField(table.object.name, name)),
): Record<string, unknown> {
  const { name: object } = table.object;
  const reply: Record<string, unknown> = {
    attributes: { type: object, url: `${base}/sobjects/${object}/${record.id}` },
  };
  for (const name of names) {
    const field = columnOf({ table, access }, name);
    reply[field.name] = valueOf(record, field.name, field.type);
  }
  return reply;
}

/** A table as a user sees it. */
interface Seen {
  table: Table;
  access: Access;
}

/** Refuses unknown fields. */
function columnOf({ table, access }: Seen, name: string): Field {
  const field = table.field(name);
  if (field !== undefined && access.seesField(table.object.name, field.name)) return field;
  throw new Refusal(400, 'INVALID_FIELD', `No such column '${name}' on entity '${table.object.name}'.`);
}

function valueOf(record: StoredRecord, name: string, type: string): unknown {
  return name === 'Id' ? record.id : typed(record.values.get(name), type);
}

function typed(value: string | undefined, type: string): unknown {
  if (type === 'boolean') return /^(?:true|1)$/i.test(value ?? '');
  if (value === undefined) return null;
  return NUMBERS.includes(type) ? Number(value) : value;
}

function matches(seen: Seen, n: number, name: string, wanted: string): boolean {
  const field = columnOf(seen, name);
  const { table } = seen;
  const stored = field.name === 'Id' ? table.id(n) : table.value(n, field);
  const value = String(typed(stored, field.type) ?? '');
  if (isId(wanted) && ['id', 'reference'].includes(field.type)) return value.slice(0, 15) === wanted.slice(0, 15);
  return value.toLowerCase() === wanted.toLowerCase();
}
