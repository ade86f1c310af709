/**
 * Whether an earlier run of a load landed rows, as its folder tells it: longer than Temporal remembers, and whoever
 * starts the load. What cannot be read counts as landed: nothing is sent twice on a guess.
 */
import { basename, join } from 'node:path';
import { NightloadError } from '../errors.js';
import { CLAIM_FILE, partFolder, runFolder } from '../layout.js';
import { isThere, listFolder } from '../storage/files.js';
import { EARLIER_FOLDER, readReport, RESULT_NAMES, SUMMARY_FILE, summaryName } from './result-folder.js';
import type { EarlierReport } from './result-folder.js';

/** Folders and reports of earlier runs that are read; nobody starts a load more often. */
const MOST_EARLIER = 1_000;
/** Names in the folder of a load: those of parts among them. */
const MOST_NAMES = 100_000;
/** Of all reports: somebody may have made them to keep the worker busy. */
const MOST_BYTES = 512_000_000;

/**
 * @param executionId of the run that asks: what it left itself, before a reset, is no reason
 * @throws NightloadError `ALREADY_LOADED`
 */
export async function refuseIfLanded(output: string, executionId: string): Promise<void> {
  const own = join(output, runFolder(executionId));
  const all = await namesIn(output, MOST_NAMES);
  const others = all.filter((name) => name.startsWith('run-') && name !== basename(own));
  const reports = [join(output, RESULT_NAMES.report)];
  for (const aside of all.filter((name) => name.startsWith(EARLIER_FOLDER))) {
    const names = await namesIn(join(output, aside), MOST_EARLIER);
    reports.push(...names.map((name) => join(output, aside, name, RESULT_NAMES.report)));
  }
  const silent: string[] = [];
  for (const name of others.slice(0, MOST_EARLIER)) {
    const summaries = (await namesIn(join(output, name), MOST_EARLIER)).filter((file) => SUMMARY_FILE.test(file));
    reports.push(...summaries.map((file) => join(output, name, file)));
    if (summaries.length === 0 && (await mayHaveSent(join(output, name)))) silent.push(name);
  }
  if (Math.max(others.length, reports.length) > MOST_EARLIER) throw tooMany(output);
  const budget = { bytes: MOST_BYTES };
  for (const path of reports) {
    const report = await readReport(path, budget);
    if (report === undefined) continue;
    if (report === 'unreadable')
      throw refused(
        `${path} cannot be read as the report of a load, so nobody knows whether an earlier run landed rows`,
      );
    if (!(await isThere(join(own, summaryName(report.runId)))) && hasLanded(report)) {
      throw refused(landedText(report, path));
    }
  }
  if (silent.length > 0) {
    throw refused(
      `An earlier run of this load, or one that runs now, has begun to send and left no report (${join(output, silent[0] as string)}), so rows of it may have landed`,
    );
  }
}

function refused(what: string): NightloadError {
  return new NightloadError(
    'ALREADY_LOADED',
    `${what}. Load the rejected and unprocessed files of that run instead, or use \`again: true\` (--again) to load everything once more.`,
  );
}

function landedText({ runId, records }: EarlierReport, path: string): string {
  const { total, succeeded, unaccounted } = records;
  const unknown = unaccounted === 0 ? '' : `; of ${unaccounted} more nobody knows whether they landed`;
  return `The run ${runId} of this load landed ${succeeded} of ${total} rows${unknown}, as ${path} says`;
}

function hasLanded({ records: { total, succeeded, unaccounted } }: EarlierReport): boolean {
  return succeeded > 0 || (unaccounted !== 0 && total > 0);
}

function tooMany(folder: string): NightloadError {
  return refused(`${folder} has more than earlier runs can have left there, so nobody knows whether one landed rows`);
}

/** What is passed over could be the report that says so. */
async function namesIn(folder: string, most: number): Promise<string[]> {
  const entries = await listFolder(folder, most + 1).catch((error: unknown) => {
    if (!(error instanceof NightloadError) || error.code !== 'FILE_OUTSIDE_ROOTS') throw error;
    throw refused(`${folder} is a link, so nobody knows whether an earlier run landed rows`);
  });
  if (entries.length > most) throw tooMany(folder);
  return entries.map(({ name }) => name).sort();
}

/** Whether a part was claimed for a job: rounds and corrections only follow where one was. */
async function mayHaveSent(run: string): Promise<boolean> {
  const stage = join(run, 'first');
  if (await isThere(join(stage, partFolder(1), CLAIM_FILE))) return true;
  for (const name of await namesIn(stage, MOST_NAMES)) {
    if (await isThere(join(stage, name, CLAIM_FILE))) return true;
  }
  return false;
}
