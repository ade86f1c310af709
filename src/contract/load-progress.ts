/** What a running load reports about itself. */
import type { LoadPhase } from './load-phases.js';
import type { BulkLoadResult, LoadState, RecordCounts } from './load-result.js';

/** `status` has three more states, for a load that has not ended. */
export type StatusState = LoadState | 'Running' | 'Holding' | 'Paused';

export const PART_PHASES = [
  'waiting',
  'creating',
  'uploading',
  'closing',
  'processing',
  'settling',
  'downloading',
  'done',
  'failed',
] as const;

export type PartPhase = (typeof PART_PHASES)[number];

export interface PartProgress {
  n: number;
  phase: PartPhase;
  jobId?: string;
  processed: number;
  failed: number;
  total: number;
  /** In phase `waiting`: why the org's allocation does not let it start yet. */
  waitingFor?: string;
  /** Of a running upload, from its last heartbeat. */
  bytes?: { sent: number; total: number };
}

/** When a load will have ended, and when it should have. All times are ISO 8601. */
export interface LoadForecast {
  /** As likely earlier as later; absent while nothing is known. */
  endsAt?: string;
  /** Between these with a probability of 80 %. */
  earliest?: string;
  latest?: string;
  finishBy: string;
  /** People were told that it will be late. */
  late: boolean;
}

/** Answer to the `progress` query. */
export interface LoadProgress {
  phase: LoadPhase;
  records: RecordCounts;
  /** At most 200. */
  parts: PartProgress[];
  /** Rows of parts that have ended. */
  ended?: number;
  /** When the first part was started, as ISO 8601. */
  loadingSince?: string;
  /** Rows per second since then; set by `nightload` and `LoadHandle`, not by the query itself. */
  rowsPerSecond?: number;
  /** At that rate, until the last row of the first pass. */
  secondsLeft?: number;
  /** Of a load with `finishBy`. */
  forecast?: LoadForecast;
  waitingFor?: string;
  /** During a hold: URI of the rows that wait for corrections. */
  rejectedFile?: string;
  paused: boolean;
}

/** Answer to the `soFar` query: what the result would contain about the jobs that have ended. */
export type LoadSoFar = Required<Pick<BulkLoadResult, 'retry' | 'jobs' | 'jobsTotal' | 'apiRequests' | 'files'>> &
  Pick<BulkLoadResult, 'warnings'>;
