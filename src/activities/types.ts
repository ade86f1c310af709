/**
 * What passes between workflows and activities. Types only; sizes are bounded, because all of it enters a history:
 * names, counts and URIs, never rows.
 */
import type {
  BulkLoadResult,
  Corrections,
  CorrectionsTaken,
  JobSummary,
  LoadError,
  OpenJob,
  Operation,
  RowFix,
  SearchAttributeName,
} from '../contract.js';
import type { ResultKind } from '../salesforce/connection.js';

/** HTTP requests to the instance; `info` are those that read a job's info. */
export interface RequestTally {
  total: number;
  info: number;
}

/** A request to create a job whose answer never came: between these times a job may have come into being. */
export interface LostCreate {
  /** Milliseconds since 1970. */
  from: number;
  to: number;
  /** How many there were. @default 1 */
  creates?: number;
}

/** What an attempt leaves to the next one. */
export interface StepMemory {
  /** Of the step that creates a job. */
  lostCreates?: LostCreate[];
  /** When a request to create a job was sent whose answer has not come yet. */
  askedAt?: number;
  /** Rows of the result files that lie on disk already. */
  fetched?: Partial<Record<ResultKind, number>>;
}

/** First detail of every failure of an activity. */
export interface FailureDetails {
  requests: RequestTally;
  /** What was asked for may have been done: the answer was lost, not the request. */
  maybeApplied?: boolean;
  /** The platform's refusal is final once it has been repeated for so long, in milliseconds. */
  believedAfterMs?: number;
  memory?: StepMemory;
}

/** A final refusal that has come, and since when each attempt met it: milliseconds since 1970, by the server's clock. */
export interface Doubt {
  code: string;
  since: number;
}

/** Every activity that calls Salesforce returns its value with the requests it took, failed attempts included. */
export interface Counted<T> {
  value: T;
  requests: RequestTally;
  /** What the org's replies announced, in our own words; at most one sentence. */
  warnings?: string[];
  /** It began long after it was asked for: an outage, or a restore of what it was asked by. */
  late?: boolean;
}

/** Which org, with which API version, for a whole load. */
export interface OrgRef {
  connection: string;
  apiVersion: string;
}

/** An activity of the user's own, and its queue. */
export interface FixerName {
  activity: string;
  taskQueue: string;
}

/** What a load is going to do, as far as it may be forbidden; absent from workflows of an earlier version. */
export interface LoadWish {
  object?: string;
  operation?: Operation;
  externalIdFieldName?: string;
  fixer?: FixerName;
}

export interface LocateSourceInput extends LoadWish {
  connection: string;
  source: string;
  output?: string;
  loadId: string;
  /** Stays the same over continue-as-new and reset: names the folder of this execution's working files. */
  executionId: string;
  /** Refuse a load of which an earlier execution landed rows, or may have. @default false */
  refuseLanded?: boolean;
}

export interface LocatedSource {
  /** Queue of the workers that share this folder. */
  filesQueue: string;
  /** Of the worker that saw the source; none from a worker of an earlier version. */
  host?: string;
  /** `file:` URI of `<output>/<loadId>/`. */
  outputUri: string;
  /** `file:` URI of the folder for this execution's working files. */
  workUri: string;
  searchAttributes: SearchAttributeName[];
}

export interface PlanLoadInput {
  source: string;
  workUri: string;
  object: string;
  operation: Operation;
  externalIdFieldName?: string;
  connection: string;
  columns?: Record<string, string>;
  columnsIfPresent?: Record<string, string>;
  constants?: Record<string, string>;
  blankAsNull: boolean;
  delimiter?: string;
  lineEnding?: 'LF' | 'CRLF';
  encoding?: string;
  partMaxBytes: number;
  mapLabels: boolean;
  /** Check every row before anything is sent, and refuse the load when some would fail. */
  checkRows: boolean;
  /** Leave the rows out that would fail: they are rejected. */
  skipBadRows: boolean;
  /** Fields that fix rules name. */
  fixFields?: string[];
  fixer?: FixerName;
}

/** Consecutive parts that go to the platform with the same operation. */
export interface PartGroup {
  operation: Operation;
  externalIdFieldName?: string;
  firstPart: number;
  lastPart: number;
}

/** Records of consecutive parts, at most 500. */
export interface PartSizes {
  /** The first of these parts. */
  from: number;
  records: number[];
}

export interface ReadPartSizesInput {
  stageUri: string;
  /** The first part that is wanted. */
  from: number;
}

