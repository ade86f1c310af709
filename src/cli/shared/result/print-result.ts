/** A result for people: what landed, what did not and why, and where the files are. */
import { MAX_LISTED_FILES } from '../../../contract/load-result.js';
import type { BulkLoadResult } from '../../../contract/load-result.js';
import { plainText } from '../../../domain/text/plain-text.js';
import { readSmallFile } from '../../../storage/read-files.js';
import { messageLines } from './message-lines.js';
import { ownResultFile, promptly } from '../local-files.js';
import { say } from '../output.js';
import { countReasons, reasonLines } from './rejected-reasons.js';
import { pathOrUri } from '../../../storage/locations.js';

/** Size of a report with a few thousand parts; a larger one is not read for a hint. */
const MAX_REPORT_BYTES = 8_000_000;

const MAX_WARNINGS = 10;
const MAX_WARNING = 500;

const number = new Intl.NumberFormat('en-US');

/** Messages from others about the error are in the report: they may contain rows, so only their place is shown. */
async function detailLines(result: BulkLoadResult): Promise<string[]> {
  const path = result.error && (await ownResultFile(result, 'report'));
  if (path === undefined) return [];
  try {
    const bytes = await promptly(path, () => readSmallFile(path, MAX_REPORT_BYTES));
    const report = JSON.parse(bytes?.toString() ?? '{}') as Partial<BulkLoadResult>;
    return report.error?.detail === undefined ? [] : [`  Details: "detail" of "error" in ${path}`, ''];
  } catch {
    // On another host, or moved: then the place is shown with the files.
    return [];
  }
}

export async function printResult(result: BulkLoadResult, seconds?: number): Promise<void> {
  for (const line of await resultLines(result, seconds)) say(line);
}

/**
 * The result as lines for people. For a load that ended before it began, the reason comes first, without a table of
 * zeros.
 */
export async function resultLines(result: BulkLoadResult, seconds?: number): Promise<string[]> {
  const reason =
    result.error === undefined
      ? []
      : [`${result.error.code}: ${result.error.message}`, '', ...(await detailLines(result))];
  const files = [...warningLines(result), ...fileLines(result), ...(await messageLines(result))];
  if (isNothing(result)) return ['', ...reason, `  ${result.state}: nothing was sent.`, ...files];
  return ['', ...(await table(result, seconds)), '', ...reason, ...openJobLines(result), ...files];
}

function openJobLines({ openJobs = [] }: BulkLoadResult): string[] {
  if (openJobs.length === 0) return [];
  return [
    `  Open jobs that may belong to this load: ${openJobs.join(', ')}. Check them in Setup > Bulk Data Load Jobs.`,
    '',
  ];
}

function warningLines({ warnings = [] }: BulkLoadResult): string[] {
  if (warnings.length === 0) return [];
  const shown = warnings.slice(0, MAX_WARNINGS).map((warning) => `  Warning: ${plainText(warning, MAX_WARNING)}`);
  const more = warnings.length - shown.length;
  return [...shown, ...(more > 0 ? [`  … and ${number.format(more)} more warnings in the report.`] : []), ''];
}

/** No row was counted and no job created. */
function isNothing({ state, records, jobsTotal }: BulkLoadResult): boolean {
  return (state === 'Failed' || state === 'Canceled') && records.total === 0 && jobsTotal === 0;
}

async function table(result: BulkLoadResult, seconds?: number): Promise<string[]> {
  const { state, records, retry, ...rest } = result;
  const lines: [string, string][] = [
    ['State', state],
    ['Rows', number.format(records.total)],
    ['Succeeded', number.format(records.succeeded)],
    ['  recovered by retry', number.format(retry.recovered)],
    ['Rejected', number.format(records.rejected)],
  ];
  const rejected = await ownResultFile(result, 'rejected');
  if (rejected !== undefined) lines.push(...reasonLines(await countReasons(rejected)));
  lines.push(['Unprocessed', number.format(records.unprocessed)]);
  if (records.unaccounted !== 0) lines.push(['Unaccounted', number.format(records.unaccounted)]);
  lines.push(['Books balance', rest.balanced ? 'yes' : 'NO']);
  lines.push(['Jobs', number.format(rest.jobsTotal)], ['API requests', number.format(rest.apiRequests)]);
  if (seconds !== undefined) lines.push(['Time', `${seconds.toFixed(1)} s`]);
  const name = Math.max(...lines.map(([label]) => label.length));
  const value = Math.max(...lines.map(([, text]) => text.length));
  return lines.map(([label, text]) => `  ${label.padEnd(name)}  ${text.padStart(value)}`.trimEnd());
}

/** The page is what a person opens. */
function nameOf(kind: string): string {
  return kind === 'reportHtml' ? 'page' : kind;
}

function fileLines({ files }: BulkLoadResult): string[] {
  const shown = files.succeeded.slice(0, 3);
  const lines = shown.map((uri) => `  succeeded    ${pathOrUri(uri)}`);
  const more = files.succeeded.length - shown.length;
  // A result lists no more of them.
  const least = files.succeeded.length === MAX_LISTED_FILES ? 'at least ' : '';
  if (more > 0) lines.push(`  succeeded    and ${least}${more} more; see the report`);
  for (const kind of ['rejected', 'unprocessed', 'changes', 'kept', 'report', 'reportHtml'] as const) {
    if (files[kind] !== undefined) lines.push(`  ${nameOf(kind).padEnd(11)}  ${pathOrUri(files[kind])}`);
  }
  for (const uri of Object.values(files.forPeople ?? {})) lines.push(`  for reading  ${pathOrUri(uri)}`);
  return lines;
}
