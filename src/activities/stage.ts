/**
 * A stage is one pass over rows: the first one, or a retry round. Its folder holds plan.json, which says where the
 * rows' bytes lie and how they are cut into parts, and a folder with the results of each part.
 */
import { dirname, join, sep } from 'node:path';
import { partFolder, SUCCEEDED_FILE } from '../layout.js';
import { NightloadError } from '../errors.js';
import {
  fingerprint,
  ForeignFile,
  holding,
  identityOf,
  incompleteFolder,
  makeFolder,
  pathOfFile,
  readHead,
  sameFingerprint,
  saveText,
} from '../storage/files.js';
import type { FileRef, Fingerprint } from '../storage/files.js';
import { folderUri } from '../storage/roots.js';
import type { FileRoots } from '../storage/roots.js';
import { PLAN } from './stage-plan.js';
import { DELIMITER_NAMES } from '../csv/dialect.js';
import type { Delimiter } from '../csv/dialect.js';
import type { PartRange } from '../csv/parts.js';
import type { Column } from '../csv/header.js';
import type { PartGroup, PartSizes, Stage } from './types.js';

/** How values of the column by which rows are told apart are compared; from describe. */
export interface KeyRule {
  /** API name of the column. */
  column: string;
  type?: string;
  caseSensitive?: boolean;
}

/** The file that the load was started with, where it must be read beside the rows that are sent. */
export interface OriginalFile {
  path: FileRef;
  fingerprint: Fingerprint;
  delimiter: Delimiter;
  dataStart: number;
  columns: Column[];
}

/** Rows that were left out of a load because they would fail, in the shape of a rejected file. */
export interface RejectedRows {
  uri: string;
  rows: number;
}

export interface StagePlan {
  /** The file whose bytes are sent: the source, or what was made of it. */
  rows: FileRef;
  fingerprint: Fingerprint;
  delimiter: Delimiter;
  lineEnding: 'LF' | 'CRLF';
  /** Header as it is sent. */
  names: string[];
  parts: PartRange[];
  groups: PartGroup[];
  /** For update, delete and upsert the platform's key; for insert the external id, when a retry may upsert by it. */
  key?: KeyRule;
  /** API name of a column that names another record: rows of one parent fight for its lock. */
  parent?: string;
  /** Most characters of the columns that are sent, where describe tells. */
  lengths?: Record<string, number>;
  /** For delete, which sends ids only: where the other columns are found for people. */
  original?: OriginalFile;
  /** Of the first stage: the file that the load was started with, for the rows that landed with all its columns. */
  kept?: OriginalFile;
  /** Of the first stage: what it was planned from, and for which version of the API. */
  source?: Fingerprint;
  apiVersion?: string;
  /** As the org spells it. */
  object?: string;
  warnings?: string[];
  rejected?: RejectedRows;
}

/** Results of a part, each file there only when it has rows. */
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

/** Plans that were read last: with thousands of parts, reading the plan for each step would take longer than the step. */
const read = new Map<string, { plan: StagePlan; file: Fingerprint & { inode: number } }>();
const MOST_PLANS = 4;
const MOST_PLAN_BYTES = 64_000_000;

/** Nobody changes what it gives. */
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
    if (read.size > MOST_PLANS && oldest !== undefined) read.delete(oldest);
    return plan;
  });
}

async function readPlan(roots: FileRoots, stageFolder: string, file: FileRef, size: number): Promise<StagePlan> {
  const parsed = size > MOST_PLAN_BYTES ? undefined : PLAN.safeParse(parseJson(await readHead(file, size)));
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

/** What lies among the working files of the run is the worker's own; all else is what people put down. */
function refTo(path: string, stageFolder: string): FileRef {
  const levels = stageFolder.split(sep);
  const run = levels.findLastIndex((level) => /^run-[A-Za-z0-9-]{1,8}$/.test(level));
  const work = run === -1 ? dirname(stageFolder) : levels.slice(0, run + 1).join(sep);
  return path.startsWith(work + sep) ? path : new ForeignFile(path);
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
    // What somebody has to put right first does not say that it was changed.
    if (error instanceof NightloadError && !error.retryable) return false;
    throw error;
  }
}

/** @throws NightloadError `SOURCE_CHANGED` */
export async function checkUnchanged(plan: StagePlan): Promise<void> {
  if (!(await isAsPlanned(plan.rows, plan.fingerprint))) throw sourceChanged(plan);
}

/** @param more `again`: the step can do without the source when it is tried again */
export function sourceChanged({ rows }: StagePlan, more: { again?: boolean } = {}): NightloadError {
  return new NightloadError(
    'SOURCE_CHANGED',
    `${pathOfFile(rows)} was changed, moved or deleted after the load began, so no more of it is sent, and rows of it that are in no ` +
      'result file cannot be given back. What landed is in the result files; load the changed file as a new load.',
    { retryable: more.again === true },
  );
}

/** What workflows know of a stage. */
export function stageOf(folder: string, plan: StagePlan): Stage {
  return {
    uri: folderUri(folder),
    groups: plan.groups,
    parts: plan.parts.length,
    sizes: sizesFrom(plan, 1),
    records: plan.parts.reduce((sum, { records }) => sum + records, 0),
    columnDelimiter: DELIMITER_NAMES[plan.delimiter],
    lineEnding: plan.lineEnding,
    ...(plan.key && { key: plan.key.column }),
  };
}

/** Parts whose sizes a workflow knows at a time. */
const MOST_SIZES = 500;

export function sizesFrom(plan: Pick<StagePlan, 'parts'>, from: number): PartSizes {
  return { from, records: plan.parts.slice(from - 1, from - 1 + MOST_SIZES).map(({ records }) => records) };
}

/** Columns of the rejected file behind its notes: of a delete, which sends ids only, all that the file had. */
export function shownNames({ original, names }: Pick<StagePlan, 'original' | 'names'>): string[] {
  return original === undefined ? names : original.columns.map(({ name }) => name);
}

/** Parts are numbered from 1. */
export function rangeOf(plan: StagePlan, part: number): PartRange {
  const range = plan.parts[part - 1];
  if (range === undefined) throw new RangeError(`part ${part} of ${plan.parts.length}`);
  return range;
}
