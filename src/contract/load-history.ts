/** What the index of past loads keeps of each. */
import type { LoadState, RecordCounts } from './load-result.js';
import type { Operation } from './names.js';

/** One ended load in `index/`: counts and names, no value of a row. */
export interface HistoryEntry {
  version: 1;
  loadId: string;
  workflowId: string;
  runId: string;
  /** Name of the folder with the load's working files: the same after a reset. */
  run: string;
  schedule?: string;
  connection: string;
  object: string;
  operation: Operation;
  state: LoadState;
  /** ISO 8601. */
  startedAt: string;
  endedAt: string;
  records: RecordCounts;
  retry: { rounds: number; recovered: number };
  /** How long each phase took, without pauses; absent if an earlier version wrote the entry. */
  seconds?: { planning: number; loading: number; retrying: number; reporting: number };
  /** When it should have ended, in ISO 8601. */
  finishBy?: string;
  /** Rows sent in all passes. */
  sent: number;
  /** Failures because of a record lock. */
  locked: number;
  jobs: number;
  batches: number;
  apiRequests: number;
  /** Code of the error that ended it. */
  error?: string;
}
