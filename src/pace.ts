/** How fast a load goes and how long it may take yet, for those who watch it. */
import type { Client } from '@temporalio/client';
import type { Beat } from './activities/step.js';
import { readPayload } from './codec/read-payloads.js';
import type { LoadProgress, PartProgress } from './contract.js';

/** Before this the rate says nothing. */
const LEAST_SECONDS = 2;
const RUNNING: readonly PartProgress['phase'][] = ['processing', 'settling', 'downloading'];

/** Adds rate and estimate, as far as they can be told. */
export function withPace(progress: LoadProgress, now: number): LoadProgress {
  const { phase, loadingSince, ended = 0, parts, records } = progress;
  if (phase !== 'loading' || loadingSince === undefined) return progress;
  const seconds = (now - Date.parse(loadingSince)) / 1000;
  const processed = parts.filter((part) => RUNNING.includes(part.phase)).reduce((sum, part) => sum + part.processed, 0);
  const through = ended + processed;
  if (seconds < LEAST_SECONDS || through === 0) return progress;
  const rowsPerSecond = through / seconds;
  return {
    ...progress,
    rowsPerSecond,
    secondsLeft: Math.max(0, Math.round((records.total - records.rejected - through) / rowsPerSecond)),
  };
}

/** How far an upload is, from the heartbeats of its step. */
export async function uploadedBytes(client: Client, workflowId: string): Promise<PartProgress['bytes']> {
  const { pendingActivities } = await client.workflowService
    .describeWorkflowExecution({ namespace: client.options.namespace, execution: { workflowId } })
    .catch(() => ({ pendingActivities: [] }));
  for (const { activityType, heartbeatDetails } of pendingActivities ?? []) {
    const payload = heartbeatDetails?.payloads?.[0];
    if (activityType?.name !== 'uploadPart' || !payload) continue;
    // Encrypted with keys that are not here: then nothing is told.
    const beat = await readPayload<Beat>(client, payload, workflowId).catch(() => undefined);
    if (beat?.bytesTotal !== undefined) return { sent: beat.bytes, total: beat.bytesTotal };
  }
  return undefined;
}
