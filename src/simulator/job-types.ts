/** What a job is told, and the world that it works in. */
import type { Allocations } from './allocation.js';
import type { Markers } from './markers.js';
import type { Org } from './org.js';
import type { Quirks } from './quirks.js';
import type { RowJob } from './rows.js';
import type { Table } from './table.js';

export interface JobSettings extends RowJob {
  apiVersion: number;
  columnDelimiter: string;
  lineEnding: string;
  assignmentRuleId?: string;
}

export interface JobWorld {
  org: Org;
  table: Table;
  markers: Markers;
  allocations: Allocations;
  quirks: Quirks;
  random: () => number;
  queueDelayMs: () => number;
  rowOutcome?:
    | ((
        row: Record<string, string>,
        context: { object: string; operation: string; jobId: string; line: number },
      ) => string | undefined)
    | undefined;
}

export type JobState = 'Open' | 'UploadComplete' | 'InProgress' | 'JobComplete' | 'Failed' | 'Aborted';

/** How a job is made to fail. */
export interface PlannedFailure {
  /** Once so many rows are through. */
  records: number;
  /** Its other rows are in no result file, as those beyond the daily allocation. */
  losesRest?: boolean;
  errorMessage?: string;
  /** So many jobs, one after the other. @default 1 */
  times?: number;
}
