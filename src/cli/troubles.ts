/** What fails in a load and is tried again: what a person may have to mend while the load waits. */
import type { Client } from '@temporalio/client';
import { failureMessage } from '../codec/read-payloads.js';
import type { Activities } from '../activities/index.js';
import { plainText } from '../plain-text.js';
import { shownCode } from '../domain/shown-code.js';
import { adviceFor, taskFailureOf } from './task-failures.js';
import type { TaskFailure } from './task-failures.js';

export interface Trouble {
  /** The step, as `readJob`; none when it is the workflow itself that cannot be run. */
  step?: string;
  task?: TaskFailure;
  /** Workflow that waits for it. */
  workflowId: string;
  attempt: number;
  message: string;
}

/** More running children than these are not looked at. */
const MOST_CHILDREN = 20;
/** Retry, its round, its job. */
const DEEPEST = 3;

/** Steps of nightload, whose failures have nightload's words. */
const OWN_STEPS: Record<keyof Activities, true> = {
  askAllocation: true,
  readOrgLimits: true,
  checkLedger: true,
  awaitSource: true,
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
  noteParts: true,
  readPartSizes: true,
  sortRows: true,
  takeCorrections: true,
  gatherRejected: true,
  keepColumns: true,
  writeReport: true,
};

/** One failure of a step is a hiccup; from the second on it is told. A worker that cannot run a workflow is told at once. */
export async function troublesOf(client: Client, workflowId: string, depth = 0): Promise<Trouble[]> {
  const { workflowService, options } = client;
  const described = await workflowService.describeWorkflowExecution({
    namespace: options.namespace,
    execution: { workflowId },
  });
  const { pendingActivities, pendingChildren } = described;
  const task = await taskFailureOf(client, workflowId, described).catch(() => undefined);
  const failing = (pendingActivities ?? []).filter(({ attempt, lastFailure }) => lastFailure && (attempt ?? 1) > 2);
  const own = await Promise.all(
    failing.map(async ({ activityType, attempt, lastFailure }): Promise<Trouble> => ({
      step: activityType?.name ?? '',
      workflowId,
      attempt: attempt ?? 1,
      message:
        activityType?.name != null && activityType.name in OWN_STEPS
          ? plainText(await failureMessage(client, lastFailure, workflowId), 1_000)
          : foreignWords(lastFailure),
    })),
  );
  if (task !== undefined) own.unshift({ task, workflowId, attempt: task.attempt, message: task.message });
  if (depth >= DEEPEST) return own;
  const children = await Promise.all(
    (pendingChildren ?? [])
      .slice(0, MOST_CHILDREN)
      .map((child) => troublesOf(client, child.workflowId ?? '', depth + 1).catch(() => [])),
  );
  return [...own, ...children.flat()];
}

/** What an activity of somebody else says may be rows. */
function foreignWords(
  failure: { applicationFailureInfo?: { type?: string | null } | null } | null | undefined,
): string {
  return shownCode(failure?.applicationFailureInfo?.type ?? '') ?? 'its own words are in the Temporal UI';
}

export function troubleLine({ step, task, workflowId, attempt, message }: Trouble): string {
  if (task === undefined) return `${step} failed ${attempt - 1} times and is tried again: ${message}`;
  return (
    `WORKFLOW_TASK_FAILED: no worker can run the workflow ${workflowId}, so it stands still (${task.cause}` +
    `${message === '' ? '' : `: ${message}`}). ${adviceFor(task)}`
  );
}

/** The same for every attempt: what is told once. */
export function troubleKey({ step, task, workflowId, message }: Trouble): string {
  return task === undefined ? `${step}${message}` : `${workflowId}${task.cause}${message}`;
}
