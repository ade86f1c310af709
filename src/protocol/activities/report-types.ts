/** Input and result of the activity that writes a load's report. */
import type { EndedStage } from './ended-parts.js';
import type { LoadPhase } from '../../contract/load-phases.js';
import type { BulkLoadResult } from '../../contract/load-result.js';

/** Phases and pauses in a report. */
export const MAX_TIMES = 100;

/** In milliseconds since 1970, by the workflow's clock. */
export interface Timeline {
  phases: { phase: LoadPhase; at: number }[];
  pauses: { from: number; to: number }[];
}

/** What the page and the index say of a load besides its result. */
export interface ReportFacts {
  /** As written in the input. */
  source: string;
  externalIdFieldName?: string;
  connection: string;
  startedAt: number;
  /** When the load asked for its report: the same for each attempt, so that the page is too. */
  endedAt: number;
  timeline: Timeline;
  /** When it should have ended. */
  finishBy?: number;
}

export interface WriteReportInput {
  /** Connection of the load, for the audit line. */
  connection?: string;
  /** Id of the schedule that started the load, for its metrics. */
  schedule?: string;
  outputUri: string;
  workUri: string;
  /** `file:` URIs of the pieces, in order. */
  rejected: string[];
  unprocessed: string[];
  changes: string[];
  /** All stages of the load: the report lists their jobs and all files with rows that landed. */
  ended: EndedStage[];
  /** The result, whose `jobs` and `files` are completed. */
  report: BulkLoadResult;
  /** Absent for loads of earlier versions: they get no page. */
  facts?: ReportFacts;
  /** Also write copies in which spreadsheets do not execute cells. @default false */
  defuse?: boolean;
}

export type WrittenFiles = BulkLoadResult['files'] & {
  /** What could not be written besides the results, in our own words. */
  warnings?: string[];
};
