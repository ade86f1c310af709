/** A result for people: what landed, what did not and why, and where the files are. */
import { createReadStream, existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parse } from 'csv-parse';
import { MAX_LISTED_FILES } from '../contract.js';
import type { BulkLoadResult, LoadState } from '../contract.js';
import { CLASSED_CODES, parseRowError } from '../csv/row-errors.js';
import { shownCode } from '../domain/shown-code.js';
import { readSmallFile } from '../storage/files.js';
import { say } from './failure.js';

export const EXIT_CODES: Record<LoadState, number> = { Completed: 0, CompletedWithRejects: 2, Failed: 1, Canceled: 1 };

/** Of a load with some thousand parts; a larger one is not read for a hint. */
const MOST_REPORT_BYTES = 8_000_000;

const number = new Intl.NumberFormat('en-US');

/** Rows of the rejected file by status code, most frequent first. */
async function reasons(uri: string): Promise<[string, number][]> {
  const path = fileURLToPath(uri);
  if (!existsSync(path)) return [];
  const counts = new Map<string, number>();
  const rows = createReadStream(path).pipe(parse({ columns: true, relax_column_count: true }));
  for await (const row of rows as AsyncIterable<Record<string, string>>) {
    // The file is Salesforce's: only what has the form of a code is shown.
    const code = rowCode(row['sf__Error'] ?? '');
    counts.set(code, (counts.get(code) ?? 0) + 1);
  }
  return [...counts].sort((a, b) => b[1] - a[1]);
}

function rowCode(note: string): string {
  const { code = 'other' } = parseRowError(note);
  return CLASSED_CODES.includes(code) ? code : (shownCode(code) ?? 'other');
}

/** What others said of the error lies in the report: it may hold rows, so only its place is told. */
async function detailLines({ error, files }: BulkLoadResult): Promise<string[]> {
  if (error === undefined || files.report === undefined) return [];
  const path = fileURLToPath(files.report);
  try {
    const bytes = await readSmallFile(path, MOST_REPORT_BYTES);
    const report = JSON.parse(bytes?.toString() ?? '{}') as Partial<BulkLoadResult>;
    return report.error?.detail === undefined ? [] : [`  What was said: "detail" of "error" in ${path}`, ''];
  } catch {
    // Another host's, or moved: then the place is told with the files.
    return [];
  }
}

export async function printResult(result: BulkLoadResult, seconds?: number): Promise<void> {
  for (const line of await resultLines(result, seconds)) say(line);
}

/** What people read of a result. Of a load that ended before it began the reason comes first, and no table of zeros. */
export async function resultLines(result: BulkLoadResult, seconds?: number): Promise<string[]> {
  const reason =
    result.error === undefined
      ? []
      : [`${result.error.code}: ${result.error.message}`, '', ...(await detailLines(result))];
  if (isNothing(result)) return ['', ...reason, `  ${result.state}: nothing was sent.`, ...fileLines(result)];
  return ['', ...(await table(result, seconds)), '', ...reason, ...openJobLines(result), ...fileLines(result)];
}

function openJobLines({ openJobs = [] }: BulkLoadResult): string[] {
  if (openJobs.length === 0) return [];
  return [
    `  Open jobs that may be of this load: ${openJobs.join(', ')}. Check them in Setup > Bulk Data Load Jobs.`,
    '',
  ];
}

/** No row was counted and no job made. */
function isNothing({ state, records, jobsTotal }: BulkLoadResult): boolean {
  return (state === 'Failed' || state === 'Canceled') && records.total === 0 && jobsTotal === 0;
}

async function table({ state, records, retry, files, ...rest }: BulkLoadResult, seconds?: number): Promise<string[]> {
  const lines: [string, string][] = [
    ['State', state],
    ['Rows', number.format(records.total)],
    ['Succeeded', number.format(records.succeeded)],
    ['  recovered by retry', number.format(retry.recovered)],
    ['Rejected', number.format(records.rejected)],
  ];
  if (files.rejected !== undefined) {
    for (const [code, count] of await reasons(files.rejected)) lines.push([`  ${code}`, number.format(count)]);
  }
  lines.push(['Unprocessed', number.format(records.unprocessed)]);
  if (records.unaccounted !== 0) lines.push(['Unaccounted', number.format(records.unaccounted)]);
  lines.push(['Books balance', rest.balanced ? 'yes' : 'NO']);
  lines.push(['Jobs', number.format(rest.jobsTotal)], ['API requests', number.format(rest.apiRequests)]);
  if (seconds !== undefined) lines.push(['Time', `${seconds.toFixed(1)} s`]);
  const name = Math.max(...lines.map(([label]) => label.length));
  const value = Math.max(...lines.map(([, text]) => text.length));
  return lines.map(([label, text]) => `  ${label.padEnd(name)}  ${text.padStart(value)}`);
}

function fileLines({ files }: BulkLoadResult): string[] {
  const shown = files.succeeded.slice(0, 3);
  const lines = shown.map((uri) => `  succeeded    ${fileURLToPath(uri)}`);
  const more = files.succeeded.length - shown.length;
  // A result names no more of them.
  const least = files.succeeded.length === MAX_LISTED_FILES ? 'at least ' : '';
  if (more > 0) lines.push(`  succeeded    and ${least}${more} more, see the report`);
  for (const kind of ['rejected', 'unprocessed', 'changes', 'kept', 'report'] as const) {
    if (files[kind] !== undefined) lines.push(`  ${kind.padEnd(11)}  ${fileURLToPath(files[kind])}`);
  }
  for (const uri of Object.values(files.forPeople ?? {})) lines.push(`  for reading  ${fileURLToPath(uri)}`);
  return lines;
}
