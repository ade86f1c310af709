/** What an `ingestJob` knows and reports: plain data, small enough to be carried over a continue-as-new. */
import type { JobSummary, LoadError, Operation, PartPhase, PartProgress, SearchAttributeName } from '../contract.js';
import type { JobLook, LostCreate, OrgRef, PartOutcome, RequestTally } from '../activities/types.js';
import { newTurn } from './allocation/turn-state.js';
import type { Turn } from './allocation/turn-state.js';
import type { PollPlan } from './input.js';
import type { Look } from './polling.js';

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

/** How the part is doing, for its parent and for those who ask. */
export function partProgress(
  { part, records }: IngestJobInput,
  { phase, jobId, last, turn }: JobRun,
): PartProgress & { waitingFor?: string } {
  const counters = last !== undefined && last.id === jobId ? last : { processed: 0, failed: 0 };
  return {
    n: part,
    phase,
    ...(jobId !== undefined && { jobId }),
    processed: counters.processed,
    failed: counters.failed,
    total: records,
    ...(turn.waitingFor !== undefined && { waitingFor: turn.waitingFor }),
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
  if (more.createdById !== undefined) lost.createdById = more.createdById;
}
