/** One result file of a job, fetched and counted: the same for a part's own job and for one that is only compared. */
import { dirname } from 'node:path';
import type { PartRange } from '../csv/parts.js';
import { RowCount } from '../csv/results.js';
import { NightloadError } from '../errors.js';
import type { ResultKind, SalesforceConnection } from '../salesforce/connection.js';
import { removeFile, saveStream } from '../storage/files.js';
import { withinFreeSpace } from '../storage/free-space.js';
import type { StagePlan } from './stage.js';
import type { Step } from './step.js';

export interface ResultToSave {
  connection: SalesforceConnection;
  apiVersion: string;
  jobId: string;
  kind: ResultKind;
  plan: Pick<StagePlan, 'names' | 'delimiter'>;
  path: string;
  /** What was sent with the job, where that is known. */
  sent?: PartRange;
}

/**
 * Bytes: more than any org makes of a part. Each cell comes back in quotes, and its quotes doubled; each row gets an id and an
 * error, and an error of Apex has some KB.
 */
function mostBytes({ start, end, records }: PartRange): number {
  return 8 * (end - start) + 16_384 * (records + 1_000);
}

/** Only the file of what was not processed begins with a column of ours. */
export function firstColumnOf(kind: ResultKind, { names }: Pick<StagePlan, 'names'>): string {
  return kind === 'unprocessedrecords' ? (names[0] as string) : 'sf__Id';
}

/** Gives the number of rows; a file without any is not kept. */
export async function saveResult(
  step: Step,
  { connection, apiVersion, jobId, kind, plan, path, sent }: ResultToSave,
): Promise<number> {
  const count = new RowCount(firstColumnOf(kind, plan), plan.delimiter);
  const { stream } = await connection.openResult(jobId, kind, { ...step.call, apiVersion });
  const bytes = bounded(progress(csvOnly(stream), step), sent === undefined ? Infinity : mostBytes(sent));
  await saveStream(withinFreeSpace(count.through(bytes), dirname(path)), path, step.signal);
  const rows = count.finish();
  if (rows === 0) await removeFile(path);
  return rows;
}

/** What begins like a page or like JSON is none of the platform's files, whatever its headers call it. */
async function* csvOnly(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let begun = false;
  for await (const chunk of chunks) {
    const first: string = begun ? '' : chunk.toString('latin1').trimStart().charAt(0);
    if (['<', '{', '['].includes(first)) {
      throw new NightloadError(
        'SALESFORCE_UNEXPECTED_REPLY',
        'A result file of Salesforce is no CSV: this may be a maintenance page or a proxy in between. It is fetched again; ' +
          'if it stays, check the instance URL and the proxy.',
        { retryable: true },
      );
    }
    begun ||= first !== '';
    yield chunk;
  }
}

async function* bounded(chunks: AsyncIterable<Buffer>, most: number): AsyncGenerator<Buffer> {
  let size = 0;
  for await (const chunk of chunks) {
    size += chunk.length;
    if (size > most) {
      throw new NightloadError(
        'SALESFORCE_UNEXPECTED_REPLY',
        `A result file of Salesforce has more than ${most} bytes, far more than can come of what was sent: something in between may ` +
          'have answered. It is fetched again; if it stays, check the instance URL and the proxy.',
        { retryable: true },
      );
    }
    yield chunk;
  }
}

async function* progress(chunks: AsyncIterable<Buffer>, step: Step): AsyncGenerator<Buffer> {
  for await (const chunk of chunks) {
    step.bytes += chunk.length;
    yield chunk;
  }
}
