/** Error codes of a past job's failed rows. The rows pass through memory; only the counts are kept. */
import { scanRecords } from '../csv/records.js';
import { readCell } from '../csv/cells.js';
import { DELIMITER_NAMES } from '../csv/dialect.js';
import type { Delimiter } from '../csv/dialect.js';
import { isLockFailure, parseRowError } from '../domain/platform/row-errors.js';
import { NightloadError } from '../errors.js';
import { SalesforceError } from '../salesforce/errors/salesforce-error.js';
import type { JobInfo } from '../salesforce/resources/job-info.js';
import { resultDelimiter } from '../rows/result-file.js';
import type { OrgReader } from './org-reader.js';

/** A few hundred thousand rows. Of a larger file, the shares would be those of its beginning. */
const MAX_BYTES = 100_000_000;
const MAX_CODES = 100;
/** Beyond that, an org invents its own. */
const OTHER = 'OTHER';
const CODE = /^[A-Za-z_]{1,80}$/;
/** Rows that failed for a lock, also where a trigger's error only mentions it. */
export const LOCKED = 'UNABLE_TO_LOCK_ROW';

/** @returns undefined if there are too many, if the org no longer has them, or if they are not those of the job */
export async function countErrors(reader: OrgReader, job: JobInfo): Promise<Record<string, number> | undefined> {
  const counts = await counted(reader, job).catch((error: unknown) => {
    if (error instanceof TooLarge || isUnreadable(error)) return undefined;
    throw error;
  });
  const rows = Object.values(counts ?? {}).reduce((sum, one) => sum + one, 0);
  return rows === job.numberRecordsFailed ? counts : undefined;
}

/** Rows that are no CSV; what the org or the network refuses is an error. */
function isUnreadable(error: unknown): boolean {
  return error instanceof NightloadError && !(error instanceof SalesforceError);
}

async function counted(reader: OrgReader, job: JobInfo): Promise<Record<string, number> | undefined> {
  const answer = await reader.readIfPossible(async (context) => {
    const { stream } = await reader.connection.openResult(job.id, 'failedResults', context);
    const counts = new Map<string, number>();
    let rows = 0;
    const chunks = bounded(stream);
    const head = await chunks.next();
    if (head.done === true) return {};
    const delimiter = resultDelimiter(head.value, 'sf__Id', uploadedWith(job));
    await scanRecords(again(head.value, chunks), { delimiter }, (record) => {
      if (rows++ > 0) count(counts, readCell(record, 1, delimiter));
    });
    return Object.fromEntries([...counts].sort(([, a], [, b]) => b - a));
  });
  return 'value' in answer ? answer.value : undefined;
}

function count(counts: Map<string, number>, raw: string): void {
  const error = parseRowError(raw);
  const found = isLockFailure(error) ? LOCKED : (error.code ?? OTHER);
  const isKept = CODE.test(found) && (counts.has(found) || counts.size < MAX_CODES);
  const code = isKept ? found : OTHER;
  counts.set(code, (counts.get(code) ?? 0) + 1);
}

async function* bounded(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer, undefined> {
  let bytes = 0;
  for await (const chunk of chunks) {
    bytes += chunk.length;
    if (bytes > MAX_BYTES) throw new TooLarge();
    yield chunk;
  }
  return undefined;
}

async function* again(first: Buffer, rest: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  yield first;
  yield* rest;
}

class TooLarge extends Error {}

function uploadedWith({ columnDelimiter }: JobInfo): Delimiter {
  const known = Object.entries(DELIMITER_NAMES) as [Delimiter, string][];
  return known.find(([, name]) => name === columnDelimiter)?.[0] ?? ',';
}
