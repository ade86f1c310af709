/**
 * Decides which files of a load's result folder may go, and which stay because a later run relies on them. Pure.
 *
 * Always kept: the owner note, `report.json`, and the counts of each run (`report-….json`), which refuse a load whose
 * rows landed (`ALREADY_LOADED`). Kept while Temporal knows the load, which may then be reset: what proves that a part
 * was sent and which rows it had (`job.json`, `plan.json`, `known-jobs`). A run without counts stays whole: its files
 * are all that shows what landed.
 */
import { CLAIM_FILE, copyName, isRunFolder, RESULT_NAMES } from '../../domain/result-layout.js';
import { PLAN_FILE } from '../stage/stage-plan.js';
import { EARLIER_FOLDER, SUMMARY_FILE } from '../results/results-folder.js';
import { KNOWN_FOLDER } from '../orphans/find-earlier-jobs.js';

/** What Temporal knows of the workflow that a folder belongs to. */
export type LoadState = { state: 'running' } | { state: 'ended'; at: number } | { state: 'forgotten' };

export interface FoundFile {
  /** From the load's folder down: `['run-1a2b3c4d', 'first', 'plan.json']`. */
  path: readonly string[];
  bytes: number;
  /** Milliseconds since 1970. */
  modifiedMs: number;
}

export type Decision = { keep: 'running' | 'recent' } | { remove: FoundFile[]; endedAt: number };

const RESULTS = [RESULT_NAMES.rejected, RESULT_NAMES.unprocessed, RESULT_NAMES.changes, RESULT_NAMES.kept];
/** The page shows some rejected rows. */
const REMOVABLE = new Set<string>([
  ...RESULTS,
  ...RESULTS.map(copyName),
  RESULT_NAMES.reportHtml,
  RESULT_NAMES.messages,
]);
/** `moveEarlierAside` adds a suffix to a name that is taken. */
const SUFFIX = /-[0-9a-f]{8}$/;
const PROOF = new Set([CLAIM_FILE, PLAN_FILE]);

/** @param before only files from before this moment, of a load that ended before it. Milliseconds since 1970 */
export function decide(found: LoadState, files: readonly FoundFile[], before: number): Decision {
  if (found.state === 'running') return { keep: 'running' };
  const newest = files.filter(isOurs).reduce((latest, { modifiedMs }) => Math.max(latest, modifiedMs), 0);
  const endedAt = Math.max(newest, found.state === 'ended' ? found.at : 0);
  if (endedAt >= before) return { keep: 'recent' };
  const counted = new Set(files.filter(isSummary).map(({ path }) => path[0]));
  const remove = files.filter((file) => {
    const [top = ''] = file.path;
    if (!isRunFolder(top)) return isResult(file);
    if (!counted.has(top) || isSummary(file)) return false;
    return found.state === 'forgotten' || !isProof(file);
  });
  return { remove, endedAt };
}

/** Files of people stay, and their age does not matter. */
function isOurs({ path }: FoundFile): boolean {
  return isRunFolder(path[0] ?? '') || path.at(-1) === RESULT_NAMES.report || isResult({ path });
}

/** Of the load itself, or of an earlier run that was moved aside. */
function isResult({ path }: Pick<FoundFile, 'path'>): boolean {
  const name = (path.at(-1) ?? '').replace(SUFFIX, '');
  if (!REMOVABLE.has(name)) return false;
  return path.length === 1 || (path.length === 3 && isEarlierFolder(path[0] ?? ''));
}

export function isEarlierFolder(name: string): boolean {
  return name.replace(SUFFIX, '') === EARLIER_FOLDER;
}

function isSummary({ path }: FoundFile): boolean {
  return path.length === 2 && isRunFolder(path[0] ?? '') && SUMMARY_FILE.test(path[1] ?? '');
}

function isProof({ path }: FoundFile): boolean {
  return PROOF.has(path.at(-1) ?? '') || path.at(-2) === KNOWN_FOLDER;
}
