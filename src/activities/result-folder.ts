/** The folder of a load's results: names of its files, pieces put together, and what an earlier run left there. */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { z } from 'zod';
import { HEAD_BYTES } from '../csv/dialect.js';
import { firstRecord } from '../csv/records.js';
import { shortRunId } from '../layout.js';
import { diskError, readHead, readRange, readSmallFile } from '../storage/files.js';
import { Folder } from '../storage/folder.js';

export const RESULT_NAMES = {
  rejected: 'rejected.csv',
  unprocessed: 'unprocessed.csv',
  changes: 'changes.csv',
  kept: 'succeeded-with-source.csv',
  report: 'report.json',
  rejectedForPeople: 'rejected-for-people.csv',
  unprocessedForPeople: 'unprocessed-for-people.csv',
  changesForPeople: 'changes-for-people.csv',
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

/** Undefined when there is none. @param budget bytes that may be read of several reports, and what is left of them */
export async function readReport(
  path: string,
  budget: { bytes: number } = { bytes: MOST_REPORT_BYTES },
): Promise<EarlierReport | 'unreadable' | undefined> {
  try {
    const bytes = await readSmallFile(path, Math.min(budget.bytes, MOST_REPORT_BYTES));
    if (bytes === undefined) return 'unreadable';
    budget.bytes -= bytes.length;
    return REPORT.safeParse(JSON.parse(bytes.toString())).data ?? 'unreadable';
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof RangeError) return 'unreadable';
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw diskError(error, path);
  }
}

/** The workflow that the report in a folder names, if there is one. */
export async function readOwnerOfReport(folder: string): Promise<string | undefined> {
  try {
    const bytes = await readSmallFile(join(folder, RESULT_NAMES.report), MOST_REPORT_BYTES);
    return bytes && REPORT_OWNER.safeParse(JSON.parse(bytes.toString())).data?.workflowId;
  } catch {
    // `refuseIfLanded` says what is wrong with it.
    return undefined;
  }
}
const REPORT_OWNER = z.object({ workflowId: z.string().min(1).max(2_000) });

/** Beside the working files of a run, for the next ones: what its report says of rows. */
export const SUMMARY_FILE = /^report-[A-Za-z0-9-]{1,8}\.json$/;

export function summaryName(runId: string): string {
  return `report-${shortRunId(runId)}.json`;
}

/** With something behind it where somebody put a link or a file of this name. */
export const EARLIER_FOLDER = 'earlier';

/**
 * A load that failed and was started again under its id: what it left behind the first time stays readable.
 * @param written names of files that this run has written already: whatever a report says, they stay
 */
export async function moveEarlierAside(path: string, runId: string, written: readonly string[] = []): Promise<void> {
  const report = await readReport(join(path, RESULT_NAMES.report));
  const isEarlier = report !== undefined && (report === 'unreadable' || report.runId !== runId);
  const name = typeof report === 'object' && isEarlier ? shortRunId(report.runId) : `before-${shortRunId(runId)}`;
  await (
    await Folder.open(path)
  ).use(async (folder) => {
    const moved: string[] = [];
    for (const result of Object.values(RESULT_NAMES)) {
      const kind = await folder.kindOf(result);
      // A folder of this name would have no file put into its place.
      if (kind === 'folder' || (kind !== undefined && isEarlier && !written.includes(result))) moved.push(result);
    }
    if (moved.length === 0) return;
    await (
      await openAside(folder)
    ).use(async (all) => {
      await (
        await openInside(all, name)
      ).use(async (aside) => {
        for (const result of moved) await folder.move(result, aside, await freeName(aside, result));
      });
    });
  });
}

/** Somebody may have put a link there, or a file: another name does as well, and nobody has to wait for a person. */
async function openAside(folder: Folder): Promise<Folder> {
  try {
    return await openInside(folder, EARLIER_FOLDER);
  } catch {
    return openInside(folder, `${EARLIER_FOLDER}-${randomUUID().slice(0, 8)}`);
  }
}

function openInside(folder: Folder, name: string): Promise<Folder> {
  return Folder.open(join(folder.path, name), { create: true });
}

/** What was moved there before stays. */
async function freeName(folder: Folder, name: string): Promise<string> {
  return (await folder.kindOf(name)) === 'folder' ? `${name}-${randomUUID().slice(0, 8)}` : name;
}
