/**
 * Whether an earlier run of a load landed rows, as its folder tells it: longer than Temporal remembers, and whoever
 * starts the load. What cannot be read counts as landed: nothing is sent twice on a guess.
 */
import { existsSync } from 'node:fs';
import { opendir, readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { NightloadError } from '../errors.js';
import { CLAIM_FILE, partFolder, runFolder } from '../layout.js';
import { EARLIER_FOLDER, readReport, RESULT_NAMES, SUMMARY_FILE, summaryName } from './result-folder.js';
import type { EarlierReport } from './result-folder.js';

/** Folders and reports of earlier runs that are read; nobody starts a load more often. */
const MOST_EARLIER = 1_000;

/**
 * @param executionId of the run that asks: what it left itself, before a reset, is no reason
 * @throws NightloadError `ALREADY_LOADED`
 */
export async function refuseIfLanded(output: string, executionId: string): Promise<void> {
  const own = join(output, runFolder(executionId));
  const others = (await namesIn(output)).filter((name) => name.startsWith('run-') && name !== basename(own));
  const reports = [
    join(output, RESULT_NAMES.report),
    ...(await namesIn(join(output, EARLIER_FOLDER))).map((name) =>
      join(output, EARLIER_FOLDER, name, RESULT_NAMES.report),
    ),
  ];
  const silent: string[] = [];
  for (const name of others) {
    const summaries = (await namesIn(join(output, name))).filter((file) => SUMMARY_FILE.test(file));
    reports.push(...summaries.map((file) => join(output, name, file)));
    if (summaries.length === 0 && (await mayHaveSent(join(output, name)))) silent.push(name);
  }
  for (const path of reports) {
    const report = await readReport(path);
    if (report === undefined) continue;
    if (report === 'unreadable')
      throw refused(
        `${path} cannot be read as the report of a load, so nobody knows whether an earlier run landed rows`,
      );
    if (!existsSync(join(own, summaryName(report.runId))) && hasLanded(report)) {
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

async function namesIn(folder: string): Promise<string[]> {
  try {
    const names = await readdir(folder);
    return names.sort().slice(0, MOST_EARLIER);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return [];
    throw error;
  }
}

/** Whether a part was claimed for a job: rounds and corrections only follow where one was. */
async function mayHaveSent(run: string): Promise<boolean> {
  const stage = join(run, 'first');
  if (existsSync(join(stage, partFolder(1), CLAIM_FILE))) return true;
  try {
    for await (const { name } of await opendir(stage)) {
      if (existsSync(join(stage, name, CLAIM_FILE))) return true;
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  return false;
}
