/** What an `ingestJob` knows and reports: plain data, small enough to be carried over a continue-as-new. */
import { isTerminal } from '../../domain/platform/job-states.js';
import { lostCreatesIn } from '../../domain/failures.js';
import { defined } from '../../domain/defined.js';
import type { PartPhase } from '../../contract/load-progress.js';
import type { JobSummary, LoadError } from '../../contract/load-result.js';
import type { Operation, SearchAttributeName } from '../../contract/names.js';
import type { LostCreate, RequestCounts } from '../../protocol/activities/attempt-types.js';
import type { PartOutcome } from '../../protocol/activities/ended-parts.js';
import type { Evidence, JobStatus, OrgRef } from '../../protocol/activities/job-types.js';
import { newLeaseState } from './lease/lease-state.js';
import type { LeaseState } from './lease/lease-state.js';
import type { PollPlan } from '../../domain/input/resolve-input.js';
import type { ProgressSample } from './poll/poll-delay.js';
import { namedJobs } from '../../domain/text/named-jobs.js';
import type { PartNow } from '../../protocol/messages/load-messages.js';

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
  /** Whether the parent wants progress signals. */
  reportProgress: boolean;
  /** How often; by default rarely, because each signal costs the parent events. */
  reportEveryMs?: number;
  /** The parent waits for a free place at the org, and is told when this part's rows have landed. */
  reportLanded?: boolean;
  /** Priority of the load, 1 to 5. */
  priority?: number;
  /** For the log. */
  loadId?: string;
  /** Absent: the org is not searched for unknown jobs. */
  evidence?: Evidence;
  /** Result files of an earlier part disagreed with its counters to the end: that is not waited for again. */
  waitsShort?: boolean;
}

export interface IngestJobResult {
  outcome: PartOutcome;
  jobs: JobSummary[];
  apiRequests: number;
  /** The files match the job's counters. */
  filesAgree: boolean;
  canceled: boolean;
  error?: LoadError;
  /** The job failed as a whole, nothing was applied, and the same rows may pass later: the error if they do not. */
  failedWhole?: LoadError;
  lost: LostJobs;
  /** Workflow time until which all jobs of the load are known. */
  jobsKnownUntil?: number;
  /** Workflow time at which more time had passed than timers and steps explain. */
  timeGapAt?: number;
  /** Notes for people although the part went well. */
  warnings?: string[];
}

/** Creates whose answers were lost: each may have left an Open job. */
export interface LostJobs {
  creates: LostCreate[];
  /** The user who creates the jobs, once known. */
  createdById?: string;
}

/** State carried over a continue-as-new. */
export interface JobState {
  jobs: JobSummary[];
  apiRequests: number;
  phase: PartPhase;
  /** The job that counts: the last one created. */
  jobId?: string;
  /** Workflow time before which it cannot have been created. */
  since?: number;
  /** The platform was asked to process it, or may have been. */
  closed: boolean;
  /** Workflow time since which the part waits for a place in the org's allocation. */
  askedAt?: number;
  /** Workflow time of the close request. */
  closedAt: number;
  last?: JobStatus;
  /** Its progress so far. */
  samples: ProgressSample[];
  polls: number;
  error?: LoadError;
  failedWhole?: LoadError;
  canceled: boolean;
  /** The last poll failed permanently: the job's state is unknown, so it is not aborted. */
  unseen?: boolean;
  /** No job is created while paused. */
  paused: boolean;
  /** The job belongs to an earlier run of this part, which may have aborted it while ending. */
  adopted?: boolean;
  lost: LostJobs;
  /** The part's lease from the org's ledger. */
  lease: LeaseState;
  warnings: string[];
  /** How far the org's clock is ahead of ours. */
  aheadMs: number;
  /** Workflow time at which the org was last searched for an earlier job of this part. */
  checkedAt?: number;
  /** The same as in the result, for all jobs of the load. */
  jobsKnownUntil?: number;
  timeGapAt?: number;
  /** Jobs that may or may not have had this part. */
  question?: EarlierQuestion;
  /** A person said that they had not. */
  released: boolean;
  notOurs: string[];
}

export function newJobState(): JobState {
  return {
    jobs: [],
    apiRequests: 0,
    phase: 'waiting',
    closed: false,
    closedAt: 0,
    samples: [],
    polls: 0,
    canceled: false,
    paused: false,
    lost: { creates: [] },
    lease: newLeaseState(),
    warnings: [],
    aheadMs: 0,
    released: false,
    notOurs: [],
  };
}

/** More add nothing about the speed; a job that runs for a day must not carry hundreds. */
const MAX_SAMPLES = 20;

