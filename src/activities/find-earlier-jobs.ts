/**
 * Finds jobs of this load that no note of it knows: the database of Temporal, or the folder with the notes, was restored
 * to a moment before they were sent. A job whose rows are those of a part for certain is noted as that part's own, so
 * that the part is not sent again; what cannot be told is handed back.
 */
import { join } from 'node:path';
import { isTerminal } from '../contract.js';
import { readCells } from '../csv/cells.js';
import { eachRecord, firstRecord } from '../csv/records.js';
import { readResultRows, readUnprocessedRows, resultDelimiter } from '../csv/results.js';
import { CLAIM_FILE, partFolder } from '../layout.js';
import type { ResultKind, SalesforceConnection } from '../salesforce/connection.js';
import type { ApiContext } from '../salesforce/context.js';
import type { JobInfo } from '../salesforce/job-info.js';
import {
  listFolder,
  makeFolder,
  makeTemporaryFolder,
  readHead,
  readNote,
  readRange,
  removeFolder,
  saveNew,
} from '../storage/files.js';
import type { FolderEntry } from '../storage/folder.js';
import { claimedJob, saveClaim } from './claim.js';
import type { ActivityDependencies } from './dependencies.js';
import { connectionOf } from './dependencies.js';
import { RowSums } from './row-sums.js';
import { firstColumnOf, saveResult } from './save-result.js';
import { keyOf } from './sorting.js';
import { loadPlan, rangeOf } from './stage.js';
import type { StagePlan } from './stage.js';
import { countedStep } from './step.js';
import type { Step } from './step.js';
import type { Counted, EarlierJobs, FindEarlierJobsInput } from './types.js';

/** More jobs than these are looked at by nobody: then a person decides. */
const MOST = 100;
/** The platform tells times in whole seconds, and clocks are compared over a network. */
const CLOCK_MARGIN_MS = 5_000;
/** Beside the stages: a file for each job of which it is known what it is. */
const KNOWN_FOLDER = 'known-jobs';
const NOT_OURS = 'not ours';

/** A header is not longer. */
const MOST_HEADER_BYTES = 1024 * 1024;

const RESULTS: readonly ResultKind[] = ['successfulResults', 'failedResults', 'unprocessedrecords'];

interface Search {
  input: FindEarlierJobsInput;
  step: Step;
  connection: SalesforceConnection;
  context: ApiContext;
  work: string;
  stageFolder: string;
  plan: StagePlan;
  /** Of the parts, by number, as far as they were needed. */
  sums: Map<number, RowSums>;
}

export function findEarlierJobs(
  dependencies: ActivityDependencies,
): (input: FindEarlierJobsInput) => Promise<Counted<EarlierJobs>> {
  return countedStep(async (input, step) => {
    const { roots } = dependencies;
    const stageFolder = roots.ownPathOf(input.stageUri);
    const search: Search = {
      input,
      step,
      connection: connectionOf(dependencies, input.connection, input),
      context: { ...step.call, apiVersion: input.apiVersion },
      work: roots.ownPathOf(input.workUri),
      stageFolder,
      plan: await loadPlan(roots, stageFolder),
      sums: new Map(),
    };
    for (const jobId of input.notOurs) await noteKnown(search, jobId, NOT_OURS);
    const found: EarlierJobs = { pending: [], unknown: [], open: false, sound: true };
    const known = await knownJobs(search);
    let looked = 0;
    for await (const job of search.connection.listJobs(search.context)) {
      if (known.has(job.id) || !matches(job, input)) continue;
      const owners = await dependencies.workflowsOf(job.id);
      const isOurs = owners.length === 0 || owners.some((owner) => isSameChild(owner, input.workflowId));
      if (!isOurs) {
        // Another child of this load has it, or had it before: that one asks for itself.
        if (owners.some((owner) => owner.startsWith(`${input.load}/`)) && job.state !== 'Open') found.sound = false;
        continue;
      }
      if (job.state === 'Open') {
        // It is processed only once somebody closes it, and nobody does who has forgotten it; at its end the load looks.
        if (owners.length === 0 && !input.ours.includes(job.id)) found.open = true;
        continue;
      }
      if (++looked > MOST) {
        found.unknown.push(job.id);
        break;
      }
      await judge(search, job, found);
    }
    if (found.adopt !== undefined || found.pending.length > 0 || found.unknown.length > 0) found.sound = false;
    return found;
  });
}

