/** Names of the files next to a load's results, for code that writes them and code that only names them. Pure. */

/** Folder of a part inside its stage; parts are numbered from 1. */
export function partFolder(part: number): string {
  return `part-${String(part).padStart(5, '0')}`;
}

const RUN_PREFIX = 'run-';

/** Folder of an execution's working files; it stays the same over continue-as-new and reset. */
export function runFolder(executionId: string): string {
  return `${RUN_PREFIX}${shortRunId(executionId)}`;
}

/** Whether a folder's name is that of an execution's working files. */
export function isRunFolder(name: string): boolean {
  return name.startsWith(RUN_PREFIX);
}

/** In a part's folder: the job that received its bytes. */
export const CLAIM_FILE = 'job.json';

export const SUCCEEDED_FILE = 'succeeded.csv';

/** Files of a result folder. */
export const RESULT_NAMES = {
  rejected: 'rejected.csv',
  unprocessed: 'unprocessed.csv',
  changes: 'changes.csv',
  kept: 'succeeded-with-source.csv',
  report: 'report.json',
  reportHtml: 'report.html',
  messages: 'messages.json',
} as const;

/** In a run's own folder: what became of the messages of each event. */
export const MESSAGES_FOLDER = 'messages';

/** Folder in an output with one small file for each ended load. */
export const INDEX_FOLDER = 'index';

/** Note in a result folder that says which workflow it belongs to. */
export const OWNER_FILE = '.nightload-owner';

/** Part of the name of a spreadsheet copy, which is next to its file. */
export const FOR_PEOPLE = '-for-people';

/** Name of the copy of a CSV in which spreadsheets do not execute cells: never that of the file itself. */
export function copyName(file: string): string {
  return `${file.replace(/\.csv$/, '')}${FOR_PEOPLE}.csv`;
}

/** Enough of a run id to distinguish runs: its end, because it begins with the time, the same for a minute. */
export function shortRunId(runId: string): string {
  return runId.slice(-8);
}