/** Records what Salesforce returned about a job: its state and counters, and the time, for the next poll. */
export function enterJobInfo(state: JobState, info: JobStatus, now: number): void {
  const job = state.jobs.find(({ id }) => id === info.id);
  if (job !== undefined) {
    job.state = info.state;
    if (job.times !== undefined && isTerminal(info.state)) job.times.ended ??= now;
  }
  // Replies to abort carry no counters: the earlier ones still hold.
  const before = state.last?.id === info.id ? state.last : { processed: 0, failed: 0 };
  state.last = {
    ...info,
    processed: Math.max(info.processed, before.processed),
    failed: Math.max(info.failed, before.failed),
  };
  state.samples.push({ at: now, processed: state.last.processed });
  if (state.samples.length > MAX_SAMPLES) state.samples.splice(1, state.samples.length - MAX_SAMPLES);
}

/** Jobs that may or may not have had a part. */
export interface EarlierQuestion {
  /** They are running: their ends show what they are. */
  pending: string[];
  /** Only a person knows. */
  unknown: string[];
}

/** What a part that may have been sent before is waiting for, as text for people. */
export function questionOf(part: number, { pending, unknown }: EarlierQuestion): string {
  if (pending.length > 0) return `the end of job ${namedJobs(pending)}, which may hold the rows of part ${part}`;
  return (
    `a person: job ${namedJobs(unknown)} may hold the rows of part ${part}, but this load has no record of it. ` +
    'If it does not belong to this load, `resume` sends the part; if it does, or may, `cancel`'
  );
}

/** Progress of the part, for its parent and for queries. */
export function partProgress(
  { part, records }: IngestJobInput,
  { phase, jobId, last, lease, question }: JobState,
  { missing, unsettled }: { missing?: string | undefined; unsettled?: string | undefined } = {},
): PartNow {
  const waitingFor = question === undefined ? (missing ?? unsettled ?? lease.waitingFor) : questionOf(part, question);
  const counters = last !== undefined && last.id === jobId ? last : { processed: 0, failed: 0 };
  return {
    n: part,
    phase,
    ...defined({ jobId }),
    processed: counters.processed,
    failed: counters.failed,
    total: records,
    ...defined({ waitingFor }),
    ...((question ?? missing) !== undefined && { inQuestion: true }),
    ...(hasLanded(records, jobId, last) && { landed: true }),
  };
}

/** The platform says that all rows landed; the result files will show which. */
function hasLanded(records: number, jobId: string | undefined, last: JobStatus | undefined): boolean {
  return last?.id === jobId && last?.state === 'JobComplete' && last.failed === 0 && last.processed === records;
}

/** Counts a step's requests for the load and, as polls, for the job. */
export function countRequests(state: JobState, requests: RequestCounts): void {
  state.apiRequests += requests.total;
  const job = state.jobs.find(({ id }) => id === state.jobId);
  if (job !== undefined) job.polls += requests.info;
}

/** Records creates whose answers were lost. They may come from an activity that another client completed. */
export function enterLost(lost: LostJobs, more: LostJobs): void {
  lost.creates = joinNearest([...lost.creates, ...lostCreatesIn(more.creates)]);
  if (more.createdById !== undefined) lost.createdById = more.createdById;
}

/** Records what children learned about the time until which all jobs are known. */
export function enterEvidence<T extends { jobsKnownUntil?: number; timeGapAt?: number }>(
  one: T,
  more: { jobsKnownUntil?: number; timeGapAt?: number },
): T {
  if (more.jobsKnownUntil !== undefined) one.jobsKnownUntil = Math.max(one.jobsKnownUntil ?? 0, more.jobsKnownUntil);
  if (more.timeGapAt !== undefined) one.timeGapAt = Math.max(one.timeGapAt ?? 0, more.timeGapAt);
  return one;
}

/** Each is searched for separately. */
const MAX_LOST_CREATES = 100;

/** Merges the time spans that are nearest to each other until few are left: those with the widest gaps stay apart. */
function joinNearest(creates: LostCreate[]): LostCreate[] {
  if (creates.length <= MAX_LOST_CREATES) return creates;
  const sorted = [...creates].sort((a, b) => a.from - b.from);
  let end = -Infinity;
  const gaps = sorted.map(({ from, to }, index) => {
    const width = from - end;
    end = Math.max(end, to);
    return { index, width };
  });
  const widest = gaps.sort((a, b) => b.width - a.width).slice(0, MAX_LOST_CREATES);
  const starts = new Set(widest.map(({ index }) => index));
  const joined: LostCreate[] = [];
  for (const [index, span] of sorted.entries()) {
    const last = joined.at(-1);
    if (last === undefined || starts.has(index)) joined.push({ ...span });
    else {
      last.to = Math.max(last.to, span.to);
      last.creates = (last.creates ?? 1) + (span.creates ?? 1);
    }
  }
  return joined;
}
