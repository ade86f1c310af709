/** What an `ingestJob` knows and reports: plain data, small enough to be carried over a continue-as-new. */
import type { JobSummary, LoadError, Operation, PartPhase, PartProgress, SearchAttributeName } from '../contract.js';
import type { Evidence, JobLook, LostCreate, OrgRef, PartOutcome, RequestTally } from '../activities/types.js';
import { newTurn } from './allocation/turn-state.js';
import type { Turn } from './allocation/turn-state.js';
import type { PollPlan } from './input.js';
import type { Look } from './polling.js';
import { namedJobs } from '../domain/named-jobs.js';

export interface IngestJobInput extends OrgRef {
  stageUri: string;
  part: number;
  /** Rows that will be sent. */
  records: number;
  object: string;
  operation: Operation;
  externalIdFieldName?: string;
  assignmentRuleId?: string;
  columnDelimiter: string;
  lineEnding: 'LF' | 'CRLF';
  filesQueue: string;
  poll: PollPlan;
  jobTimeoutMs: number;
  outageMs: number;
  searchAttributes: SearchAttributeName[];
  /** Whether the parent wants to hear how the part is doing. */
  reportProgress: boolean;
  /** Of the load, 1 to 5. @default 3 */
  priority?: number;
  /** Absent: the org is not asked for jobs that nobody knows. */
  evidence?: Evidence;
  /** Result files of an earlier part disagreed with its counters to the end: the same is not waited for again. */
  hasty?: boolean;
}

export interface IngestJobResult {
  outcome: PartOutcome;
  jobs: JobSummary[];
  apiRequests: number;
  /** The files say the same as the job's counters. */
  filesAgree: boolean;
  canceled: boolean;
  error?: LoadError;
  /** The job failed as a whole, nothing of it was applied, and the same rows may pass later: what to say if they do not. */
  failedWhole?: LoadError;
  lost: LostJobs;
  /** Workflow time until which all jobs of the load are known. */
  soundAt?: number;
  /** Workflow time at which more time had passed than timers and steps explain. */
  doubtAt?: number;
  /** What a person should know although the part went well. */
  warnings?: string[];
}

/** Creates whose answers were lost: each may have left a job Open. */
export interface LostJobs {
  creates: LostCreate[];
  /** The user as whom jobs are created, once that is known. */
  createdById?: string;
}

/** State of a run. */
export interface JobRun {
  jobs: JobSummary[];
  apiRequests: number;
  phase: PartPhase;
  /** The job that counts: the last one created. */
  jobId?: string;
  /** The platform was asked to process it, or may have been. */
  closed: boolean;
  /** Workflow time at which the close was asked for. */
  closedAt: number;
  last?: JobLook;
  looks: Look[];
  polls: number;
  error?: LoadError;
  failedWhole?: LoadError;
  canceled: boolean;
  /** The last poll failed for good: what the job does is not known, so it is not aborted. */
  unseen?: boolean;
  /** No job is created. */
  paused: boolean;
  /** The job is one of an earlier run of this part, which may have aborted it on its way out. */
  adopted?: boolean;
  lost: LostJobs;
  /** With the ledger of the org's allocation. */
  turn: Turn;
  warnings: string[];
  /** By how much the org's clock is ahead of ours. */
  aheadMs: number;
  /** Workflow time at which the org was last asked whether this part had been sent. */
  checkedAt?: number;
  /** The same for all jobs of the load. */
  soundAt?: number;
  doubtAt?: number;
  /** Jobs of which it is not known whether they had this part. */
  question?: EarlierQuestion;
  /** A person said that they had not. */
  released: boolean;
  notOurs: string[];
}

export function newRun(): JobRun {
  return {
    jobs: [],
    apiRequests: 0,
    phase: 'waiting',
    closed: false,
    closedAt: 0,
    looks: [],
    polls: 0,
    canceled: false,
    paused: false,
    lost: { creates: [] },
    turn: newTurn(),
    warnings: [],
    aheadMs: 0,
    released: false,
    notOurs: [],
  };
}

