/** Inputs and results of the activities in `activities/orphans`: jobs unknown to any running workflow. */
import type { OrgRef, PartRef } from './job-types.js';
import type { Operation } from '../../contract/names.js';
import type { LostCreate } from './attempt-types.js';
import type { OpenJob } from '../../contract/orphan-jobs.js';

export interface FindEarlierJobsInput extends OrgRef, PartRef {
  object: string;
  operation: Operation;
  createdById?: string;
  /** Earlier jobs are known; by the org's clock. */
  since: number;
  /** Workflow id of the load, and of the child that asks. */
  load: string;
  workflowId: string;
  workUri: string;
  /** Jobs that the child itself created. */
  ours: string[];
  /** Jobs that do not belong to the load, according to a person. */
  notOurs: string[];
}

/** Lists are bounded. */
export interface EarlierJobs {
  /** This job had the part. */
  adopt?: string;
  /** Running jobs: their ends show what they are. */
  pending: string[];
  /** Jobs that may have had the part. */
  unknown: string[];
  /** Unrecorded jobs are Open. */
  open: boolean;
  /** All jobs of the load are now known. */
  allKnown: boolean;
}

export interface FindLostJobsInput extends OrgRef {
  object: string;
  operation: Operation;
  externalIdFieldName?: string;
  createdById?: string;
  lostCreates: LostCreate[];
}

/** Ids of Open jobs, at most 50 in all. */
export interface LostJobsFound {
  /** Without rows: only a create can have left them. */
  empty: string[];
  /** With rows: another program may be about to close them. */
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
