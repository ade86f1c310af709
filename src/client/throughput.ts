/** Speed and estimated remaining time of a load, for people who follow it. */
import type { Client } from '@temporalio/client';
import { readPayload } from '../codec/read-payloads.js';
import type { LoadProgress, PartProgress } from '../contract/load-progress.js';
import { readSent } from './answers/load-progress.js';

/** Before this the rate is meaningless. */
const MIN_SECONDS = 2;
const RUNNING: readonly PartProgress['phase'][] = ['processing', 'settling', 'downloading'];

/** Adds rate and estimate, as far as they are known. */
export function withThroughput(progress: LoadProgress, now: number): LoadProgress {
  const { phase, loadingSince, ended = 0, parts, records } = progress;
  if (phase !== 'loading' || loadingSince === undefined) return progress;
  const seconds = (now - Date.parse(loadingSince)) / 1000;
  const processed = parts.filter((part) => RUNNING.includes(part.phase)).reduce((sum, part) => sum + part.processed, 0);
  const through = ended + processed;
  if (seconds < MIN_SECONDS || through === 0) return progress;
  const rowsPerSecond = through / seconds;
  return {
    ...progress,
    rowsPerSecond,
    secondsLeft: Math.max(0, Math.round((records.total - records.rejected - through) / rowsPerSecond)),
  };
}

/** Progress of an upload, from its activity's heartbeats. */
export async function uploadedBytes(client: Client, workflowId: string): Promise<PartProgress['bytes']> {
  const { pendingActivities } = await client.workflowService
    .describeWorkflowExecution({ namespace: client.options.namespace, execution: { workflowId } })
    .catch(() => ({ pendingActivities: [] }));
  for (const { activityType, heartbeatDetails } of pendingActivities ?? []) {
    const payload = heartbeatDetails?.payloads?.[0];
    if (activityType?.name !== 'uploadPart' || !payload) continue;
    // Encrypted with keys that are not available here: then nothing is shown.
    const sent = readSent(await readPayload<unknown>(client, payload, workflowId).catch(() => undefined));
    if (sent !== undefined) return sent;
  }
  return undefined;
}