/** Enters a look at the job: its counters, and for pacing the time at which it was made. */
export function enterLook(run: JobRun, look: JobLook, now: number): void {
  const job = run.jobs.find(({ id }) => id === look.id);
  if (job !== undefined) job.state = look.state;
  // Replies to abort carry no counters: what was seen before still holds.
  const before = run.last;
  run.last = {
    ...look,
    processed: Math.max(look.processed, before?.id === look.id ? before.processed : 0),
    failed: Math.max(look.failed, before?.id === look.id ? before.failed : 0),
  };
  run.looks.push({ at: now, processed: run.last.processed });
  // Enough for the pace; a job of a day must not carry hundreds.
  if (run.looks.length > 20) run.looks.splice(1, run.looks.length - 20);
}

/** Jobs of which it is not known whether they had a part. */
export interface EarlierQuestion {
  /** They run: what they are is seen at their ends. */
  pending: string[];
  /** Only a person can tell. */
  unknown: string[];
}

/** What a part waits for that may have been sent before, in words for people. */
export function questionOf(part: number, { pending, unknown }: EarlierQuestion): string {
  if (pending.length > 0) return `the end of job ${namedJobs(pending)}, which may hold the rows of part ${part}`;
  return (
    `a person: job ${namedJobs(unknown)} may hold the rows of part ${part}, and no note of this load knows it. ` +
    'If it is not of this load, `resume` sends the part; if it is, or may be, `cancel`'
  );
}

/** What parents keep of a part that runs. */
export type PartNow = PartProgress & { waitingFor?: string; inQuestion?: boolean };

/** How the part is doing, for its parent and for those who ask. */
export function partProgress(
  { part, records }: IngestJobInput,
  { phase, jobId, last, turn, question }: JobRun,
): PartNow {
  const waitingFor = question === undefined ? turn.waitingFor : questionOf(part, question);
  const counters = last !== undefined && last.id === jobId ? last : { processed: 0, failed: 0 };
  return {
    n: part,
    phase,
    ...(jobId !== undefined && { jobId }),
    processed: counters.processed,
    failed: counters.failed,
    total: records,
    ...(waitingFor !== undefined && { waitingFor }),
    ...(question !== undefined && { inQuestion: true }),
  };
}

/** Books the requests of a step on the load and, as polls, on the job. */
export function countRequests(run: JobRun, requests: RequestTally): void {
  run.apiRequests += requests.total;
  const job = run.jobs.find(({ id }) => id === run.jobId);
  if (job !== undefined) job.polls += requests.info;
}

/** Notes creates whose answers were lost. */
export function enterLost(lost: LostJobs, more: LostJobs): void {
  lost.creates.push(...more.creates);
  while (lost.creates.length > MOST_LOST_CREATES) joinNearest(lost.creates);
  if (more.createdById !== undefined) lost.createdById = more.createdById;
}

/** What children learned of the time until which all jobs are known. */
export function enterEvidence<T extends { soundAt?: number; doubtAt?: number }>(
  one: T,
  more: { soundAt?: number; doubtAt?: number },
): T {
  if (more.soundAt !== undefined) one.soundAt = Math.max(one.soundAt ?? 0, more.soundAt);
  if (more.doubtAt !== undefined) one.doubtAt = Math.max(one.doubtAt ?? 0, more.doubtAt);
  return one;
}

/** More would only be asked for one by one. */
const MOST_LOST_CREATES = 100;

/** Makes one span of the two that are nearest to each other. */
function joinNearest(creates: LostCreate[]): void {
  creates.sort((a, b) => a.from - b.from);
  let nearest = 1;
  const gap = (index: number): number => (creates[index]?.from ?? Infinity) - (creates[index - 1]?.to ?? -Infinity);
  for (let index = 2; index < creates.length; index++) if (gap(index) < gap(nearest)) nearest = index;
  const [one, other] = creates.slice(nearest - 1, nearest + 1);
  if (one === undefined || other === undefined) return;
  const joined = { from: one.from, to: Math.max(one.to, other.to), creates: (one.creates ?? 1) + (other.creates ?? 1) };
  creates.splice(nearest - 1, 2, joined);
}