/** One pass over rows: the first one, or a retry round. Its folder holds the plan and the results of each part. */
export interface Stage {
  uri: string;
  groups: PartGroup[];
  /** Parts are numbered from 1. */
  parts: number;
  /** Records of some parts: at first those of the first ones. A list of all would grow with the file. */
  sizes: PartSizes;
  records: number;
  columnDelimiter: string;
  lineEnding: 'LF' | 'CRLF';
  /** API name of the column by which rows are told apart; absent when nothing tells them. */
  key?: string;
}

export interface PlannedLoad {
  stage: Stage;
  /** As the org spells it. */
  object?: string;
  apiVersion: string;
  /** Rows that were left out because they would fail. */
  rejected?: { uri: string; rows: number };
  warnings: string[];
}

/** What a load knows of its own jobs: what it runs on may have been restored to a moment before some were sent. */
export interface Evidence {
  /** Workflow id of the load. */
  load: string;
  workUri: string;
  /** Workflow time until which all jobs of the load are known: when it began, or when the org was last asked. */
  soundAt: number;
  /** Workflow time at which more time had passed than timers and steps explain. */
  doubtAt?: number;
}

export interface CreateJobInput extends OrgRef {
  /** Absent: the org is not asked for jobs that nobody knows. */
  evidence?: Pick<Evidence, 'soundAt' | 'doubtAt'>;
  object: string;
  operation: Operation;
  externalIdFieldName?: string;
  assignmentRuleId?: string;
  columnDelimiter: string;
  lineEnding: 'LF' | 'CRLF';
  /** Of the part, beside whose files details are noted. */
  stageUri?: string;
}

export interface CreatedJob {
  jobId: string;
  createdById?: string;
  /** Creates before this one whose answers were lost, by the org's clock. */
  lostCreates: LostCreate[];
  /** So far the org's clock is ahead of ours, in milliseconds. */
  aheadMs: number;
  /** The part may have been sent before, by a run of the load that was restored away: ask before it is sent. */
  inDoubt: boolean;
}

export interface FindEarlierJobsInput extends OrgRef, PartRef {
  object: string;
  operation: Operation;
  createdById?: string;
  /** Jobs that were created before are known; by the org's clock. */
  since: number;
  /** Workflow id of the load, and of the child that asks. */
  load: string;
  workflowId: string;
  workUri: string;
  /** Jobs that the child has created itself. */
  ours: string[];
  /** Jobs of which a person said that they are not the load's. */
  notOurs: string[];
}

/** Lists are bounded. */
export interface EarlierJobs {
  /** This job has had the part. */
  adopt?: string;
  /** Jobs that run: what they are is seen at their ends. */
  pending: string[];
  /** Jobs that may have had the part. */
  unknown: string[];
  /** Jobs that nobody notes are Open. */
  open: boolean;
  /** All jobs of the load are known now. */
  sound: boolean;
}

export interface FindLostJobsInput extends OrgRef {
  object: string;
  operation: Operation;
  externalIdFieldName?: string;
  createdById?: string;
  lostCreates: LostCreate[];
}

export interface DescribeChildInput {
  workflowId: string;
}

/** `runs` is false also for a child that nobody knows. */
export interface ChildLook {
  runs: boolean;
  /** Of a child that has ended with one, be it as a failure. */
  result?: unknown;
  /** The last jobs that it made known, where the namespace has the search attribute. */
  jobIds?: string[];
}

/** Ids of Open jobs, at most 50 in all. */
export interface LostJobsFound {
  /** Without rows: only a create can have left them. */
  empty: string[];
  /** With rows: somebody may be about to close them. */
  filled: string[];
}

export interface ListOpenJobsInput {
  connection: string;
  /** Milliseconds since 1970. */
  createdUntil: number;
}

export interface OpenJobs {
  apiVersion: string;
  jobs: OpenJob[];
}

export interface JobRef extends OrgRef {
  jobId: string;
  /** Of the part, beside whose files details are noted. */
  stageUri?: string;
}

export interface AbortJobInput extends JobRef {
  /** A job that is no longer Open is left alone: nobody here closed it, so a run that was restored away did. */
  unlessClosed?: boolean;
}

export interface JobLook {
  id: string;
  state: string;
  processed: number;
  failed: number;
  /** In words that are known beforehand, see `domain/job-reasons.ts`; of earlier versions the platform's own. */
  errorMessage?: string;
  /** Share of the org's API requests of the last 24 hours that is used, where it tells that. */
  apiUsed?: number;
}

export interface PartRef {
  stageUri: string;
  part: number;
}

export interface UploadPartInput extends Omit<JobRef, 'stageUri'>, PartRef {
  /** Jobs that had the same part before and were aborted without having been closed. */
  replaces: string[];
}

/**
 * `sentBefore`: nothing was sent, because this job has had the part already, in a run of the workflow that was terminated
 * or reset.
 */
export type UploadedPart = { records: number; bytes: number } | { sentBefore: string };

