/** Which columns are sent, under which API names. */
import { NightloadError } from '../errors.js';
import { writeCells } from './cells.js';
import type { Operation } from '../contract.js';

export interface Column {
  /** Position in the source. */
  index: number;
  /** API name that is sent. */
  name: string;
}

export interface ColumnPlan {
  /** What is sent, in the order of the source. */
  sent: Column[];
  /** What the `rejected` file shows: all columns but `sf__*` and dropped ones. */
  kept: Column[];
}

export interface ColumnChoice {
  operation: Operation;
  columns?: Record<string, string>;
  /** Columns may be called as their fields are labelled: found out later. */
  mapLabels?: boolean;
}

/**
 * Applies the caller's mapping. `sf__*` columns (of an earlier result file) are dropped; delete sends `Id` alone,
 * because the platform refuses any other column.
 * @throws NightloadError `HEADER_UNKNOWN_MAPPING`, `HEADER_DUPLICATE_COLUMN`, `HEADER_NO_ID`, `HEADER_NO_COLUMNS`
 */
export function applyColumns(header: readonly string[], choice: ColumnChoice): ColumnPlan {
  const mapping = choice.columns ?? {};
  for (const [from, to] of Object.entries(mapping)) {
    if (!header.includes(from) && !header.includes(to)) {
      throw new NightloadError(
        'HEADER_UNKNOWN_MAPPING',
        `The mapping names a column "${from}" that the file does not have. Its columns are: ${header.join(', ')}.`,
      );
    }
  }
  const kept: Column[] = [];
  header.forEach((title, index) => {
    const name = Object.hasOwn(mapping, title) ? (mapping[title] as string) : title;
    if (name !== '' && !name.startsWith('sf__')) kept.push({ index, name });
  });
  const names = new Set<string>();
  for (const { name } of kept) {
    if (names.has(name.toLowerCase())) {
      throw new NightloadError('HEADER_DUPLICATE_COLUMN', `Two columns are mapped to "${name}". Keep one of them.`);
    }
    names.add(name.toLowerCase());
  }
  if (choice.operation !== 'delete' && choice.operation !== 'hardDelete') {
    if (kept.length === 0) throw new NightloadError('HEADER_NO_COLUMNS', 'No column is left to send.');
    return { sent: kept, kept };
  }
  const id = kept.find((column) => column.name.toLowerCase() === 'id');
  // A column may be called as Id is labelled, which only describe tells.
  if (id === undefined && choice.mapLabels === true) return { sent: kept, kept };
  if (id === undefined) {
    throw new NightloadError(
      'HEADER_NO_ID',
      `${choice.operation} needs a column "Id". The columns are: ${header.join(', ')}.`,
    );
  }
  return { sent: [{ index: id.index, name: 'Id' }], kept };
}

/** Whether bytes of the source can be sent as they are, under a new header line. */
export function sendsAllColumns(header: readonly string[], sent: readonly Column[]): boolean {
  return sent.length === header.length;
}

/** A header line as it is sent. */
export function headerBytes(names: readonly string[], delimiter: string, lineEnding: 'LF' | 'CRLF'): Buffer {
  return Buffer.from(writeCells(names, delimiter, lineEnding));
}
