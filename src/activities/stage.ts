/**
 * A stage is one pass over rows: the first one, or a retry round. Its folder holds plan.json, which says where the
 * rows' bytes lie and how they are cut into parts, and a folder with the results of each part.
 */
import { mkdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { partFolder, SUCCEEDED_FILE } from '../layout.js';
import { NightloadError } from '../errors.js';
import { fingerprint, sameFingerprint, saveText } from '../storage/files.js';
import type { Fingerprint } from '../storage/files.js';
import { folderUri } from '../storage/roots.js';
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
  path: string;
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
  /** The file whose bytes are sent. */
  rows: string;
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
  await mkdir(stageFolder, { recursive: true });
  await saveText(JSON.stringify(plan), join(stageFolder, PLAN_FILE));
}

/** Plans that were read last: with thousands of parts, reading the plan for each step would take longer than the step. */
const read = new Map<string, { plan: StagePlan; file: Fingerprint & { inode: number } }>();
const MOST_PLANS = 4;

/** Nobody changes what it gives. */
export async function loadPlan(stageFolder: string): Promise<StagePlan> {
  const path = join(stageFolder, PLAN_FILE);
  const { size, mtimeMs: modifiedMs, ino: inode } = await stat(path);
  const before = read.get(path);
  read.delete(path);
  const known =
    before !== undefined && sameFingerprint(before.file, { size, modifiedMs }) && before.file.inode === inode;
  const plan = known ? before.plan : (JSON.parse(await readFile(path, 'utf8')) as StagePlan);
  read.set(path, { plan, file: { size, modifiedMs, inode } });
  const [oldest] = read.keys();
  if (read.size > MOST_PLANS && oldest !== undefined) read.delete(oldest);
  return plan;
}

/** Whether a file is still the one that was planned. */
export async function isAsPlanned(path: string, planned: Fingerprint): Promise<boolean> {
  try {
    return sameFingerprint(await fingerprint(path), planned);
  } catch (error) {
    if (error instanceof NightloadError) return false;
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
    `${rows} was changed, moved or deleted after the load began, so no more of it is sent, and rows of it that are in no ` +
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

export async function emptyFolder(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true });
  await mkdir(path, { recursive: true });
}
