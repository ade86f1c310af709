/**
 * Fills an object with records from a CSV file, checked like the rows of a job: header, types, lengths, picklists,
 * required and unique values, parents. Rules are not applied, because old records may break them, and the columns may
 * include what only the platform writes, `Id` for one.
 */
import { open } from 'node:fs/promises';
import { EVERYTHING } from '../org/access.js';
import { USER_ID } from '../org/ids.js';
import type { Org } from '../org/org.js';
import type { OrgStore } from '../store/org-store.js';
import { seedRow } from './apply-row.js';
import type { RowContext } from './apply-row.js';
import { refuseRow } from './row-limits.js';
import { parsedRows, readHeader } from './upload.js';
import { checkUpload } from './upload-check.js';
import type { UploadIndex } from './upload-check.js';

const DELIMITER = ',';
/** Errors that are shown. */
const MAX_SHOWN = 5;

export interface SeedFile {
  object: string;
  path: string;
}

export type SeedWorld = Pick<RowContext, 'rules' | 'markers' | 'quirks'> & { org: Org; store: OrgStore | undefined };

/** Returns the number of records. @throws Error that names the file and the rows */
export async function seedRecords(world: SeedWorld, { object, path }: SeedFile): Promise<number> {
  const { org, quirks } = world;
  const table = org.table(object);
  if (table === undefined) throw new Error(`${path}: there is no object ${object}`);
  const index = await indexOf(path);
  const file = await open(path);
  try {
    const read = async (start: number, end: number) => {
      const buffer = Buffer.allocUnsafe(end - start);
      const { bytesRead } = await file.read(buffer, 0, buffer.length, start);
      return parsedRows(buffer.subarray(0, bytesRead), { delimiter: DELIMITER, strayQuotes: false, offset: start });
    };
    const [header] = await read(0, index.headerEnd);
    const rules = { ...quirks, operation: 'insert', access: EVERYTHING };
    const columns = readHeader(org, table, rules, header?.cells ?? ['']);
    if (typeof columns === 'string') throw new Error(`${path}: ${columns}`);
    const job = { id: '', object: table.object.name, operation: 'insert', createdById: USER_ID };
    const rest = { columns, job, jobNumber: 0, access: EVERYTHING, now: 0, keys: new Set<string>() };
    const { rules: orgRules, markers } = world;
    const context: RowContext = { org, rules: orgRules, markers, quirks, ...rest, table, created: new Set() };
    const errors: string[] = [];
    let failed = 0;
    let line = 0;
    for (const [i, start] of index.starts.slice(0, -1).entries()) {
      context.created.clear();
      for (const row of await read(start, index.starts[i + 1] as number)) {
        line++;
        const error = refuseRow(row, columns, quirks) ?? seedRow(context, row.cells);
        if (error === undefined) continue;
        failed++;
        if (errors.length < MAX_SHOWN) errors.push(`row ${line}: ${error}`);
      }
      world.store?.commit();
    }
    if (failed === 0) return line;
    throw new Error(`${path}: ${failed} of ${line} rows are not valid records of ${object}: ${errors.join('; ')}`);
  } finally {
    await file.close();
  }
}

/** With either line ending. */
async function indexOf(path: string): Promise<UploadIndex> {
  for (const lineEnding of ['LF', 'CRLF']) {
    const rules = { lineEnding, delimiter: DELIMITER, breaksInCells: true, blankBeforeQuote: false };
    const found = await checkUpload(path, rules).catch((error: NodeJS.ErrnoException) => {
      throw new Error(`${path}: ${error.code === 'ENOENT' ? 'no such file' : `cannot be read (${error.code})`}`);
    });
    if (found === 'quote') throw new Error(`${path}: it has a stray quote`);
    if (found !== 'lineEnding') return found;
  }
  throw new Error(`${path}: its line endings are not all alike`);
}

/** Whether the seed would be the second one: an org that keeps its records was filled before. */
export const isFilled = (org: Org, { object }: SeedFile): boolean => (org.table(object)?.count ?? 0) > 0;