export interface DownloadResultsInput extends Omit<JobRef, 'stageUri'>, PartRef {
  operation: Operation;
  /** The job failed: ask it why, unless its words are noted already. */
  failed?: boolean;
}

/** Rows in the three result files, the header not counted. */
export interface ResultCounts {
  succeeded: number;
  failed: number;
  /** Of the failed: rows whose error is not of a transient class. */
  failedForGood: number;
  unprocessed: number;
  /** Code that a row was told when the org took no more rows; of earlier versions all of its `sf__Error`. */
  stop?: string;
}

/** What became of one part, as far as sorting its rows needs it. */
export interface PartOutcome {
  part: number;
  /** `loaded`: result files are there. `notStarted`: nothing of it can have been applied. `lost`: nobody knows. */
  kind: 'loaded' | 'notStarted' | 'lost';
  counts: ResultCounts;
  /** Rows of the part that no result file names. */
  missing: number;
}

/** How the parts of a stage ended. Entries that are too many for a history lie in numbered files beside the plan. */
export interface EndedParts {
  /** Files with earlier entries. */
  noted: number;
  /** The entries since then, in the order in which the parts ended. */
  outcomes: PartOutcome[];
  jobs: JobSummary[];
}

/** A stage whose parts have ended. */
export interface EndedStage extends EndedParts {
  uri: string;
  /** `file:` URI of its rows that failed because what was asked was already so: they count as succeeded. */
  alreadyDone?: string;
}

export interface NotePartsInput {
  stageUri: string;
  /** Number of the file, from 1. One of the same number from before a reset is overwritten. */
  file: number;
  outcomes: PartOutcome[];
  jobs: JobSummary[];
}

export interface SortRowsInput {
  stage: Stage;
  /** Parts that ended, but for those in files. */
  outcomes: PartOutcome[];
  /** Their jobs. @default none */
  jobs?: JobSummary[];
  /** Files with earlier outcomes and jobs. @default 0 */
  noted?: number;
  /** This part and all after it were never started. */
  notStartedFrom?: number;
  operation: Operation;
  /** No further round: everything ends as rejected or unprocessed. */
  final: boolean;
  /** Where the rows of the next round go. */
  nextStageUri: string;
  partMaxBytes: number;
  /** The next round is the last one: its jobs are so small that the platform works on one batch at a time. */
  serial?: boolean;
  fixes?: RowFix[];
}

export interface SortedRows {
  /** `file:` URIs of what was written, each there only when it has rows. */
  files: { rejected?: string; unprocessed?: string; alreadyDone?: string; changes?: string };
  /** The next round's rows; absent when there are none. */
  next?: Stage;
  rejected: number;
  unprocessed: number;
  /** Rows that failed because what was asked was already so (delete of a deleted record): they count as succeeded. */
  alreadyDone: number;
  /** Rows of the next round that had to be taken from the failed file. */
  rerendered: number;
  /** A failure that stops the run, for example STORAGE_LIMIT_EXCEEDED. */
  stop?: LoadError;
}

export interface TakeCorrectionsInput extends Corrections {
  /** The first stage of the load. */
  stage: Stage;
  /** `file:` URIs of the rejected rows that wait. */
  rejected: string[];
  /** All stages of the load so far: in their files are the rows that landed. */
  ended: EndedStage[];
  /** Through which the rows will go; absent from workflows of an earlier version. */
  connection?: string;
  /** A program made them: corrections that would cost newer values are left out, and not the whole file refused. */
  fromFixer: boolean;
  operation: Operation;
  blankAsNull: boolean;
  /** Where the rows that are sent go. */
  nextStageUri: string;
  partMaxBytes: number;
}

export interface TakenCorrections extends CorrectionsTaken {
  /** `file:` URI of the rejected rows that go on waiting. */
  rejected?: string;
  /** Corrections that were left out because a newer row of their key landed. */
  left?: number;
  next: Stage;
}

export interface GatherRejectedInput {
  outputUri: string;
  runId: string;
  /** `file:` URIs of the pieces, in order. */
  rejected: string[];
}

export interface WriteReportInput {
  /** Of the load, for the audit line. */
  connection?: string;
  outputUri: string;
  workUri: string;
  /** `file:` URIs of the pieces, in order. */
  rejected: string[];
  unprocessed: string[];
  changes: string[];
  /** All stages of the load: from them the report lists every job and every file with rows that landed. */
  ended: EndedStage[];
  /** The result, whose `jobs` and `files` get completed. */
  report: BulkLoadResult;
  /** Also write copies in which no spreadsheet runs a cell. @default false */
  defuse?: boolean;
}

export type WrittenFiles = BulkLoadResult['files'];
