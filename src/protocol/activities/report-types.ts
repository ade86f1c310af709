/** Input and result of the activity that writes a load's report. */
import type { EndedStage } from './ended-parts.js';
import type { BulkLoadResult } from '../../contract/load-result.js';

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
  /** Also write copies in which spreadsheets do not execute cells. @default false */
  defuse?: boolean;
}

export type WrittenFiles = BulkLoadResult['files'];
