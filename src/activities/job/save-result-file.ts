/**
 * Downloads one result file of a job and counts its rows, both for a part's own job and for a job that is only
 * compared.
 */
import type { PartRange } from '../../csv/plan-parts.js';
import { RowCount } from '../../rows/result-file.js';
import { NightloadError } from '../../errors.js';
import type { SalesforceConnection } from '../../salesforce/bulk-client.js';
import type { ResultKind } from '../../domain/platform/result-kind.js';
import { removeFile } from '../../storage/files/file-tree.js';
import { saveStream } from '../../storage/write-files.js';
import type { StagePlan } from '../stage/stage-plan-types.js';
import { processMetrics } from '../metrics.js';
import type { ActivityRun } from '../run-activity.js';

export interface ResultToSave {
  connection: SalesforceConnection;
  apiVersion: string;
  jobId: string;
  kind: ResultKind;
  plan: Pick<StagePlan, 'names' | 'delimiter'>;
  path: string;
  /** The range that was sent to the job, if known. */
  sent?: PartRange;
}

/**
 * Upper bound in bytes for a result file of a part. Each cell comes back in quotes, with its own quotes doubled; each
 * row gets an id and an error, and an Apex error takes some KB.
 */
function mostBytes({ start, end, records }: PartRange): number {
  return 8 * (end - start) + 16_384 * (records + 1_000);
}

/** Only the file of unprocessed rows begins with one of our columns. */
export function firstColumnOf(kind: ResultKind, { names }: Pick<StagePlan, 'names'>): string {
  return kind === 'unprocessedrecords' ? (names[0] as string) : 'sf__Id';
}

/** Returns the number of rows; a file without rows is not kept. */
export async function saveResult(
  step: ActivityRun,
  { connection, apiVersion, jobId, kind, plan, path, sent }: ResultToSave,
): Promise<number> {
  const metrics = processMetrics();
  let bytes = 0;
  let rows = 0;
  const most = sent === undefined ? Infinity : mostBytes(sent);
  const count = new RowCount(firstColumnOf(kind, plan), plan.delimiter);
  const start = new CsvStart();
  const { stream } = await connection.openResult(jobId, kind, { ...step.call, apiVersion });
  const inspect = (chunk: Buffer): void => {
    start.check(chunk);
    step.bytes += chunk.length;
    bytes += chunk.length;
    if (bytes > most) throw tooLarge(most);
    count.push(chunk);
  };
  const isWanted = (): boolean => (rows = count.finish()) > 0;
  await saveStream(stream, path, step.signal, { inspect, keepFreeSpace: true, isWanted });
  metrics.add('nightload_bytes_total', bytes, { direction: 'download' });
  // One of an earlier attempt, or of another job.
  if (rows === 0) await removeFile(path);
  return rows;
}

/** Content that begins like HTML or JSON is not a result file, whatever its headers say. */
class CsvStart {
  #hasBegun = false;

  check(chunk: Buffer): void {
    if (this.#hasBegun) return;
    const first = chunk.toString('latin1').trimStart().charAt(0);
    if (['<', '{', '['].includes(first)) {
      throw new NightloadError(
        'SALESFORCE_UNEXPECTED_REPLY',
        'A result file from Salesforce is not CSV: it may come from a maintenance page or a proxy. It is fetched again; ' +
          'if the error persists, check the instance URL and the proxy.',
        { retryable: true },
      );
    }
    this.#hasBegun = first !== '';
  }
}

function tooLarge(most: number): NightloadError {
  return new NightloadError(
    'SALESFORCE_UNEXPECTED_REPLY',
    `A result file from Salesforce has more than ${most} bytes, far more than the sent rows can produce: a proxy may ` +
      'have answered. It is fetched again; if the error persists, check the instance URL and the proxy.',
    { retryable: true },
  );
}
