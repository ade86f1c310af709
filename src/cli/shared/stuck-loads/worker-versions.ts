/** Versions of workers: which one a load stays on, and which ones poll a queue. */
import type { WorkflowExecutionDescription } from '@temporalio/client';
import type { QueuePoller } from '../../../domain/task-queue-facts.js';

/** Numbers of `temporal.api.enums.v1`: `WORKER_VERSIONING_MODE_VERSIONED`, `VERSIONING_BEHAVIOR_PINNED`. */
const VERSIONED = 2;
const PINNED = 1;

export interface WorkerVersion {
  deploymentName: string;
  buildId: string;
}

type Pollers = readonly Pick<QueuePoller, 'deploymentOptions'>[];

/** The version of the newest poller, if all belong to versions of deployments. */
export function versionOf(pollers: Pollers): WorkerVersion | undefined {
  if (pollers.some(({ deploymentOptions }) => deploymentOptions?.workerVersioningMode !== VERSIONED)) return undefined;
  return readVersion(pollers[0]?.deploymentOptions);
}

/** Whether workers poll, and none of them is of this version. */
export function lacksVersion(pollers: Pollers, version: WorkerVersion): boolean {
  return pollers.length > 0 && !pollers.some((poller) => isOfVersion(poller, version));
}

export function isOfVersion(
  { deploymentOptions }: Pollers[number],
  { deploymentName, buildId }: WorkerVersion,
): boolean {
  return deploymentOptions?.deploymentName === deploymentName && deploymentOptions.buildId === buildId;
}

/** The version that a load is pinned to; undefined also for one that an operator has moved. */
export function versionOfLoad({ raw }: Pick<WorkflowExecutionDescription, 'raw'>): WorkerVersion | undefined {
  const { behavior, deploymentVersion, versioningOverride } = raw.workflowExecutionInfo?.versioningInfo ?? {};
  return versioningOverride == null && Number(behavior) === PINNED ? readVersion(deploymentVersion) : undefined;
}

/** Other programs name their versions as they like; the command that we print must be safe to copy. */
function readVersion(
  found: { deploymentName?: string | null; buildId?: string | null } | null | undefined,
): WorkerVersion | undefined {
  const { deploymentName, buildId } = found ?? {};
  return isVersionName(deploymentName) && isVersionName(buildId) ? { deploymentName, buildId } : undefined;
}

function isVersionName(name: unknown): name is string {
  return typeof name === 'string' && /^[A-Za-z0-9._+-]{1,200}$/.test(name);
}
