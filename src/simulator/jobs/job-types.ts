/** A job's settings and environment. */
import type { Allocations } from '../org/allocation.js';
import type { Access } from '../org/access.js';
import type { Markers } from '../org/error-markers.js';
import type { Org } from '../org/org.js';
import type { OrgRules } from '../org/rules/org-rules.js';
import type { Quirks } from '../quirks.js';
import type { RowJob } from './apply-row.js';
import type { OrgStore } from '../store/org-store.js';
import type { Table } from '../org/table.js';

export interface JobSettings extends RowJob {
  apiVersion: number;
  columnDelimiter: string;
  lineEnding: string;
  assignmentRuleId?: string;
}

export interface JobWorld {
  org: Org;
  rules: OrgRules;
  table: Table;
  /** Of the user who created the job. */
  access: Access;
  markers: Markers;
  allocations: Allocations;
  quirks: Quirks;
  random: () => number;
  /** Keeps jobs and records over a restart. */
  store: OrgStore | undefined;
  rowOutcome?:
    | ((
        row: Record<string, string>,
        context: { object: string; operation: string; jobId: string; line: number },
      ) => string | undefined)
    | undefined;
}

export type JobState = 'Open' | 'UploadComplete' | 'InProgress' | 'JobComplete' | 'Failed' | 'Aborted';

/** A planned failure of a job. */
export interface PlannedFailure {
  /** After this many rows. */
  records: number;
  /** Its other rows are in no result file, like those beyond the daily allocation. */
  losesRest?: boolean;
  errorMessage?: string;
  /** Number of consecutive jobs. @default 1 */
  times?: number;
}
