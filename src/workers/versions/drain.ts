/** When a worker of an old version may end: no new load reaches it, and none of its own is left. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { NativeConnection } from '@temporalio/worker';
import type { Deployment } from './deployment.js';

const CHECK_EVERY_MS = 10_000;
const CALL_LIMIT_MS = 10_000;
/** Temporal's lists show a change a moment later. */
const CHECKS_IN_A_ROW = 2;

/** Values of `temporal.api.enums.v1.WorkerDeploymentVersionStatus`: it was current once, and is neither that nor ramping. */
const DRAINING = 4;
const DRAINED = 5;

export interface Drain {
  connection: () => NativeConnection;
  namespace: string;
  deployment: Deployment;
  /** Ends the wait. */
  signal: AbortSignal;
  /** @default 10 s */
  checkEveryMs?: number;
}

/** Loads, and other workflows, that run on a version; undefined while new ones may still reach it. */
async function loadsLeft({ connection, namespace, deployment }: Drain): Promise<number | undefined> {
  const { name: deploymentName, buildId } = deployment;
  const temporal = connection();
  return temporal.withDeadline(Date.now() + CALL_LIMIT_MS, async () => {
    const { workerDeploymentVersionInfo: version } = await temporal.workflowService.describeWorkerDeploymentVersion({
      namespace,
      deploymentVersion: { deploymentName, buildId },
    });
    if (version?.status !== DRAINING && version?.status !== DRAINED) return undefined;
    const { count } = await temporal.workflowService.countWorkflowExecutions({
      namespace,
      query: `TemporalWorkerDeploymentVersion = '${deploymentName}:${buildId}' AND TemporalWorkflowVersioningBehavior = 'Pinned' AND ExecutionStatus = 'Running'`,
    });
    return Number(count);
  });
}

/** Resolves once the version has no load left and gets no new one, or at the signal. Failed checks are repeated. */
export async function untilDrained(drain: Drain): Promise<void> {
  for (let empty = 0; empty < CHECKS_IN_A_ROW && !drain.signal.aborted;) {
    const left = await loadsLeft(drain).catch(() => undefined);
    empty = left === 0 ? empty + 1 : 0;
    if (empty < CHECKS_IN_A_ROW)
      await sleep(drain.checkEveryMs ?? CHECK_EVERY_MS, undefined, { signal: drain.signal }).catch(() => undefined);
  }
}