function matches(job: JobInfo, { object, operation, createdById, since }: FindEarlierJobsInput): boolean {
  return (
    job.object?.toLowerCase() === object.toLowerCase() &&
    job.operation === operation &&
    (createdById === undefined || job.createdById?.slice(0, 15) === createdById.slice(0, 15)) &&
    !(Date.parse(job.createdDate ?? '') < since - CLOCK_MARGIN_MS)
  );
}

/** A child that was started again has another id, but the same part. */
function isSameChild(one: string, other: string): boolean {
  const base = (id: string): string => id.replaceAll(/\/again-\d+/g, '');
  return base(one) === base(other);
}

async function judge(search: Search, { id }: JobInfo, found: EarlierJobs): Promise<void> {
  const { input, connection, context } = search;
  const info = await connection.getJob(id, context);
  if (!isTerminal(info.state)) {
    if (info.state !== 'Open') found.pending.push(id);
    return;
  }
  // Nothing of it was applied, or nothing can be told from the results of what was deleted.
  const { numberRecordsProcessed: processed = 0, numberRecordsFailed: failed = 0 } = info;
  if (info.state !== 'JobComplete' && processed === 0 && failed === 0) return;
  if (processed > Math.max(...search.plan.parts.map(({ records }) => records))) {
    found.sound = false;
    return;
  }
  const { rows, columns } = await rowsOf(search, id);
  for (const part of columns === 'ours' ? partsOfSize(search, rows.rows) : []) {
    const claimed = await claimedJob(join(search.stageFolder, partFolder(part)));
    // Another child, which asks at the same time, may have noted it since.
    if (claimed !== id) {
      const isFree = claimed === undefined || (part === input.part && input.ours.includes(claimed));
      if (!isFree || !rows.equals(await sumsOf(search, part)) || !(await noteClaim(search, id, part))) continue;
    }
    if (part === input.part) found.adopt = id;
    return;
  }
  // Rows of another pass over the file, or somebody else's: whoever sends that many rows asks again.
  found.sound = false;
  const own = rangeOf(search.plan, input.part).records;
  if (columns === 'others') return;
  // Not every row of a job that failed half way is in its files, and a column may be missing from them.
  const mayBeOurs =
    rows.rows === own
      ? columns === 'some' || rows.mayEqual(await sumsOf(search, input.part))
      : info.state !== 'JobComplete' && rows.rows < own;
  if (mayBeOurs) found.unknown.push(id);
}

/** The part that asks first. */
function partsOfSize({ plan, input }: Search, rows: number): number[] {
  const others = plan.parts.flatMap(({ records }, n) => (records === rows && n + 1 !== input.part ? [n + 1] : []));
  return plan.parts[input.part - 1]?.records === rows ? [input.part, ...others] : others;
}

/** The rows of a part as they are sent. */
async function sumsOf({ plan, sums, step }: Search, part: number): Promise<RowSums> {
  const before = sums.get(part);
  if (before !== undefined) return before;
  const made = new RowSums(keyOf(plan)?.of);
  const { start, end } = rangeOf(plan, part);
  const chunks = readRange(plan.rows, start, end, step.signal);
  for await (const cells of eachRecord(chunks, { delimiter: plan.delimiter }))
    made.add(plan.names.map((_, n) => cells[n] ?? ''));
  sums.set(part, made);
  return made;
}

interface JobRows {
  rows: RowSums;
  /** Some of ours may be missing from a result file; what we do not send makes it somebody else's. */
  columns: 'ours' | 'some' | 'others';
}

