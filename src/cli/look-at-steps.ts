/** What Temporal shows of the steps that a workflow waits for: attempts, last failures, heartbeats. */
import type { Client } from '@temporalio/client';
import type { Beat } from '../activities/step.js';
import { failureMessage, readPayload } from '../codec/read-payloads.js';
import type { Seen, StepSeen } from './answer-watch.js';

type Description = Awaited<ReturnType<Client['workflowService']['describeWorkflowExecution']>>;
type Pending = NonNullable<Description['pendingActivities']>[number];

/** Failures of a worker that went away, not of what it did. */
const WORKER_LOST = 'WORKER_SHUTDOWN';

export interface Looked extends Seen {
  /** A step that no worker has taken yet. */
  untaken?: string;
}

export async function lookAtSteps(client: Client, workflowId: string): Promise<Looked> {
  const { workflowExecutionInfo, pendingActivities } = await client.workflowService.describeWorkflowExecution({
    namespace: client.options.namespace,
    execution: { workflowId },
  });
  const untaken = (pendingActivities ?? []).find((step) => !step.lastStartedTime)?.activityId;
  return {
    events: Number(workflowExecutionInfo?.historyLength ?? 0),
    steps: await Promise.all((pendingActivities ?? []).map((step) => stepSeen(client, workflowId, step))),
    ...(untaken && { untaken }),
  };
}

async function stepSeen(
  client: Client,
  workflowId: string,
  { activityId, activityType, attempt, lastFailure, heartbeatDetails }: Pending,
): Promise<StepSeen> {
  const payload = heartbeatDetails?.payloads?.[0];
  // Encrypted with keys that are not here: then no progress is seen.
  const beat =
    payload === undefined
      ? undefined
      : await readPayload<Partial<Beat> | undefined>(client, payload, workflowId).catch(() => undefined);
  const timedOut = lastFailure?.timeoutFailureInfo != null;
  const code = lastFailure?.applicationFailureInfo?.type || (timedOut ? 'STEP_TIMED_OUT' : 'UNEXPECTED');
  return {
    id: activityId ?? '',
    name: activityType?.name ?? '',
    attempt: attempt ?? 1,
    ...(lastFailure && {
      failure: {
        code,
        message: await failureMessage(client, lastFailure, workflowId),
        workerLost: timedOut || code === WORKER_LOST,
      },
    }),
    bytes: Number(beat?.bytes ?? 0) || 0,
    requests: Number(beat?.requests?.total ?? 0) || 0,
  };
}

/** The task queue of a step, from the event that asked for it. */
export async function queueOfStep(client: Client, workflowId: string, activityId: string): Promise<string | undefined> {
  const { events } = await client.workflow.getHandle(workflowId).fetchHistory();
  for (const { activityTaskScheduledEventAttributes: asked } of [...(events ?? [])].reverse())
    if (asked?.activityId === activityId) return asked.taskQueue?.name ?? undefined;
  return undefined;
}
