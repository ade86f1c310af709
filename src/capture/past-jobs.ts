/** What past ingest jobs of an object took, and how fast the org was. */
import { OPERATIONS } from '../contract/names.js';
import type { Operation } from '../contract/names.js';
import { defined } from '../domain/defined.js';
import type { JobInfo } from '../salesforce/resources/job-info.js';
import { countErrors, LOCKED } from './failed-rows.js';
import type { Answer, OrgReader } from './org-reader.js';

/** Jobs of the org's list that are read: its order is not that of time, so fewer might lack the newest. */
const MAX_LISTED = 100_000;
const ENDED = ['JobComplete', 'Failed', 'Aborted'];
/** Rows of a job whose speed means something: a short job mostly waits. */
const MIN_ROWS = 1_000;
/** Jobs from which a spread can be told. */
const MIN_JOBS = 5;
const MAX_SPREAD = 0.95;

export interface PastJob {
  jobId: string;
  operation: Operation;
  state: string;
  createdDate: string;
  systemModstamp?: string;
  numberRecordsProcessed: number;
  numberRecordsFailed: number;
  retries?: number;
  totalProcessingTime: number;
  apiActiveProcessingTime: number;
  apexProcessingTime: number;
  /** Failed rows by error code, if they were counted. */
  errors?: Record<string, number>;
}

export interface Speed {
  rowsPerSecond: number;
  apexShare: number;
}

/** Ids of ended jobs by object in lower case, newest first. */
export async function listPastJobs(
  reader: OrgReader,
  objects: readonly string[],
  most: number,
): Promise<Answer<Map<string, string[]>>> {
  const wanted = new Map(objects.map((object) => [object.toLowerCase(), [] as JobInfo[]]));
  const answer = await reader.readIfPossible(async (context) => {
    for (const jobs of wanted.values()) jobs.length = 0;
    let listed = 0;
    for await (const job of reader.connection.listJobs(context)) {
      if (++listed > MAX_LISTED) break;
      if (ENDED.includes(job.state)) wanted.get(job.object?.toLowerCase() ?? '')?.push(job);
    }
    return true;
  });
  if ('missing' in answer) return answer;
  const newest = (jobs: readonly JobInfo[]): string[] =>
    [...jobs]
      .sort((a, b) => (b.createdDate ?? '').localeCompare(a.createdDate ?? ''))
      .slice(0, most)
      .map(({ id }) => id);
  return { value: new Map([...wanted].map(([object, jobs]) => [object, newest(jobs)])) };
}

/**
 * Jobs that were deleted in the meantime, or whose numbers are missing, are left out.
 * @param withErrors also reads failed rows, to count their error codes
 */
export async function readPastJobs(
  reader: OrgReader,
  ids: readonly string[],
  { withErrors }: { withErrors: boolean },
): Promise<PastJob[]> {
  const jobs: PastJob[] = [];
  for (const id of ids) {
    const answer = await reader.readIfPossible((context) => reader.connection.getJob(id, context));
    const job = 'value' in answer ? pastJob(answer.value) : undefined;
    if (job === undefined || 'missing' in answer) continue;
    const errors = withErrors && job.numberRecordsFailed > 0 ? await countErrors(reader, answer.value) : undefined;
    jobs.push({ ...job, ...defined({ errors }) });
  }
  return jobs;
}

function pastJob(info: JobInfo): PastJob | undefined {
  const { id, state, createdDate, systemModstamp, numberRecordsProcessed: processed } = info;
  const operation = OPERATIONS.find((one) => one === info.operation);
  if (operation === undefined || createdDate === undefined || processed === undefined) return undefined;
  const count = (value: number | undefined): number => Math.min(1e15, Math.max(0, Math.round(value ?? 0)));
  if (Number.isNaN(Date.parse(createdDate)) || Number.isNaN(Date.parse(systemModstamp ?? createdDate)))
    return undefined;
  return {
    jobId: id,
    operation,
    state,
    createdDate,
    ...defined({ systemModstamp }),
    numberRecordsProcessed: processed,
    numberRecordsFailed: count(info.numberRecordsFailed),
    ...(info.retries !== undefined && { retries: count(info.retries) }),
    totalProcessingTime: count(info.totalProcessingTime),
    apiActiveProcessingTime: count(info.apiActiveProcessingTime),
    apexProcessingTime: count(info.apexProcessingTime),
  };
}

