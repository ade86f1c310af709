/** Counts the rows of a rejected file by status code. The file may be as large as the load, or larger: time is limited. */
import { readCell, readCells } from '../../../csv/cells.js';
import { scanRecords } from '../../../csv/records.js';
import { CLASSED_CODES, parseRowError } from '../../../domain/platform/row-errors.js';
import { count } from '../../../domain/text/format.js';
import { shownCode } from '../../../domain/text/shown-code.js';
import { ForeignFile } from '../../../storage/files/file-ref.js';
import { readRange } from '../../../storage/read-files.js';

/** A million rows take about a second. */
const LIMIT_MS = 5_000;
const SILENT_MS = 2_000;
/** Different codes: no org returns so many. Rows with further ones are counted together. */
const MAX_CODES = 100;
/** Rejected files are written with commas, whatever the source has. */
const DELIMITER = ',';
const OTHER = 'OTHER';

export interface Reasons {
  /** Rows by code, most frequent first. */
  counts: [string, number][];
  rows: number;
  /** Whether the time was over before the end of the file. */
  partial: boolean;
}

/** Undefined for a file without errors of rows, or one that cannot be read. */
export async function countReasons(path: string, limitMs = LIMIT_MS): Promise<Reasons | undefined> {
  const timeIsUp = new Error('time is up');
  // A store that does not answer ends no chunk.
  const signal = AbortSignal.timeout(limitMs + SILENT_MS);
  const counts = new Map<string, number>();
  let column: number | undefined;
  let rows = 0;
  let partial = false;
  try {
    const chunks = untilLate(
      readRange(new ForeignFile(path), 0, undefined, signal),
      performance.now() + limitMs,
      timeIsUp,
    );
    await scanRecords(chunks, { delimiter: DELIMITER }, (record) => {
      if (column === undefined) {
        column = readCells(record, DELIMITER).indexOf('sf__Error');
        return;
      }
      if (column === -1) return;
      rows++;
      const found = codeOf(readCell(record, column, DELIMITER));
      const code = counts.has(found) || counts.size < MAX_CODES ? found : OTHER;
      counts.set(code, (counts.get(code) ?? 0) + 1);
    });
  } catch (error) {
    // Not a file that a load wrote, or one that was cut: its place is shown all the same.
    if (error !== timeIsUp && !signal.aborted) return undefined;
    partial = true;
  }
  if (rows === 0) return undefined;
  return { counts: [...counts].sort((a, b) => b[1] - a[1]), rows, partial };
}

/** Rows of the result's table: label and value. */
export function reasonLines(reasons: Reasons | undefined): [string, string][] {
  if (reasons === undefined) return [];
  const lines = reasons.counts.map(([code, rows]): [string, string] => [`  ${code}`, count(rows)]);
  return reasons.partial ? [[`  of the first ${count(reasons.rows)} rows only:`, ''], ...lines] : lines;
}

/** The file comes from Salesforce: only values in the form of a code are shown. */
function codeOf(note: string): string {
  const { code } = parseRowError(note);
  return code !== undefined && CLASSED_CODES.includes(code) ? code : (shownCode(code) ?? OTHER);
}

/** Ends with an error, so that an incomplete row is not counted. */
async function* untilLate(chunks: AsyncIterable<Uint8Array>, end: number, late: Error): AsyncGenerator<Uint8Array> {
  let isLate = false;
  for await (const chunk of chunks) {
    if (isLate) throw late;
    yield chunk;
    isLate = performance.now() > end;
  }
}
