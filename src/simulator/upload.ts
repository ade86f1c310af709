/** An upload as the platform reads it after the close: header and rows. */
import { createReadStream } from 'node:fs';
import { parse } from 'csv-parse';
import type { Org } from './org.js';
import type { Column } from './rows.js';
import type { Table } from './table.js';

export const DELIMITERS: Record<string, string> = {
  COMMA: ',',
  BACKQUOTE: '`',
  CARET: '^',
  PIPE: '|',
  SEMICOLON: ';',
  TAB: '\t',
};

export interface UploadedRow {
  cells: string[];
  /** Offset after the row in the file. */
  end: number;
}

/** The rows in order, the header first; of bytes that were checked, so that all line breaks are alike. */
export async function* uploadedRows(path: string, delimiter: string): AsyncGenerator<UploadedRow> {
  const record_delimiter = ['\r\n', '\n'];
  const parser = createReadStream(path, { highWaterMark: 1 << 18 }).pipe(
    parse({ delimiter, record_delimiter, relax_column_count: true, skip_empty_lines: true, info: true }),
  );
  for await (const { record, info } of parser as AsyncIterable<{ record: string[]; info: { bytes: number } }>) {
    yield { cells: record, end: info.bytes };
  }
}

export interface Header {
  /** As it was sent, without its line end: so it comes back in result files. */
  raw: string;
  names: string[];
  /** Offset of the first row. */
  end: number;
}

/** `undefined` when it cannot be read. */
export async function uploadedHeader(path: string, delimiter: string): Promise<Header | undefined> {
  const rows = uploadedRows(path, delimiter);
  const first = await rows.next().catch(() => undefined);
  await rows.return(undefined);
  if (first === undefined || first.done === true) return undefined;
  const { cells, end } = first.value;
  const chunks: Buffer[] = [];
  for await (const chunk of createReadStream(path, { end: Math.max(0, end - 1) })) chunks.push(chunk as Buffer);
  const raw = Buffer.concat(chunks)
    .toString('utf8')
    .replace(/\r?\n$/, '');
  return { raw, names: cells, end };
}

export interface HeaderRules {
  operation: string;
  externalIdFieldName?: string;
  deleteColumns: 'refuse' | 'ignore';
  columnTwice: 'refuse' | 'lastWins';
}

/** Columns of a header, or the message of the job that fails because of it. */
export function readHeader(org: Org, table: Table, rules: HeaderRules, names: readonly string[]): Column[] | string {
  const columns: Column[] = [];
  for (const name of names) {
    const column = columnOf(org, table, name);
    if (typeof column === 'string') return column;
    columns.push(column);
  }
  const has = (wanted: string): boolean => names.some((name) => name.toLowerCase() === wanted.toLowerCase());
  const twice = names.find((name, i) => names.findIndex((other) => other.toLowerCase() === name.toLowerCase()) < i);
  if (twice !== undefined && rules.columnTwice === 'refuse') {
    return `InvalidBatch : Field name found more than once : ${twice}`;
  }
  const key =
    rules.operation === 'upsert' ? rules.externalIdFieldName : rules.operation === 'insert' ? undefined : 'Id';
  if (key !== undefined && !has(key)) return notFound(key);
  const deletes = rules.operation === 'delete' || rules.operation === 'hardDelete';
  if (deletes && names.length > 1 && rules.deleteColumns === 'refuse') {
    return "InvalidBatch : The 'delete' batch must contain only ids.";
  }
  return columns;
}

const notFound = (name: string): string => `InvalidBatch : Field name not found : ${name}`;

function columnOf(org: Org, table: Table, name: string): Column | string {
  const [relation = '', target, ...more] = name.split('.');
  if (target === undefined) {
    const field = table.field(name);
    return field === undefined ? notFound(name) : { name, field };
  }
  const [first = '', second] = relation.split(':');
  const wanted = second ?? first;
  const field = table.object.fields.find(
    ({ relationshipName }) => relationshipName?.toLowerCase() === wanted.toLowerCase(),
  );
  // One level only: no parent of a parent.
  if (field === undefined || more.length > 0) return `InvalidBatch : Unable to find relationship: ${wanted}`;
  const isPolymorphic = field.referenceTo.length > 1;
  if (second !== undefined && !isPolymorphic) {
    return `InvalidBatch : type is not needed for non polymorphic foreign key references: ${wanted}`;
  }
  const type = isPolymorphic ? first : field.referenceTo[0];
  const parent = field.referenceTo.find((object) => object.toLowerCase() === type?.toLowerCase());
  const parents = parent === undefined ? undefined : org.table(parent);
  const found = parents?.field(target);
  if (parents === undefined || found === undefined || !(found.externalId || found.idLookup)) return notFound(name);
  return { name, field, lookup: { table: parents, field: found } };
}