interface Interval {
  from: number;
  to: number;
}

/** When the org worked on a job: the end of its life, as long as it was active. */
function activeTime(job: PastJob): Interval | undefined {
  const to = Date.parse(job.systemModstamp ?? '');
  if (Number.isNaN(to) || job.apiActiveProcessingTime <= 0) return undefined;
  return { from: Math.max(Date.parse(job.createdDate), to - job.apiActiveProcessingTime), to };
}

/** The length of all intervals together; what several of them share counts once. */
function lengthOf(intervals: readonly Interval[]): number {
  let length = 0;
  let until = -Infinity;
  for (const { from, to } of [...intervals].sort((a, b) => a.from - b.from)) {
    length += Math.max(0, to - Math.max(from, until));
    until = Math.max(until, to);
  }
  return length;
}

function measurable(jobs: readonly PastJob[]): { job: PastJob; time: Interval; rate: number }[] {
  return jobs.flatMap((job) => {
    const time = activeTime(job);
    if (job.state !== 'JobComplete' || job.numberRecordsProcessed < MIN_ROWS || time === undefined) return [];
    return time.to > time.from
      ? [{ job, time, rate: (1000 * job.numberRecordsProcessed) / (time.to - time.from) }]
      : [];
  });
}

/** The share of rows that failed for a lock, of the jobs whose errors were counted; undefined if none were. */
export function lockShareOf(jobs: readonly PastJob[]): number | undefined {
  const counted = jobs.filter(({ errors, numberRecordsFailed }) => errors !== undefined || numberRecordsFailed === 0);
  const rows = sum(counted.map(({ numberRecordsProcessed }) => numberRecordsProcessed));
  if (rows === 0 || counted.every(({ errors }) => errors === undefined)) return undefined;
  return sum(counted.map(({ errors }) => errors?.[LOCKED] ?? 0)) / rows;
}

/** The speed of the org for an object: the rows of all jobs, per second in which at least one was active. */
export function speedsOf(jobs: readonly PastJob[]): Partial<Record<Operation, Speed>> {
  const speeds: Partial<Record<Operation, Speed>> = {};
  for (const operation of OPERATIONS) {
    const found = measurable(jobs.filter((job) => job.operation === operation));
    const ms = lengthOf(found.map(({ time }) => time));
    if (ms === 0) continue;
    const rows = sum(found.map(({ job }) => job.numberRecordsProcessed));
    const active = sum(found.map(({ job }) => job.apiActiveProcessingTime));
    const apex = sum(found.map(({ job }) => job.apexProcessingTime));
    speeds[operation] = {
      rowsPerSecond: Math.max(0.001, rounded((1000 * rows) / ms)),
      apexShare: rounded(Math.min(1, apex / active)),
    };
  }
  return speeds;
}

/** How the org works, as far as past jobs show it. */
export interface PastTimes {
  /** Half of the distance between slow and fast jobs, as part of the middle. */
  spread?: number;
  /** What a job waited at least: its upload is in it. */
  queueSeconds?: number;
}

/** @param byObject jobs of each object */
export function pastTimes(byObject: readonly (readonly PastJob[])[]): PastTimes {
  const groups = byObject.flatMap((jobs) =>
    OPERATIONS.map((operation) => measurable(jobs.filter((job) => job.operation === operation))),
  );
  // Each job beside the middle of jobs like it: objects differ more than hours do.
  const factors = groups
    .filter((jobs) => jobs.length >= MIN_JOBS)
    .flatMap((jobs) => {
      const middle = quantile(
        jobs.map(({ rate }) => rate),
        0.5,
      );
      return jobs.map(({ rate }) => rate / middle);
    });
  const waits = groups.flat().map(({ job, time }) => (time.from - Date.parse(job.createdDate)) / 1000);
  return defined({
    spread:
      factors.length === 0
        ? undefined
        : rounded(Math.min(MAX_SPREAD, (quantile(factors, 0.9) - quantile(factors, 0.1)) / 2)),
    queueSeconds: waits.length < MIN_JOBS ? undefined : rounded(Math.min(86_400, quantile(waits, 0.1))),
  });
}

function quantile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.round(part * (sorted.length - 1))] ?? 0;
}

const sum = (values: readonly number[]): number => values.reduce((all, one) => all + one, 0);

/** Three digits say all that is known. */
const rounded = (value: number): number => Number(value.toPrecision(3));
