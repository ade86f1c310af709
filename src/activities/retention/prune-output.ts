/**
 * Removes old result files of loads that have ended, from the folders directly below the worker's default output. Works
 * through some folders and returns where to continue, so that no step takes long.
 */
import type { PrunedOutput, PruneOutputInput } from '../../protocol/activities/retention-types.js';
import { LOAD_ID_PATTERN } from '../../contract/names.js';
import { isRunFolder, RESULT_NAMES } from '../../domain/result-layout.js';
import { plainText } from '../../domain/text/plain-text.js';
import { shown, shownPath } from '../../domain/text/shown.js';
import { NightloadError } from '../../errors.js';
import { listFolder, removeFile, removeIfEmpty } from '../../storage/files/file-tree.js';
import { folderUri, isObject, join } from '../../storage/locations.js';
import { readOwnerNote } from '../../storage/owner-note.js';
import { sizedTree } from '../../storage/sized-files.js';
import { audit } from '../audit-log.js';
import type { ActivityDependencies } from '../dependencies.js';
import { readOwnerOfReport, readReport } from '../results/results-folder.js';
import { runActivity } from '../run-activity.js';
import type { ActivityRun } from '../run-activity.js';
import { loadStateOf } from './load-state.js';
import { decide, isEarlierFolder } from './prunable-files.js';
import type { FoundFile } from './prunable-files.js';

/** Of one step: then it returns, and the next one continues. */
const MAX_FOLDERS = 500;
const MAX_MS = 20_000;
/** Names in the output folder: they are sorted in memory. */
const MAX_NAMES = 200_000;
/** Files and folders of one load: about six for each of its parts. */
const MAX_FILES = 250_000;
/** Stages of a run lie in each other: rounds, corrections, sorted rows. */
const MAX_DEPTH = 8;
const MAX_MESSAGE = 1_000;

interface Context {
  dependencies: ActivityDependencies;
  input: PruneOutputInput;
  step: ActivityRun;
  result: PrunedOutput;
}

export function pruneOutput(dependencies: ActivityDependencies): (input: PruneOutputInput) => Promise<PrunedOutput> {
  return runActivity(async (input, step) => {
    const output = await dependencies.roots.pathOf(dependencies.defaultOutput);
    const { names, tooMany } = await loadNames(output, input.from);
    const counts = { loads: 0, files: 0, bytes: 0, running: 0, recent: 0, unclear: 0 };
    const result: PrunedOutput = { outputUri: folderUri(output), tooMany, ...counts, listed: [], listedUnclear: [] };
    const until = Date.now() + MAX_MS;
    for (const [index, name] of names.entries()) {
      step.signal.throwIfAborted();
      if (index > 0 && (index === MAX_FOLDERS || Date.now() > until)) return { ...result, next: name };
      await pruneLoad({ dependencies, input, step, result }, name, join(output, name)).catch((error: unknown) => {
        step.signal.throwIfAborted();
        refuse(result, input, { name, error, isInStore: isObject(output) });
      });
      // Shown as progress.
      step.bytes++;
    }
    return result;
  });
}

/** Folders that may be those of loads: links, files and hidden folders are not. */
async function loadNames(output: string, from = ''): Promise<{ names: string[]; tooMany: boolean }> {
  const entries = await listFolder(output, MAX_NAMES + 1);
  const names = entries.filter(({ name, isFolder }) => isFolder && LOAD_ID_PATTERN.test(name) && !name.startsWith('.'));
  return {
    names: names
      .map(({ name }) => name)
      .filter((name) => name >= from)
      .sort(),
    tooMany: entries.length > MAX_NAMES,
  };
}

async function pruneLoad(context: Context, loadId: string, folder: string): Promise<void> {
  const { dependencies, input, step, result } = context;
  const workflowId = await ownerOf(folder);
  if (workflowId === undefined) return;
  const state = await loadStateOf(workflowId, step.signal);
  if (state.state === 'running') {
    result.running++;
    return;
  }
  const tree = await sizedTree(folder, {
    most: MAX_FILES,
    depth: MAX_DEPTH,
    enters: (name) => isRunFolder(name) || isEarlierFolder(name),
    signal: step.signal,
  });
  if (tree === undefined) {
    throw new NightloadError(
      'RESULTS_OWNER_UNCLEAR',
      `${shownPath(folder)} has more than ${MAX_FILES} files, more than a load writes. Check it, and remove files that no load wrote.`,
    );
  }
  const decision = decide(state, tree.files, input.before);
  if ('keep' in decision) {
    result[decision.keep]++;
    return;
  }
  const { remove, endedAt } = decision;
  if (remove.length === 0) return;
  const done = { files: 0, bytes: 0 };
  try {
    await removeAll(folder, remove, { dryRun: input.dryRun, step, done });
    if (!input.dryRun) await removeEmpty(folder, tree.folders);
  } finally {
    if (!input.dryRun && done.files > 0) await audit('prune', dependencies, { loadId, ...done });
    result.loads++;
    result.files += done.files;
    result.bytes += done.bytes;
    if (result.listed.length < input.list.loads) {
      const forgotten = state.state === 'forgotten';
      result.listed.push({ loadId, endedAt: Math.max(0, Math.round(endedAt)), forgotten, ...done });
    }
  }
}

/**
 * The workflow that the folder belongs to; undefined if it is not a load's, or its load left no report.
 * @throws NightloadError `RESULTS_OWNER_UNCLEAR`
 */
async function ownerOf(folder: string): Promise<string | undefined> {
  const note = await readOwnerNote(folder, 1).catch((error: unknown) => {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return 'none' as const;
    throw error;
  });
  if (note === 'none') return undefined;
  const report = await readReport(join(folder, RESULT_NAMES.report));
  if (report === undefined) return undefined;
  const reported = await readOwnerOfReport(folder);
  if (note === undefined || report === 'unreadable' || reported !== note.workflowId) {
    const whose = note === undefined ? 'is unreadable' : `names ${shown(note.workflowId)}`;
    throw new NightloadError(
      'RESULTS_OWNER_UNCLEAR',
      `The owner note of ${shownPath(folder)} ${whose}, and its report.json ${reported === undefined ? 'names no workflow' : `names ${shown(reported)}`}, so it is ` +
        'unclear whose files these are, and they stay. If they are no longer needed, remove the folder.',
    );
  }
  return note.workflowId;
}

async function removeAll(
  folder: string,
  files: readonly FoundFile[],
  { dryRun, step, done }: { dryRun: boolean; step: ActivityRun; done: { files: number; bytes: number } },
): Promise<void> {
  for (const { path, bytes } of files) {
    step.signal.throwIfAborted();
    // Opens the file's folder by handle each time: one that was replaced by a link is refused.
    if (!dryRun) await removeFile(join(folder, ...path));
    done.files++;
    done.bytes += bytes;
    step.bytes++;
  }
}

/** Those that still have files stay. */
async function removeEmpty(folder: string, folders: readonly (readonly string[])[]): Promise<void> {
  for (const path of folders) {
    if (isRunFolder(path[0] ?? '')) await removeIfEmpty(join(folder, ...path));
  }
}

/** One folder stops no others. A store that is out of reach does: the step is repeated. */
function refuse(
  result: PrunedOutput,
  { list }: PruneOutputInput,
  { name, error, isInStore }: { name: string; error: unknown; isInStore: boolean },
): void {
  if (!(error instanceof NightloadError) || (isInStore && error.retryable)) throw error;
  result.unclear++;
  if (result.listedUnclear.length >= list.unclear) return;
  result.listedUnclear.push({ loadId: name, code: error.code, message: plainText(error.message, MAX_MESSAGE) });
}