/** All rows of a job, from its result files. */
async function rowsOf(search: Search, jobId: string): Promise<JobRows> {
  const { plan, work, step, connection, input } = search;
  const found: JobRows = { rows: new RowSums(keyOf(plan)?.of), columns: 'ours' };
  // Children may ask at the same time.
  const folder = await makeTemporaryFolder(join(work, 'earlier-'));
  try {
    for (const kind of RESULTS) {
      const path = join(folder, `${kind}.csv`);
      const { apiVersion } = input;
      if ((await saveResult(step, { connection, apiVersion, jobId, kind, plan, path })) === 0) continue;
      const head = await readHead(path, MOST_HEADER_BYTES);
      const delimiter = resultDelimiter(head, firstColumnOf(kind, plan), plan.delimiter);
      if (hasOthers(head, delimiter, plan.names)) found.columns = 'others';
      const read = kind === 'unprocessedrecords' ? readUnprocessedRows : readResultRows;
      for await (const { cells, complete } of read(readRange(path, 0, undefined, step.signal), delimiter, plan.names)) {
        if (!complete && found.columns === 'ours') found.columns = 'some';
        found.rows.add(cells);
      }
    }
    return found;
  } finally {
    await removeFolder(folder);
  }
}

/** Whether a result file has columns that this load does not send. */
function hasOthers(head: Buffer, delimiter: string, names: readonly string[]): boolean {
  const line = firstRecord(head, delimiter);
  if (line === undefined) return false;
  const known = new Set(['sf__id', 'sf__created', 'sf__error', ...names.map((name) => name.toLowerCase())]);
  return readCells(head.subarray(line.start, line.end), delimiter).some((name) => !known.has(name.toLowerCase()));
}

/** Jobs that notes name: of parts of any pass, of this child, and those of which a person said whose they are. */
async function knownJobs({ work, input }: Search): Promise<Set<string>> {
  const known = new Set(input.ours);
  const folder = join(work, KNOWN_FOLDER);
  for (const { name } of await entriesOf(folder)) {
    // Those of parts count once the part's own note stands.
    if ((await readNoted(join(folder, name))) === NOT_OURS) known.add(name);
  }
  const walk = async (folder: string, depth: number): Promise<void> => {
    for (const entry of await entriesOf(folder)) {
      const path = join(folder, entry.name);
      if (entry.isFile && entry.name === CLAIM_FILE) {
        const claimed = await claimedJob(folder);
        if (claimed !== undefined) known.add(claimed);
      } else if (entry.isFolder && depth < 4) await walk(path, depth + 1);
    }
  };
  await walk(work, 0);
  return known;
}

/** More parts and jobs no load has. */
const MOST_ENTRIES = 1_000_000;
const MOST_NOTED_BYTES = 20_000;

function entriesOf(folder: string): Promise<FolderEntry[]> {
  return listFolder(folder, MOST_ENTRIES, { own: true });
}

async function readNoted(path: string): Promise<string | undefined> {
  return (await readNote(path, MOST_NOTED_BYTES))?.toString();
}

/** False when it is known already as somebody else's: two parts with the same rows must not have the same job. */
async function noteKnown({ work }: Search, jobId: string, whose: string): Promise<boolean> {
  if (!/^[A-Za-z0-9]{1,64}$/.test(jobId)) return false;
  const folder = join(work, KNOWN_FOLDER);
  const path = join(folder, jobId);
  await makeFolder(folder);
  return (await saveNew(whose, path)) || (await readNoted(path)) === whose;
}

/** Notes that a part was sent with a job, as an upload does. */
async function noteClaim(search: Search, jobId: string, part: number): Promise<boolean> {
  const { stageFolder, input } = search;
  const folder = join(stageFolder, partFolder(part));
  if (!(await noteKnown(search, jobId, join(input.stageUri, partFolder(part))))) return false;
  await makeFolder(folder);
  await saveClaim(folder, jobId);
  return true;
}
