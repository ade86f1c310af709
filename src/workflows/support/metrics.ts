/** Metrics of workflows: the SDK records nothing while it replays. All label values are our own. */
import { metricMeter } from '@temporalio/workflow';
import { Recorder } from '../../domain/metrics.js';

/** What loads and parts wait for. `decision`: whether an earlier job had the part. */
export type WaitReason = 'source' | 'allocation' | 'pause' | 'corrections' | 'retry' | 'decision';

export const metrics = new Recorder(metricMeter);

export function recordWait(reason: WaitReason, since: number): void {
  metrics.observe('nightload_wait_seconds', (Date.now() - since) / 1_000, { reason });
}

/** Also records a wait that a cancellation ends. */
export async function waiting<T>(reason: WaitReason, wait: () => Promise<T>): Promise<T> {
  const since = Date.now();
  try {
    return await wait();
  } finally {
    recordWait(reason, since);
  }
}

const JOB_STATES: readonly string[] = [
  'Open',
  'UploadComplete',
  'InProgress',
  'JobComplete',
  'Failed',
  'Aborted',
  'Deleted',
];

export function countJobs(jobs: readonly { state: string }[]): void {
  for (const { state } of jobs) {
    metrics.add('nightload_jobs_total', 1, { state: JOB_STATES.includes(state) ? state : 'other' });
  }
}
