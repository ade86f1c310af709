/**
 * A stage is one pass over rows: the first one, or a retry round. Its folder holds plan.json, which records where the
 * rows' bytes lie and how they are cut into parts, and a folder with the results of each part.
 */
import { partFolder, SUCCEEDED_FILE } from '../../domain/result-layout.js';
import { shownPath } from '../../domain/text/shown.js';
import { NightloadError } from '../../errors.js';
import { dirname, folderUri, isBelow, join, separatorOf } from '../../storage/locations.js';
import { readHead } from '../../storage/read-files.js';
import { makeFolder } from '../../storage/files/file-tree.js';
import { fingerprint, identityOf, sameFingerprint } from '../../storage/fingerprint.js';
import { saveText } from '../../storage/write-files.js';
import { incompleteFolder } from '../../storage/files/disk-errors.js';
import { ForeignFile, holding, pathOfFile } from '../../storage/files/file-ref.js';
import type { Fingerprint } from '../../storage/fingerprint.js';
import type { FileRef } from '../../storage/files/file-ref.js';
import type { FileRoots } from '../../storage/files/file-roots.js';
import { PLAN } from './plan-schema.js';
import { DELIMITER_NAMES } from '../../csv/dialect.js';
import type { PartRange } from '../../csv/plan-parts.js';
import type { PartSizes, Stage } from '../../protocol/activities/plan-types.js';
import type { StagePlan } from './stage-plan-types.js';
import { defined } from '../../domain/defined.js';

/** Results of a part; a file exists only if it has rows. */
export interface PartFiles {
  folder: string;
  succeeded: string;
  failed: string;
  unprocessed: string;
}

export function partFiles(stageFolder: string, part: number): PartFiles {
  const folder = join(stageFolder, partFolder(part));
  return {
    folder,
    succeeded: join(folder, SUCCEEDED_FILE),
    failed: join(folder, 'failed.csv'),
    unprocessed: join(folder, 'unprocessed.csv'),
  };
}

export const PLAN_FILE = 'plan.json';

export async function savePlan(stageFolder: string, plan: StagePlan): Promise<void> {
  await makeFolder(stageFolder);
  const { rows, original, kept, ...rest } = plan;
  const text = JSON.stringify({
    ...rest,
    rows: pathOfFile(rows),
    ...(original && { original: { ...original, path: pathOfFile(original.path) } }),
    ...(kept && { kept: { ...kept, path: pathOfFile(kept.path) } }),
  });
  await saveText(text, join(stageFolder, PLAN_FILE));
}

/** Recently read plans: with thousands of parts, reading the plan for each step would take longer than the step. */
const read = new Map<string, { plan: StagePlan; file: Fingerprint & { inode: number } }>();
const MAX_PLANS = 4;
const MAX_PLAN_BYTES = 64_000_000;

/** Callers must not change the returned plan. */
export async function loadPlan(roots: FileRoots, stageFolder: string): Promise<StagePlan> {
  const path = join(stageFolder, PLAN_FILE);
  return holding(path, async (file) => {
    const found = await identityOf(file);
    const before = read.get(path);
    read.delete(path);
    const known = before !== undefined && sameFingerprint(before.file, found) && before.file.inode === found.inode;
    const plan = known ? before.plan : await readPlan(roots, stageFolder, file, found.size);
    read.set(path, { plan, file: found });
    const [oldest] = read.keys();
    if (read.size > MAX_PLANS && oldest !== undefined) read.delete(oldest);
    return plan;
  });
}

async function readPlan(roots: FileRoots, stageFolder: string, file: FileRef, size: number): Promise<StagePlan> {
  const parsed = size > MAX_PLAN_BYTES ? undefined : PLAN.safeParse(parseJson(await readHead(file, size)));
  if (parsed?.data === undefined) throw incompleteFolder(stageFolder);
  const { rows, original, kept, ...plan } = parsed.data;
  const refer = (path: string): FileRef => refTo(roots.checked(path), stageFolder);
  return {
    ...plan,
    rows: refer(rows),
    ...(original && { original: { ...original, path: refer(original.path) } }),
    ...(kept && { kept: { ...kept, path: refer(kept.path) } }),
  };
}

/** Files among the run's working files belong to the worker; all others belong to people. */
function refTo(path: string, stageFolder: string): FileRef {
  const separator = separatorOf(stageFolder);
  const levels = stageFolder.split(separator);
  const run = levels.findLastIndex((level) => /^run-[A-Za-z0-9-]{1,8}$/.test(level));
  const work = run === -1 ? dirname(stageFolder) : levels.slice(0, run + 1).join(separator);
  return isBelow(path, work) ? path : new ForeignFile(path);
}

function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString());
  } catch {
    return undefined;
  }
}

/** Whether a file is still the one that was planned. */
export async function isAsPlanned(file: FileRef, planned: Fingerprint): Promise<boolean> {
  try {
    return sameFingerprint(await fingerprint(file), planned);
  } catch (error) {
    // A retryable error does not mean that the file was changed.
    if (error instanceof NightloadError && !error.retryable) return false;
    throw error;
  }
}

/** @throws NightloadError `SOURCE_CHANGED` */
export async function checkUnchanged(plan: StagePlan): Promise<void> {
  if (!(await isAsPlanned(plan.rows, plan.fingerprint))) throw sourceChanged(plan);
}

/** @param more `again`: the step works without the source when it is retried */
export function sourceChanged({ rows }: StagePlan, more: { again?: boolean } = {}): NightloadError {
  return new NightloadError(
    'SOURCE_CHANGED',
    `${shownPath(pathOfFile(rows))} was changed, moved or deleted after the load began, so no more of it is sent, and rows that are in no ` +
      'result file cannot be returned. What landed is in the result files: load only rows that are not among them, because an insert adds the others again.',
    { retryable: more.again === true },
  );
}

/** The data about a stage that workflows get. */
export function stageOf(folder: string, plan: StagePlan): Stage {
  return {
    uri: folderUri(folder),
    groups: plan.groups,
    parts: plan.parts.length,
    sizes: sizesFrom(plan, 1),
    records: plan.parts.reduce((sum, { records }) => sum + records, 0),
    columnDelimiter: DELIMITER_NAMES[plan.delimiter],
    lineEnding: plan.lineEnding,
    ...defined({ key: plan.key?.column }),
  };
}

/** Number of part sizes that a workflow holds at a time. */
const MAX_SIZES = 500;

export function sizesFrom(plan: Pick<StagePlan, 'parts'>, from: number): PartSizes {
  return { from, records: plan.parts.slice(from - 1, from - 1 + MAX_SIZES).map(({ records }) => records) };
}

/** Columns of the rejected file after its notes: for a delete, which sends ids only, all columns of the file. */
export function shownNames({ original, names }: Pick<StagePlan, 'original' | 'names'>): string[] {
  return original === undefined ? names : original.columns.map(({ name }) => name);
}

/** Parts are numbered from 1. */
export function rangeOf(plan: StagePlan, part: number): PartRange {
  const range = plan.parts[part - 1];
  if (range === undefined) throw new RangeError(`part ${part} of ${plan.parts.length}`);
  return range;
}
