/** What Temporal shows about the activities that a workflow waits for: attempts, last failures, heartbeats. */
import type { Client } from '@temporalio/client';
import { failureMessage, readPayload } from '../../../codec/read-payloads.js';
import { readBeat } from '../../../client/answers/load-progress.js';
import { plainText } from '../../../domain/text/plain-text.js';
import { codeOr } from '../../../domain/text/shown-code.js';
import type { Seen, StepSeen } from './answer-watch.js';

type Description = Awaited<ReturnType<Client['workflowService']['describeWorkflowExecution']>>;
type Pending = NonNullable<Description['pendingActivities']>[number];

/** Failures of a worker that was lost, not of its work. */
const WORKER_LOST = 'WORKER_SHUTDOWN';

const MAX_NAME = 100;
const MAX_MESSAGE = 1_000;
/** The workflows that are watched have one or two at a time. */
const MAX_STEPS = 20;

export interface Looked extends Seen {
  /** A step that no worker has taken yet. */
  untaken?: string;
}

export async function pendingActivities(client: Client, workflowId: string): Promise<Looked> {
  const { workflowExecutionInfo, pendingActivities } = await client.workflowService.describeWorkflowExecution({
    namespace: client.options.namespace,
    execution: { workflowId },
  });
  const untaken = (pendingActivities ?? []).find((step) => !step.lastStartedTime)?.activityId;
  return {
    events: Number(workflowExecutionInfo?.historyLength ?? 0),
    steps: await Promise.all(
      (pendingActivities ?? []).slice(0, MAX_STEPS).map((step) => stepSeen(client, workflowId, step)),
    ),
    ...(untaken && { untaken }),
  };
}

async function stepSeen(
  client: Client,
  workflowId: string,
  { activityId, activityType, attempt, lastFailure, heartbeatDetails }: Pending,
): Promise<StepSeen> {
  const payload = heartbeatDetails?.payloads?.[0];
  // Encrypted with keys that are not available here: then no progress is visible.
  const beat =
    payload === undefined
      ? undefined
      : readBeat(await readPayload<unknown>(client, payload, workflowId).catch(() => undefined));
  const timedOut = lastFailure?.timeoutFailureInfo != null;
  const code = codeOr(lastFailure?.applicationFailureInfo?.type, timedOut ? 'STEP_TIMED_OUT' : 'UNEXPECTED');
  return {
    id: activityId ?? '',
    name: plainText(activityType?.name ?? '', MAX_NAME),
    attempt: attempt ?? 1,
    ...(lastFailure && {
      failure: {
        code,
        message: plainText(await failureMessage(client, lastFailure, workflowId), MAX_MESSAGE),
        workerLost: timedOut || code === WORKER_LOST,
      },
    }),
    bytes: beat?.bytes ?? 0,
    requests: beat?.requests ?? 0,
  };
}

/** The task queue of an activity, from its scheduled event. */
export async function queueOfActivity(
  client: Client,
  workflowId: string,
  activityId: string,
): Promise<string | undefined> {
  const { events } = await client.workflow.getHandle(workflowId).fetchHistory();
  for (const { activityTaskScheduledEventAttributes: asked } of [...(events ?? [])].reverse())
    if (asked?.activityId === activityId) return asked.taskQueue?.name ?? undefined;
  return undefined;
}
