/** Input and result of the search for jobs without a load. */
import type { Duration } from './names.js';

/** The input of `orphanJobs`. */
export interface OrphanJobsInput {
  /** @default 'default' */
  connection?: string;
  /** Abort those that loads of this namespace created. @default false */
  abort?: boolean;
  /** Only jobs older than this. @default '24h' */
  olderThan?: Duration;
}

/** A job that is Open in the org and belongs to no running load. */
export interface OpenJob {
  id: string;
  object: string;
  operation: string;
  createdById: string;
  createdDate: string;
  /** Created by an ended load of this namespace. */
  ours: boolean;
}

export interface OrphanJobsResult {
  jobs: (OpenJob & { aborted: boolean })[];
}
