/**
 * Makes counters visible at zero when a worker starts: Prometheus sees no growth in a series that appears with its first
 * value, so the first failed load would raise no alert.
 */
import type { MetricMeter } from '@temporalio/common';
import { LOAD_STATES } from '../../contract/load-result.js';
import { Recorder } from '../../domain/metrics.js';

const JOB_STATES = ['JobComplete', 'Failed', 'Aborted'];

/** @param tags those that the SDK adds to metrics of workflows */
export function announceCounters(meter: MetricMeter, tags: { namespace: string; taskQueue: string }): void {
  const process = new Recorder(meter);
  for (const state of LOAD_STATES) process.add('nightload_loads_total', 0, { state, ...tags });
  for (const state of JOB_STATES) process.add('nightload_jobs_total', 0, { state, ...tags });
  process.add('nightload_lock_failures_total', 0, {});
  process.add('nightload_retry_recovered_rows_total', 0, {});
  for (const direction of ['upload', 'download']) process.add('nightload_bytes_total', 0, { direction });
}
