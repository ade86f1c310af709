/** Lock failures of a rehearsal, beside those of past jobs: the only sign of whether the folder's `locks` are right. */
import type { LoadFigures } from '../../../contract/load-figures.js';
import { count } from '../../../domain/text/format.js';
import { readSmallFile } from '../../../storage/read-files.js';

/** Size of a report with a few thousand parts. */
const MAX_REPORT_BYTES = 8_000_000;

/** @param report its own, which this command has just written */
export async function lockFiguresIn(report: string): Promise<Pick<LoadFigures, 'locked' | 'sent'> | undefined> {
  const bytes = await readSmallFile(report, MAX_REPORT_BYTES);
  return (JSON.parse(bytes?.toString() ?? '{}') as { figures?: LoadFigures }).figures;
}

/** @param past the part of the rows of past jobs that failed for a lock */
export function lockText(
  figures: Pick<LoadFigures, 'locked' | 'sent'> | undefined,
  past: number | undefined,
): string | undefined {
  if (past === undefined && (figures?.locked ?? 0) === 0) return undefined;
  const here =
    figures === undefined ? 'unknown' : `${count(figures.locked)} of ${count(figures.sent)} rows that were sent`;
  return `${here}${past === undefined ? '' : `; in past jobs ${percent(past)} of the rows`}`;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(share > 0 && share < 0.1 ? 2 : 0)} %`;
}
