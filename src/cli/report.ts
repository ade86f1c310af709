/** A result for people: what landed, what did not and why, and where the files are. */
import { createReadStream, existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parse } from 'csv-parse';
import type { BulkLoadResult, LoadState } from '../contract.js';
import { parseRowError } from '../csv/row-errors.js';
import { say } from './failure.js';

export const EXIT_CODES: Record<LoadState, number> = { Completed: 0, CompletedWithRejects: 2, Failed: 1, Canceled: 1 };

const number = new Intl.NumberFormat('en-US');

/** Rows of the rejected file by status code, most frequent first. */
async function reasons(uri: string): Promise<[string, number][]> {
  const path = fileURLToPath(uri);
  if (!existsSync(path)) return [];
  const counts = new Map<string, number>();
  const rows = createReadStream(path).pipe(parse({ columns: true, relax_column_count: true }));
  for await (const row of rows as AsyncIterable<Record<string, string>>) {
    const code = parseRowError(row['sf__Error'] ?? '').code ?? 'other';
    counts.set(code, (counts.get(code) ?? 0) + 1);
  }
  return [...counts].sort((a, b) => b[1] - a[1]);
}

export async function printResult(result: BulkLoadResult, seconds?: number): Promise<void> {
  const { records, retry, files } = result;
  const lines: [string, string][] = [
    ['State', result.state],
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
  lines.push(['Books balance', result.balanced ? 'yes' : 'NO']);
  lines.push(['Jobs', number.format(result.jobsTotal)], ['API requests', number.format(result.apiRequests)]);
  if (seconds !== undefined) lines.push(['Time', `${seconds.toFixed(1)} s`]);
  const name = Math.max(...lines.map(([label]) => label.length));
  const value = Math.max(...lines.map(([, text]) => text.length));
  say('');
  for (const [label, text] of lines) say(`  ${label.padEnd(name)}  ${text.padStart(value)}`);
  say('');
  if (result.error !== undefined) say(`${result.error.code}: ${result.error.message}\n`);
  const shown = files.succeeded.slice(0, 3);
  for (const uri of shown) say(`  succeeded    ${fileURLToPath(uri)}`);
  if (files.succeeded.length > shown.length)
    say(`  succeeded    and ${files.succeeded.length - shown.length} more, see the report`);
  for (const kind of ['rejected', 'unprocessed', 'changes', 'kept', 'report'] as const) {
    if (files[kind] !== undefined) say(`  ${kind.padEnd(11)}  ${fileURLToPath(files[kind])}`);
  }
}
