/** What fails and is retried in a load: what a person may have to fix while the load waits. */
import type { Client } from '@temporalio/client';
import { failureMessage } from '../../../codec/read-payloads.js';
import type { ActivityName } from '../../../protocol/activities/activity-inputs.js';
import { plainText } from '../../../domain/text/plain-text.js';
import { shownCode } from '../../../domain/text/shown-code.js';
import { asTemporalError, placeOf } from '../../../client/temporal-errors.js';
import { adviceFor, taskFailureOf } from './task-failures.js';
import type { TaskFailure } from './task-failures.js';

export interface PendingFailure {
  /** The activity, such as `readJob`; absent when the workflow itself cannot run. */
  step?: string;
  task?: TaskFailure;
  /** Workflow that waits for it. */
  workflowId: string;
  attempt: number;
  message: string;
}

/** No more running children of a workflow than these are checked. */
const MAX_CHILDREN = 20;
/** Nor more workflows in all: the children of children are as many as their starter wants. */
const MAX_WORKFLOWS = 60;
/** Retry, its round, its job. */
const MAX_DEPTH = 3;
/** No one reads more. */
const MAX_FAILURES = 20;
const MAX_STEP_NAME = 100;

export interface PendingFailures {
  failures: PendingFailure[];
  /** Failures that are not listed. */
  more: number;
}

/** nightload's own activities, whose failures have nightload's texts. */
const OWN_STEPS: Record<ActivityName | 'listFileGroups', true> = {
  requestLease: true,
  readOrgLimits: true,
  checkLedger: true,
  probeSource: true,
  locateSource: true,
  planLoad: true,
  checkSource: true,
  createJob: true,
  uploadPart: true,
  closeJob: true,
  readJob: true,
  abortJob: true,
  describeChild: true,
  findEarlierJobs: true,
  findLostJobs: true,
  listFileGroups: true,
  listOpenJobs: true,
  downloadResults: true,
  pruneOutput: true,
  recordParts: true,
  checkEarlierRun: true,
  readPastLoads: true,
  findFailingSteps: true,
  readNotifyRules: true,
  routeNotification: true,
  sendNotification: true,
  noteDeliveries: true,
  readSchedules: true,
  pingHeartbeat: true,
  notePause: true,
  readPartSizes: true,
  triageRows: true,
  acceptCorrections: true,
  collectRejected: true,
  keepColumns: true,
  writeReport: true,
};

/**
 * One failure of an activity is a hiccup; from the second on it is reported. A worker that cannot run a workflow is
 * reported at once.
 */
export async function pendingFailures(client: Client, workflowId: string): Promise<PendingFailures> {
  const found = await failuresIn(client, workflowId, { depth: 0, left: { workflows: MAX_WORKFLOWS } });
  return { failures: found.slice(0, MAX_FAILURES), more: Math.max(0, found.length - MAX_FAILURES) };
}

interface Search {
  depth: number;
  left: { workflows: number };
}

async function failuresIn(client: Client, workflowId: string, { depth, left }: Search): Promise<PendingFailure[]> {
  if (--left.workflows < 0) return [];
  const { workflowService, options } = client;
  const described = await workflowService
    .describeWorkflowExecution({ namespace: options.namespace, execution: { workflowId } })
    .catch((error: unknown) => {
      throw asTemporalError(error, placeOf(client));
    });
  const { pendingActivities, pendingChildren } = described;
  const task = await taskFailureOf(client, workflowId, described).catch(() => undefined);
  const failing = (pendingActivities ?? []).filter(({ attempt, lastFailure }) => lastFailure && (attempt ?? 1) > 2);
  const own = await Promise.all(
    failing.map(async ({ activityType, attempt, lastFailure }): Promise<PendingFailure> => ({
      step: plainText(activityType?.name ?? '', MAX_STEP_NAME),
      workflowId,
      attempt: attempt ?? 1,
      message:
        activityType?.name != null && Object.hasOwn(OWN_STEPS, activityType.name)
          ? plainText(await failureMessage(client, lastFailure, workflowId), 1_000)
          : foreignMessage(lastFailure),
    })),
  );
  if (task !== undefined) own.unshift({ task, workflowId, attempt: task.attempt, message: task.message });
  if (depth >= MAX_DEPTH) return own;
  const children = await Promise.all(
    (pendingChildren ?? [])
      .slice(0, MAX_CHILDREN)
      .map((child) => failuresIn(client, child.workflowId ?? '', { depth: depth + 1, left }).catch(() => [])),
  );
  return [...own, ...children.flat()];
}

/** Messages of foreign activities may contain rows. */
function foreignMessage(
  failure: { applicationFailureInfo?: { type?: string | null } | null } | null | undefined,
): string {
  return shownCode(failure?.applicationFailureInfo?.type ?? '') ?? 'its message is in the Temporal UI';
}

export function pendingFailureLine({ step, task, workflowId, attempt, message }: PendingFailure): string {
  if (task === undefined) return `${step} failed ${attempt - 1} times and is retried: ${message}`;
  return (
    `WORKFLOW_TASK_FAILED: no worker can run the workflow ${workflowId}, so it makes no progress (${task.cause}` +
    `${message === '' ? '' : `: ${message}`}). ${adviceFor(task)}`
  );
}

/** The same for every attempt, so that each problem is reported once. */
export function pendingFailureKey({ step, task, workflowId, message }: PendingFailure): string {
  return task === undefined ? `${step}${message}` : `${workflowId}${task.cause}${message}`;
}
