/** Reads an upload as the platform does after the close: header and rows. */
import { createReadStream } from 'node:fs';
import { parse as parseText } from 'csv-parse/sync';
import { EVERYTHING } from '../org/access.js';
import type { Access } from '../org/access.js';
import type { Field } from '../org/fields.js';
import type { Org } from '../org/org.js';
import type { Column } from './apply-row.js';
import type { Table } from '../org/table.js';

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
  /** Whether an unquoted cell contains a quote. */
  strayQuote: boolean;
}

/** Prefix of a cell with a stray quote, between the parser and its reader. */
const STRAY = '\u0000stray ';

export interface PartOfUpload {
  delimiter: string;
  /** Whether unquoted cells may contain quotes. */
  strayQuotes: boolean;
  /** Where the bytes begin in the upload. */
  offset: number;
}

/** The rows of a part of an upload. The bytes were checked, so all line breaks are alike. */
export function parsedRows(bytes: Buffer, { delimiter, strayQuotes, offset }: PartOfUpload): UploadedRow[] {
  const parsed = parseText(bytes, {
    delimiter,
    record_delimiter: ['\r\n', '\n'],
    relax_column_count: true,
    skip_empty_lines: true,
    info: true,
    ...(strayQuotes && {
      relax_quotes: true,
      cast: (value: string, { quoting }: { quoting: boolean }) =>
        !quoting && value.includes('"') ? STRAY + value : value,
    }),
  }) as unknown as { record: string[]; info: { bytes: number } }[];
  return parsed.map(({ record, info }) => {
    const strayQuote = strayQuotes && record.some((cell) => cell.startsWith(STRAY));
    const cells = strayQuote ? record.map((cell) => cell.replace(STRAY, '')) : record;
    return { cells, end: offset + info.bytes, strayQuote };
  });
}

export interface Header {
  /** As sent, without its line ending; result files return it like this. */
  raw: string;
  names: string[];
  /** Offset of the first row. */
  end: number;
}

/** Parsed from its bytes, so that it is available even if the rows, or its own quotes, are invalid. */
export async function uploadedHeader(path: string, delimiter: string): Promise<Header> {
  const { start, end } = await headerPlace(path, delimiter.charCodeAt(0));
  const chunks: Buffer[] = [];
  if (start < end) {
    for await (const chunk of createReadStream(path, { start, end: end - 1 })) chunks.push(chunk as Buffer);
  }
  const raw = Buffer.concat(chunks)
    .toString('utf8')
    .replace(/\r?\n$/, '');
  return { raw, names: namesOf(raw, delimiter), end };
}

const [LF, CR, QUOTE] = [10, 13, 34];

/** After blank lines, up to the first line feed outside of quotes, else the first of all. */
async function headerPlace(path: string, delimiter: number): Promise<{ start: number; end: number }> {
  let [start, at, closedAt, last] = [0, 0, -2, LF];
  let quoted = false;
  let firstLine: number | undefined;
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
    for (const byte of chunk) {
      if (at === start && (byte === LF || byte === CR)) start++;
      else if (byte === LF) {
        if (!quoted) return { start, end: at + 1 };
        firstLine ??= at + 1;
      } else if (byte === QUOTE) {
        if (quoted) closedAt = at;
        quoted = !quoted && (at === start || last === delimiter || closedAt === at - 1);
      }
      last = byte;
      at++;
    }
  }
  return { start, end: quoted ? (firstLine ?? at) : at };
}

function namesOf(raw: string, delimiter: string): string[] {
  try {
    return (parseText(raw, { delimiter, relax_column_count: true }) as string[][])[0] ?? [];
  } catch {
    return raw.split(delimiter);
  }
}

export interface HeaderRules {
  operation: string;
  externalIdFieldName?: string;
  deleteColumns: 'refuse' | 'ignore';
  columnTwice: 'refuse' | 'lastWins';
  /** Of the user. */
  access?: Access;
}

/** Columns of a header, or the error message of the job that fails because of it. */
export function readHeader(org: Org, table: Table, rules: HeaderRules, names: readonly string[]): Column[] | string {
  const { access = EVERYTHING } = rules;
  const columns: Column[] = [];
  for (const name of names) {
    const column = columnOf({ org, table, access }, name);
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

interface Seen {
  org: Org;
  table: Table;
  access: Access;
}

const notFound = (name: string): string => `InvalidBatch : Field name not found : ${name}`;

function columnOf({ org, table, access }: Seen, name: string): Column | string {
  const sees = (of: Table, field: Field | undefined): field is Field =>
    field !== undefined && access.sees(of.object.name) && access.seesField(of.object.name, field.name);
  const [relation = '', target, ...more] = name.split('.');
  if (target === undefined) {
    const field = table.field(name);
    return sees(table, field) ? { name, field } : notFound(name);
  }
  const [first = '', second] = relation.split(':');
  const wanted = second ?? first;
  const field = table.object.fields.find(
    ({ relationshipName }) => relationshipName?.toLowerCase() === wanted.toLowerCase(),
  );
  // One level only: a parent's parent is not supported.
  if (!sees(table, field) || more.length > 0) return `InvalidBatch : Unable to find relationship: ${wanted}`;
  const isPolymorphic = field.referenceTo.length > 1;
  if (second !== undefined && !isPolymorphic) {
    return `InvalidBatch : type is not needed for non polymorphic foreign key references: ${wanted}`;
  }
  const type = isPolymorphic ? first : field.referenceTo[0];
  const parent = field.referenceTo.find((object) => object.toLowerCase() === type?.toLowerCase());
  const parents = parent === undefined ? undefined : org.table(parent);
  const found = parents?.field(target);
  if (parents === undefined || !sees(parents, found) || !(found.externalId || found.idLookup)) return notFound(name);
  return { name, field, lookup: { table: parents, field: found } };
}
