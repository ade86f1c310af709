/**
 * Finds jobs of this load that no note records, because the Temporal database or the folder with the notes was restored
 * to an earlier state. A job whose rows are certainly those of a part is recorded as that part's own, so that the part
 * is not sent again; uncertain jobs are returned to the caller.
 */
import { isTerminal } from '../../domain/platform/job-states.js';
import { readCells } from '../../csv/cells.js';
import { eachRecord, firstRecord } from '../../csv/records.js';
import { resultDelimiter } from '../../rows/result-file.js';
import { readResultRows, readUnprocessedRows } from '../../rows/result-rows.js';
import { CLAIM_FILE, partFolder } from '../../domain/result-layout.js';
import { withoutRestarts } from '../../domain/load-ids.js';
import type { SalesforceConnection } from '../../salesforce/bulk-client.js';
import { RESULT_KINDS } from '../../domain/platform/result-kind.js';
import type { ApiContext } from '../../salesforce/http/call-context.js';
import type { JobInfo } from '../../salesforce/resources/job-info.js';
import { join } from '../../storage/locations.js';
import { readHead, readNote, readRange } from '../../storage/read-files.js';
import { listFolder, makeFolder, makeTemporaryFolder, removeFolder } from '../../storage/files/file-tree.js';
import { saveNew } from '../../storage/write-files.js';
import type { FolderEntry } from '../../storage/folder/folder.js';
import { claimedJob, saveClaim } from '../job/upload-claim.js';
import type { ActivityDependencies } from '../dependencies.js';
import { connectionOf } from '../dependencies.js';
import { sameId } from '../job/job-ownership.js';
import type { OwnJobs } from '../job/job-ownership.js';
import { RowSums } from './row-checksums.js';
import { firstColumnOf, saveResult } from '../job/save-result-file.js';
import { keyOf } from '../retry/triage.js';
import { loadPlan, rangeOf } from '../stage/stage-plan.js';
import type { StagePlan } from '../stage/stage-plan-types.js';
import { runCountedActivity } from '../run-activity.js';
import type { ActivityRun } from '../run-activity.js';
import type { EarlierJobs, FindEarlierJobsInput } from '../../protocol/activities/orphan-types.js';
import type { Counted } from '../../protocol/activities/attempt-types.js';

/** With more jobs than this, a person decides. */
const MAX_JOBS = 100;
/** Salesforce reports times in whole seconds, and clocks are compared over a network. */
const CLOCK_MARGIN_MS = 5_000;
/** Next to the stages: one file for each identified job. */
export const KNOWN_FOLDER = 'known-jobs';
const NOT_OURS = 'not ours';

/** Upper bound of a header. */
const MAX_HEADER_BYTES = 1024 * 1024;

interface Search {
  input: FindEarlierJobsInput;
  step: ActivityRun;
  connection: SalesforceConnection;
  context: ApiContext;
  work: string;
  stageFolder: string;
  plan: StagePlan;
  /** Sums of the parts by number, computed when needed. */
  sums: Map<number, RowSums>;
}

export function findEarlierJobs(
  dependencies: ActivityDependencies,
  ownJobs: OwnJobs,
): (input: FindEarlierJobsInput) => Promise<Counted<EarlierJobs>> {
  return runCountedActivity(async (input, step) => {
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
    // The user in the input may be forged.
    const user = await ownJobs.userOf(input.connection, search.connection, search.context);
    for (const jobId of input.notOurs) await noteKnown(search, jobId, NOT_OURS);
    const found: EarlierJobs = { pending: [], unknown: [], open: false, allKnown: true };
    const known = await knownJobs(search);
    let looked = 0;
    for await (const job of search.connection.listJobs(search.context)) {
      if (known.has(job.id) || !matches(job, input)) continue;
      if (user !== undefined && !sameId(job.createdById, user)) continue;
      const owners = await dependencies.workflowsOf(job.id);
      const isOurs = owners.length === 0 || owners.some((owner) => isSameChild(owner, input.workflowId));
      if (!isOurs) {
        // Another child of this load has or had it, and asks for itself.
        if (owners.some((owner) => owner.startsWith(`${input.load}/`)) && job.state !== 'Open') found.allKnown = false;
        continue;
      }
      if (job.state === 'Open') {
        // An Open job is processed only after it is closed, and no workflow that remembers it is left to close it; the
        // load checks for it at its end.
        if (owners.length === 0 && !input.ours.includes(job.id)) found.open = true;
        continue;
      }
      if (++looked > MAX_JOBS) {
        found.unknown.push(job.id);
        break;
      }
      await judge(search, job, found);
    }
    if (found.adopt !== undefined || found.pending.length > 0 || found.unknown.length > 0) found.allKnown = false;
    return found;
  });
}

