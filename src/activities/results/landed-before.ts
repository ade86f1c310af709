/**
 * Checks the folder of a load for rows that an earlier run landed. The folder remembers longer than Temporal, and for
 * every caller. Unreadable files count as landed, so that no row is sent twice.
 */
import { againAdvice } from '../../domain/text/again-advice.js';
import type { LeftFile } from '../../domain/text/again-advice.js';
import { shownPath } from '../../domain/text/shown.js';
import { NightloadError } from '../../errors.js';
import { CLAIM_FILE, partFolder, runFolder } from '../../domain/result-layout.js';
import { basename, dirname, join } from '../../storage/locations.js';
import { isThere, listFolder } from '../../storage/files/file-tree.js';
import { EARLIER_FOLDER, readReport, SUMMARY_FILE, summaryName } from './results-folder.js';
import { RESULT_NAMES } from '../../domain/result-layout.js';
import type { EarlierReport } from './results-folder.js';

/** Upper bound for folders and reports of earlier runs to read. */
const MAX_EARLIER = 1_000;
/** Upper bound for names in the folder of a load, including those of parts. */
const MAX_NAMES = 100_000;

/**
 * @param executionId of the asking run: its own files from before a reset are not a reason
 * @throws NightloadError `ALREADY_LOADED`
 */
export async function refuseIfLanded(output: string, executionId: string): Promise<void> {
  const own = join(output, runFolder(executionId));
  const all = await namesIn(output, MAX_NAMES);
  const others = all.filter((name) => name.startsWith('run-') && name !== basename(own));
  const reports = [join(output, RESULT_NAMES.report)];
  for (const aside of all.filter((name) => name.startsWith(EARLIER_FOLDER))) {
    const names = await namesIn(join(output, aside), MAX_EARLIER);
    reports.push(...names.map((name) => join(output, aside, name, RESULT_NAMES.report)));
  }
  const silent: string[] = [];
  for (const name of others.slice(0, MAX_EARLIER)) {
    const summaries = (await namesIn(join(output, name), MAX_EARLIER)).filter((file) => SUMMARY_FILE.test(file));
    reports.push(...summaries.map((file) => join(output, name, file)));
    if (summaries.length === 0 && (await mayHaveSent(join(output, name)))) silent.push(name);
  }
  if (Math.max(others.length, reports.length) > MAX_EARLIER) throw await tooMany(output);
  for (const path of reports) {
    const report = await readReport(path);
    if (report === undefined) continue;
    if (report === 'unreadable')
      throw await refused(
        output,
        `${shownPath(path)} cannot be read as the report of a load, so it is unknown whether an earlier run landed rows`,
      );
    if (!(await isThere(join(own, summaryName(report.runId)))) && hasLanded(report)) {
      throw await refused(
        basename(path) === RESULT_NAMES.report ? dirname(path) : output,
        landedText(report, path),
        report,
      );
    }
  }
  if (silent.length > 0) {
    throw await refused(
      output,
      `An earlier run of this load, or one still running, began to send and left no report (${shownPath(join(output, silent[0] as string))}), so rows of it may have landed`,
    );
  }
}

/** @param folder with the files of the earlier run, which `nightload prune` may have removed */
async function refused(folder: string, what: string, report?: EarlierReport): Promise<NightloadError> {
  const left: LeftFile[] = [];
  for (const kind of ['rejected', 'unprocessed'] as const) {
    const state = await isThere(join(folder, RESULT_NAMES[kind])).then(
      (isLeft) => (isLeft ? 'there' : 'removed'),
      () => 'unknown' as const,
    );
    left.push({ kind, state });
  }
  const had = report === undefined || othersIn(report) === 0 ? left.filter(({ state }) => state === 'there') : left;
  return new NightloadError('ALREADY_LOADED', `${what}. ${againAdvice(had)}`);
}

/** Rows that did not land, and of which it is known. */
function othersIn({ records: { total, succeeded, unaccounted } }: EarlierReport): number {
  return total - succeeded - unaccounted;
}

function landedText({ runId, records }: EarlierReport, path: string): string {
  const { total, succeeded, unaccounted } = records;
  const unknown = unaccounted === 0 ? '' : `; for ${unaccounted} more it is unknown whether they landed`;
  return `Run ${runId} of this load landed ${succeeded} of ${total} rows${unknown}, according to ${shownPath(path)}`;
}

function hasLanded({ records: { total, succeeded, unaccounted } }: EarlierReport): boolean {
  return succeeded > 0 || (unaccounted !== 0 && total > 0);
}

function tooMany(folder: string): Promise<NightloadError> {
  return refused(
    folder,
    `${shownPath(folder)} has more entries than earlier runs can have left, so it is unknown whether one landed rows`,
  );
}

/** A skipped name could be the report that matters. */
async function namesIn(folder: string, most: number): Promise<string[]> {
  const entries = await listFolder(folder, most + 1).catch(async (error: unknown) => {
    if (!(error instanceof NightloadError) || error.code !== 'FILE_OUTSIDE_ROOTS') throw error;
    throw await refused(folder, `${shownPath(folder)} is a link, so it is unknown whether an earlier run landed rows`);
  });
  if (entries.length > most) throw await tooMany(folder);
  return entries.map(({ name }) => name).sort();
}

/** Whether a part was claimed for a job: rounds and corrections exist only after one. */
async function mayHaveSent(run: string): Promise<boolean> {
  const stage = join(run, 'first');
  if (await isThere(join(stage, partFolder(1), CLAIM_FILE))) return true;
  for (const name of await namesIn(stage, MAX_NAMES)) {
    if (await isThere(join(stage, name, CLAIM_FILE))) return true;
  }
  return false;
}
