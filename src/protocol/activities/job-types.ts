/** Inputs and results of the activities in `activities/job`: one job, from its creation to its result files. */
import type { Operation } from '../../contract/names.js';
import type { LostCreate } from './attempt-types.js';

/** Org and API version of a whole load. */
export interface OrgRef {
  connection: string;
  apiVersion: string;
}

/**
 * What a load knows about its own jobs: Temporal or the folder may have been restored to a time before some were sent.
 */
export interface Evidence {
  /** Workflow id of the load. */
  load: string;
  workUri: string;
  /** Workflow time until which all jobs of the load are known: when it began, or when the org was last searched. */
  jobsKnownUntil: number;
  /** Workflow time at which more time had passed than timers and steps explain. */
  timeGapAt?: number;
  /** Workflow time at which the load began; absent if an earlier version began it. */
  startedAt?: number;
}

export interface CreateJobInput extends OrgRef {
  /** Absent: the org is not searched for unknown jobs. */
  evidence?: Pick<Evidence, 'jobsKnownUntil' | 'timeGapAt'>;
  object: string;
  operation: Operation;
  externalIdFieldName?: string;
  assignmentRuleId?: string;
  columnDelimiter: string;
  lineEnding: 'LF' | 'CRLF';
  /** Stage of the part; details are recorded next to its files. */
  stageUri?: string;
}

export interface CreatedJob {
  jobId: string;
  createdById?: string;
  /** Earlier creates whose answers were lost, by the org's clock. */
  lostCreates: LostCreate[];
  /** How far the org's clock is ahead of ours, in milliseconds. */
  aheadMs: number;
  /** The part may have been sent before, by a run of the load that was lost in a restore: check before sending. */
  maybeSentBefore: boolean;
}

export interface DescribeChildInput {
  workflowId: string;
}

/** `runs` is also false for an unknown child. */
export interface ChildStatus {
  runs: boolean;
  /** Of a child that has ended with a result, even if it failed. */
  result?: unknown;
  /** The last jobs that it reported, if the namespace has the search attribute. */
  jobIds?: string[];
}

export interface JobRef extends OrgRef {
  jobId: string;
  /** What the load creates: a job with other values is not its own. Absent from workflows of an earlier version. */
  object?: string;
  operation?: Operation;
  externalIdFieldName?: string;
  /** No job of the load is older: milliseconds since 1970, by the workflow's clock. */
  since?: number;
  /** Stage of the part; details are recorded next to its files. */
  stageUri?: string;
}

export interface AbortJobInput extends JobRef {
  /** A job that is no longer Open is left alone: this run did not close it, so one that was lost in a restore did. */
  unlessClosed?: boolean;
}

export interface JobStatus {
  id: string;
  state: string;
  processed: number;
  failed: number;
  /** In predefined text, see `domain/platform/job-reasons.ts`; from earlier versions the platform's own. */
  errorMessage?: string;
  /** Used share of the org's API requests of the last 24 hours, if the org reports it. */
  apiUsed?: number;
}

export interface PartRef {
  stageUri: string;
  part: number;
}

export interface UploadPartInput extends Omit<JobRef, 'stageUri'>, PartRef {
  /** Jobs that had the same part before and were aborted without being closed. */
  replaces: string[];
}

/**
 * `sentBefore`: nothing was sent, because this job already had the part, in a run of the workflow that was terminated
 * or reset.
 */
export type UploadedPart = { records: number; bytes: number } | { sentBefore: string };

export interface DownloadResultsInput extends Omit<JobRef, 'stageUri' | 'operation'>, PartRef {
  operation: Operation;
  /** The job failed: read its reason, unless that is already recorded. */
  failed?: boolean;
}
