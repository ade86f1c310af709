/** The folder of a load's results: names of its files, concatenation, and files of an earlier run. */
import { randomUUID } from 'node:crypto';
import { isObject, join } from '../../storage/locations.js';
import { z } from 'zod';
import { HEAD_BYTES } from '../../csv/dialect.js';
import { firstRecord } from '../../csv/records.js';
import { shortRunId, copyName, RESULT_NAMES } from '../../domain/result-layout.js';
import { NightloadError } from '../../errors.js';
import { readHead, readRange } from '../../storage/read-files.js';
import { listFolder, renameFile } from '../../storage/files/file-tree.js';
import { diskError } from '../../storage/files/disk-errors.js';
import { ForeignFile } from '../../storage/files/file-ref.js';
import { Folder } from '../../storage/folder/folder.js';

/** Copies that a load with `defuse` also writes. */
const COPIES = [RESULT_NAMES.rejected, RESULT_NAMES.unprocessed, RESULT_NAMES.changes].map(copyName);

/** Concatenates files with the same header. */
export async function* joined(paths: string[]): AsyncGenerator<Uint8Array> {
  for (const [index, path] of paths.entries()) {
    let start = 0;
    if (index > 0) {
      start = firstRecord(await readHead(path, HEAD_BYTES), ',')?.end ?? 0;
    }
    yield* readRange(path, start) as AsyncIterable<Buffer>;
  }
}

/** The fields of a report that other code reads. Any program may have written the file. */
const REPORT = z.object({
  // Used as a folder name.
  runId: z.string().regex(/^[A-Za-z0-9-]{1,64}$/),
  records: z.object({ total: z.number(), succeeded: z.number(), unaccounted: z.number() }),
});
export type EarlierReport = z.infer<typeof REPORT>;

/**
 * A report lists a job and a file per part, so it may have many MB. The fields that other code needs are at its
 * beginning, and no more is read: parsing a crafted file of 30 MB takes seconds and a GB.
 */
const HEAD_OF_REPORT = 64_000;
/** In a report, each field except the first begins like this; no text in it contains a line break. */
const NEXT_FIELD = ',\n  "';

/** Undefined when there is none. */
export async function readReport(path: string): Promise<EarlierReport | 'unreadable' | undefined> {
  try {
    return REPORT.safeParse(await readBeginning(path)).data ?? 'unreadable';
  } catch (error) {
    if (error instanceof SyntaxError) return 'unreadable';
    if (error instanceof NightloadError && !(isObject(path) && error.retryable)) return 'unreadable';
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw diskError(error, path);
  }
}

/** The workflow that the report in a folder names, if any. */
export async function readOwnerOfReport(folder: string): Promise<string | undefined> {
  try {
    return REPORT_OWNER.safeParse(await readBeginning(join(folder, RESULT_NAMES.report))).data?.workflowId;
  } catch {
    // `refuseIfLanded` reports what is wrong with it.
    return undefined;
  }
}
const REPORT_OWNER = z.object({ workflowId: z.string().min(1).max(2_000) });

/** The fields that the beginning of a report contains completely. */
async function readBeginning(path: string): Promise<unknown> {
  const bytes = await readHead(new ForeignFile(path), HEAD_OF_REPORT);
  const text = bytes.toString();
  if (bytes.length < HEAD_OF_REPORT) return JSON.parse(text);
  return JSON.parse(`${text.slice(0, text.lastIndexOf(NEXT_FIELD))}}`);
}

/** Next to a run's working files, for later runs: the row counts of its report. */
export const SUMMARY_FILE = /^report-[A-Za-z0-9-]{1,8}\.json$/;

export function summaryName(runId: string): string {
  return `report-${shortRunId(runId)}.json`;
}

/** Names in the folder of a load: its results, and a folder for each run. */
const MAX_RESULTS = 100_000;

/** Gets a suffix if a link or a file has this name. */
export const EARLIER_FOLDER = 'earlier';

/**
 * Moves the files of an earlier run with the same load id aside, so that they stay readable.
 * @param written names of files that this run has written already: they stay, whatever a report says
 */
export async function moveEarlierAside(path: string, runId: string, written: readonly string[] = []): Promise<void> {
  const report = await readReport(join(path, RESULT_NAMES.report));
  const isEarlier = report !== undefined && (report === 'unreadable' || report.runId !== runId);
  const name = typeof report === 'object' && isEarlier ? shortRunId(report.runId) : `before-${shortRunId(runId)}`;
  if (isObject(path)) {
    // An object blocks no other: only files of an earlier run are moved.
    if (isEarlier) await moveObjectsAside(path, name, written);
    return;
  }
  await (
    await Folder.open(path)
  ).use(async (folder) => {
    const moved: string[] = [];
    for (const result of [...Object.values(RESULT_NAMES), ...COPIES]) {
      const kind = await folder.kindOf(result);
      // A folder with this name would block the file.
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

async function moveObjectsAside(path: string, name: string, written: readonly string[]): Promise<void> {
  const results = new Set<string>([...Object.values(RESULT_NAMES), ...COPIES]);
  const found = await listFolder(path, MAX_RESULTS);
  const moved = found.filter((one) => one.isFile && results.has(one.name) && !written.includes(one.name));
  // The report last: until it is moved, the next attempt moves what is left.
  for (const one of moved.sort((a, b) => rank(a.name) - rank(b.name))) {
    await renameFile(join(path, one.name), join(path, EARLIER_FOLDER, name, one.name));
  }
}

function rank(name: string): number {
  return name === RESULT_NAMES.report ? 1 : 0;
}

/** If a link or a file has the name, another name is used instead of waiting for a person. */
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

/** Files that were moved there before stay. */
async function freeName(folder: Folder, name: string): Promise<string> {
  return (await folder.kindOf(name)) === 'folder' ? `${name}-${randomUUID().slice(0, 8)}` : name;
}
