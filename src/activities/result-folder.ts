/** The folder of a load's results: names of its files, pieces put together, and what an earlier run left there. */
import { existsSync } from 'node:fs';
import { mkdir, realpath, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { NightloadError } from '../errors.js';
import { HEAD_BYTES } from '../csv/dialect.js';
import { firstRecord } from '../csv/records.js';
import { shortRunId } from '../layout.js';
import { diskError, readHead, readRange, readSmallFile } from '../storage/files.js';

export const RESULT_NAMES = {
  rejected: 'rejected.csv',
  unprocessed: 'unprocessed.csv',
  changes: 'changes.csv',
  kept: 'succeeded-with-source.csv',
  report: 'report.json',
} as const;

/** Files with the same header, as one. */
export async function* joined(paths: string[]): AsyncGenerator<Uint8Array> {
  for (const [index, path] of paths.entries()) {
    let start = 0;
    if (index > 0) {
      start = firstRecord(await readHead(path, HEAD_BYTES), ',')?.end ?? 0;
    }
    yield* readRange(path, start) as AsyncIterable<Buffer>;
  }
}

/** What others read of a report. Anybody may have written the file. */
const REPORT = z.object({
  // It names a folder.
  runId: z.string().regex(/^[A-Za-z0-9-]{1,64}$/),
  records: z.object({ total: z.number(), succeeded: z.number(), unaccounted: z.number() }),
});
export type EarlierReport = z.infer<typeof REPORT>;

/** Each part has a job and a file in it: of a load of some 100,000 parts. */
const MOST_REPORT_BYTES = 32_000_000;

/** Undefined when there is none. */
export async function readReport(path: string): Promise<EarlierReport | 'unreadable' | undefined> {
  try {
    const bytes = await readSmallFile(path, MOST_REPORT_BYTES);
    if (bytes === undefined) return 'unreadable';
    return REPORT.safeParse(JSON.parse(bytes.toString())).data ?? 'unreadable';
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof RangeError) return 'unreadable';
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw diskError(error, path);
  }
}

/** Beside the working files of a run, for the next ones: what its report says of rows. */
export const SUMMARY_FILE = /^report-[A-Za-z0-9-]{1,8}\.json$/;

export function summaryName(runId: string): string {
  return `report-${shortRunId(runId)}.json`;
}

export const EARLIER_FOLDER = 'earlier';

/** A load that failed and was started again under its id: what it left behind the first time stays readable. */
export async function moveEarlierAside(folder: string, runId: string): Promise<void> {
  const report = await readReport(join(folder, RESULT_NAMES.report));
  if (report === undefined || (report !== 'unreadable' && report.runId === runId)) return;
  const name = report === 'unreadable' ? `before-${shortRunId(runId)}` : shortRunId(report.runId);
  const all = await ownFolder(await realpath(folder), EARLIER_FOLDER);
  const aside = await ownFolder(all, name);
  for (const name of Object.values(RESULT_NAMES)) {
    if (existsSync(join(folder, name))) await rename(join(folder, name), join(aside, name));
  }
}

/** A folder inside another one; somebody may have put a link there. */
async function ownFolder(parent: string, name: string): Promise<string> {
  const path = join(parent, name);
  await mkdir(path, { recursive: true });
  if ((await realpath(path)) === path) return path;
  throw new NightloadError(
    'FILE_OUTSIDE_ROOTS',
    `${path} is a link, so the results of an earlier run are not moved there. Remove it; the load goes on by itself.`,
    { retryable: true },
  );
}
