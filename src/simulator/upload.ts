/** An upload as the platform reads it after the close: line endings, header, rows. */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { parse } from 'csv-parse';
import type { Field } from './metadata.js';
import type { Org, Table } from './org.js';
import type { Column } from './rows.js';

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

/** Whether all line breaks, those in quotes too, are the announced ones. */
export async function lineEndingsAgree(path: string, lineEnding: string): Promise<boolean> {
  let last = 0;
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>) {
    for (let at = chunk.indexOf(10); at !== -1; at = chunk.indexOf(10, at + 1)) {
      const before = at > 0 ? chunk[at - 1] : last;
      if ((before === 13) !== (lineEnding === 'CRLF')) return false;
    }
    last = chunk[chunk.length - 1] ?? 0;
  }
  return true;
}

/** The rows in order, the header first. Rejects on a stray quote. */
export async function* uploadedRows(path: string, delimiter: string): AsyncGenerator<UploadedRow> {
  const parser = createReadStream(path, { highWaterMark: 1 << 18 }).pipe(
    parse({ delimiter, relax_column_count: true, skip_empty_lines: true, info: true }),
  );
  for await (const { record, info } of parser as AsyncIterable<{ record: string[]; info: { bytes: number } }>) {
    yield { cells: record, end: info.bytes };
  }
}

/** The header as it was sent, without its line end. */
export async function rawHeader(path: string, end: number): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of createReadStream(path, { end: Math.max(0, end - 1) })) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks)
    .toString('utf8')
    .replace(/\r?\n$/, '');
}

export async function sizeOf(path: string): Promise<number> {
  return (await stat(path)).size;
}

/** Columns of a header, or the message of the job that fails because of it. */
export function readHeader(
  org: Org,
  table: Table,
  job: { operation: string; externalIdFieldName?: string },
  names: readonly string[],
): Column[] | string {
  const columns: Column[] = [];
  for (const name of names) {
    const column = columnOf(org, table, name);
    if (typeof column === 'string') return column;
    columns.push(column);
  }
  const has = (wanted: string): boolean => names.some((name) => name.toLowerCase() === wanted.toLowerCase());
  if (job.operation === 'delete' || job.operation === 'hardDelete') {
    if (names.length !== 1 || !has('Id')) return "InvalidBatch : The 'delete' batch must contain only ids.";
  }
  const key = job.operation === 'update' ? 'Id' : job.operation === 'upsert' ? job.externalIdFieldName : undefined;
  if (key !== undefined && !has(key)) return `InvalidBatch : Field name not found : ${key}`;
  return columns;
}

function columnOf(org: Org, table: Table, name: string): Column | string {
  const [relation = '', target, ...more] = name.split('.');
  if (target === undefined) {
    const field = table.field(name);
    return field === undefined ? `InvalidBatch : Field name not found : ${name}` : { field };
  }
  if (relation.includes(':')) {
    return `InvalidBatch : type is not needed for non polymorphic foreign key references: ${relation.split(':')[1] ?? ''}`;
  }
  const field = table.object.fields.find(
    ({ relationshipName }) => relationshipName?.toLowerCase() === relation.toLowerCase(),
  );
  const parent = field === undefined ? undefined : org.table(field.referenceTo[0] ?? '');
  const found: Field | undefined = parent?.field(target);
  if (field === undefined || parent === undefined || more.length > 0)
    return `InvalidBatch : Unable to find relationship: ${relation}`;
  if (found === undefined || !(found.externalId || found.idLookup))
    return `InvalidBatch : Field name not found : ${name}`;
  return { field, lookup: { table: parent, field: found } };
}
