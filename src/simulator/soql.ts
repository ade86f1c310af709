/** As much of the query language as clients use around a load: `SELECT a, b FROM X WHERE y = 'z' LIMIT n`. */
import { Refusal } from './http.js';
import { isId } from './ids.js';
import type { Org } from './org.js';
import type { StoredRecord, Table } from './table.js';

const QUERY =
  /^\s*select\s+(.+?)\s+from\s+(\w+)(?:\s+where\s+(\w+)\s*=\s*(?:'((?:[^'\\]|\\.)*)'|(\w+)))?(?:\s+order\s+by\s+.+?)?(?:\s+limit\s+(\d+))?\s*$/is;

export function queryReply(org: Org, soql: string, base: string): unknown {
  const match = QUERY.exec(soql);
  if (match === null) throw new Refusal(400, 'MALFORMED_QUERY', `unexpected token: ${soql.slice(0, 80)}`);
  const [, list = '', object = '', where, quoted, bare, limit] = match;
  const table = org.table(object);
  if (table === undefined) throw new Refusal(400, 'INVALID_TYPE', `sObject type '${object}' is not supported.`);
  const wanted = quoted?.replaceAll(/\\(.)/gs, '$1') ?? bare;
  const records: StoredRecord[] = [];
  let count = 0;
  const most = limit === undefined ? 2000 : Number(limit);
  const isCount = /^count\(\s*\)$/i.test(list.trim());
  for (const record of table.records()) {
    if (record.deleted || (where !== undefined && !matches(table, record, where, wanted ?? ''))) continue;
    count++;
    if (!isCount && records.length < most) records.push(record);
  }
  if (isCount) return { totalSize: count, done: true, records: [] };
  const names = list.split(',').map((name) => name.trim());
  return {
    totalSize: records.length,
    done: true,
    records: records.map((record) => recordReply(table, record, base, names)),
  };
}

/** A record as JSON; fields that it does not have are null, fields that the object does not have are refused. */
export function recordReply(
  table: Table,
  record: StoredRecord,
  base: string,
  names: readonly string[] = table.object.fields.map(({ name }) => name),
): Record<string, unknown> {
  const { name: object } = table.object;
  const reply: Record<string, unknown> = {
    attributes: { type: object, url: `${base}/sobjects/${object}/${record.id}` },
  };
  for (const name of names) {
    const field = table.field(name);
    if (field === undefined) {
      throw new Refusal(400, 'INVALID_FIELD', `No such column '${name}' on entity '${object}'.`);
    }
    reply[field.name] = valueOf(record, field.name, field.type);
  }
  return reply;
}

function valueOf(record: StoredRecord, name: string, type: string): unknown {
  if (name === 'Id') return record.id;
  const value = record.values.get(name);
  if (type === 'boolean') return /^(?:true|1)$/i.test(value ?? '');
  if (value === undefined) return null;
  return ['double', 'currency', 'percent', 'int'].includes(type) ? Number(value) : value;
}

function matches(table: Table, record: StoredRecord, name: string, wanted: string): boolean {
  const field = table.field(name);
  if (field === undefined) {
    throw new Refusal(400, 'INVALID_FIELD', `No such column '${name}' on entity '${table.object.name}'.`);
  }
  const value = String(valueOf(record, field.name, field.type) ?? '');
  if (isId(wanted) && ['id', 'reference'].includes(field.type)) return value.slice(0, 15) === wanted.slice(0, 15);
  return value.toLowerCase() === wanted.toLowerCase();
}