function matches(job: JobInfo, { object, operation, createdById, since }: FindEarlierJobsInput): boolean {
  return (
    job.object?.toLowerCase() === object.toLowerCase() &&
    job.operation === operation &&
    (createdById === undefined || sameId(job.createdById, createdById)) &&
    !(Date.parse(job.createdDate ?? '') < since - CLOCK_MARGIN_MS)
  );
}

/** A child that was started again has another id, but is the same part. */
function isSameChild(one: string, other: string): boolean {
  return withoutRestarts(one) === withoutRestarts(other);
}

async function judge(search: Search, { id }: JobInfo, found: EarlierJobs): Promise<void> {
  const { input, connection, context } = search;
  const info = await connection.getJob(id, context);
  if (!isTerminal(info.state)) {
    if (info.state !== 'Open') found.pending.push(id);
    return;
  }
  // No row was applied, or the results of deleted records show nothing.
  const { numberRecordsProcessed: processed = 0, numberRecordsFailed: failed = 0 } = info;
  if (info.state !== 'JobComplete' && processed === 0 && failed === 0) return;
  if (processed > Math.max(...search.plan.parts.map(({ records }) => records))) {
    found.allKnown = false;
    return;
  }
  const { rows, columns } = await rowsOf(search, id);
  for (const part of columns === 'ours' ? partsOfSize(search, rows.rows) : []) {
    const claimed = await claimedJob(join(search.stageFolder, partFolder(part)));
    // Another child that asks at the same time may have claimed it.
    if (claimed !== id) {
      const isFree = claimed === undefined || (part === input.part && input.ours.includes(claimed));
      if (
        !isFree ||
        !rows.equals(await sumsOf(search, part)) ||
        !(await noteClaim(search, { jobId: id, part, before: claimed }))
      )
        continue;
    }
    if (part === input.part) found.adopt = id;
    return;
  }
  // Rows of another pass over the file, or another program's rows: a part with as many rows asks again.
  found.allKnown = false;
  const own = rangeOf(search.plan, input.part).records;
  if (columns === 'others') return;
  // The files of a job that failed halfway may lack rows or a column.
  const mayBeOurs =
    rows.rows === own
      ? columns === 'some' || rows.mayEqual(await sumsOf(search, input.part))
      : info.state !== 'JobComplete' && rows.rows < own;
  if (mayBeOurs) found.unknown.push(id);
}

/** Parts with this number of rows, the asking part first. */
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
  /** A result file may lack some of our columns; a column that we do not send means another program's job. */
  columns: 'ours' | 'some' | 'others';
}

/** All rows of a job, from its result files. */
async function rowsOf(search: Search, jobId: string): Promise<JobRows> {
  const { plan, work, step, connection, input } = search;
  const found: JobRows = { rows: new RowSums(keyOf(plan)?.of), columns: 'ours' };
  // Children may ask at the same time.
  const folder = await makeTemporaryFolder(join(work, 'earlier-'));
  try {
    for (const kind of RESULT_KINDS) {
      const path = join(folder, `${kind}.csv`);
      const { apiVersion } = input;
      if ((await saveResult(step, { connection, apiVersion, jobId, kind, plan, path })) === 0) continue;
      const head = await readHead(path, MAX_HEADER_BYTES);
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

/** Jobs with a known owner: recorded by parts of any pass or by this child, or decided by a person. */
async function knownJobs({ work, input }: Search): Promise<Set<string>> {
  const known = new Set(input.ours);
  const folder = join(work, KNOWN_FOLDER);
  for (const { name } of await entriesOf(folder)) {
    // Jobs of parts count once the part's own claim exists.
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

/** Upper bound for parts and jobs of a load. */
const MAX_ENTRIES = 1_000_000;
const MAX_NOTED_BYTES = 20_000;

function entriesOf(folder: string): Promise<FolderEntry[]> {
  return listFolder(folder, MAX_ENTRIES, { isPrivate: true });
}

async function readNoted(path: string): Promise<string | undefined> {
  return (await readNote(path, MAX_NOTED_BYTES))?.toString();
}

/** False if the job is already recorded as another program's: two parts with the same rows must not share a job. */
async function noteKnown({ work }: Search, jobId: string, whose: string): Promise<boolean> {
  if (!/^[A-Za-z0-9]{1,64}$/.test(jobId)) return false;
  const folder = join(work, KNOWN_FOLDER);
  const path = join(folder, jobId);
  await makeFolder(folder);
  return (await saveNew(whose, path)) || (await readNoted(path)) === whose;
}

/** Records that a part was sent with a job, as an upload does. */
async function noteClaim(
  search: Search,
  { jobId, part, before }: { jobId: string; part: number; before: string | undefined },
): Promise<boolean> {
  const { stageFolder, input } = search;
  const folder = join(stageFolder, partFolder(part));
  if (!(await noteKnown(search, jobId, join(input.stageUri, partFolder(part))))) return false;
  await makeFolder(folder);
  await saveClaim(folder, jobId, before);
  return true;
}
