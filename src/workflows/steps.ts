/**
 * The activities as workflows see them: which queue, which time-outs, which retries, and why.
 * Heartbeats (8 s) decide how fast a dead worker is noticed; start-to-close only bounds what no step should ever need.
 */
import { proxyActivities } from '@temporalio/workflow';
import type { ActivityInterfaceFor } from '@temporalio/workflow';
import type { Activities } from '../activities/index.js';

/** After a cancel nobody wants to wait for ever: what could not be cleaned up by then is named in the error. */
export const CLEANUP_LIMIT = '15m';

const HEARTBEAT_TIMEOUT = '8s';
const LONGEST_STEP_MS = 86_400_000;

/**
 * Calls to Salesforce that touch no file: any worker of the queue may do them.
 * @param outageMs the longest outage that a load sits out before it ends cleanly
 */
export function shared(outageMs: number): ActivityInterfaceFor<Activities> {
  return proxyActivities<Activities>({
    startToCloseTimeout: '5m',
    scheduleToCloseTimeout: outageMs,
    heartbeatTimeout: HEARTBEAT_TIMEOUT,
    // A job id that arrives after the cancel must still be learned, or the job stays Open for ever.
    cancellationType: 'WAIT_CANCELLATION_COMPLETED',
    retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '2m' },
  });
}

/** Clean-up after a failure, a time-out or a cancel. */
export const cleanup = proxyActivities<Activities>({
  startToCloseTimeout: '5m',
  scheduleToCloseTimeout: CLEANUP_LIMIT,
  heartbeatTimeout: HEARTBEAT_TIMEOUT,
  cancellationType: 'WAIT_CANCELLATION_COMPLETED',
  retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '1m' },
});

/** The first step, on the shared queue: a file that is not there is an answer, not an outage. */
export const first = proxyActivities<Activities>({
  startToCloseTimeout: '1m',
  heartbeatTimeout: HEARTBEAT_TIMEOUT,
  cancellationType: 'WAIT_CANCELLATION_COMPLETED',
  // A few attempts, since another worker of the queue may be the one that sees the file.
  retry: { initialInterval: '300ms', backoffCoefficient: 1.5, maximumAttempts: 4 },
});

/** One group of workers that shares a folder is asked once. Its worker may be busy with uploads; one that is gone never answers. */
export function onGroup(taskQueue: string): ActivityInterfaceFor<Activities> {
  return proxyActivities<Activities>({
    taskQueue,
    startToCloseTimeout: '1m',
    scheduleToStartTimeout: '30s',
    heartbeatTimeout: HEARTBEAT_TIMEOUT,
    cancellationType: 'TRY_CANCEL',
    retry: { maximumAttempts: 1 },
  });
}

/** File work, on the queue of the workers that share the folder. Repeated freely: each step writes beside, then renames. */
export function onFiles(taskQueue: string, outageMs: number): ActivityInterfaceFor<Activities> {
  return proxyActivities<Activities>({
    taskQueue,
    // A hundred GB over a slow line take hours; the heartbeat notices a worker that died.
    startToCloseTimeout: '24h',
    // A full disk or an org that is out of reach is waited for; not for ever.
    scheduleToCloseTimeout: outageMs + LONGEST_STEP_MS,
    heartbeatTimeout: HEARTBEAT_TIMEOUT,
    cancellationType: 'WAIT_CANCELLATION_COMPLETED',
    retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '1m' },
  });
}

/** File work after a cancel: bounded like all of the clean-up. */
export function cleanupOnFiles(taskQueue: string): ActivityInterfaceFor<Activities> {
  return proxyActivities<Activities>({
    taskQueue,
    startToCloseTimeout: CLEANUP_LIMIT,
    scheduleToCloseTimeout: CLEANUP_LIMIT,
    heartbeatTimeout: HEARTBEAT_TIMEOUT,
    cancellationType: 'WAIT_CANCELLATION_COMPLETED',
    retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '1m' },
  });
}

/** The upload has one attempt: a PUT that failed, or may have failed, is never repeated on the same job. */
export function uploadOn(taskQueue: string, outageMs: number): ActivityInterfaceFor<Activities> {
  return proxyActivities<Activities>({
    taskQueue,
    startToCloseTimeout: '24h',
    // Workers that see the file may never come back: a part must not hold its place in the org's allocation for ever.
    // The day more is for those that are busy with other parts.
    scheduleToStartTimeout: outageMs + LONGEST_STEP_MS,
    heartbeatTimeout: HEARTBEAT_TIMEOUT,
    // Without the wait the job would be aborted while rows are still being sent.
    cancellationType: 'WAIT_CANCELLATION_COMPLETED',
    retry: { maximumAttempts: 1 },
  });
}

/** A look at the org's own figures; the next one comes anyway. */
export const reading = proxyActivities<Activities>({
  startToCloseTimeout: '1m',
  scheduleToCloseTimeout: '3m',
  heartbeatTimeout: HEARTBEAT_TIMEOUT,
  cancellationType: 'TRY_CANCEL',
  retry: { initialInterval: '2s', backoffCoefficient: 2, maximumAttempts: 3 },
});

/** Asking the org's ledger; it needs a login, whose outages are sat out like all others. */
export function asking(outageMs: number): ActivityInterfaceFor<Activities> {
  return proxyActivities<Activities>({
    startToCloseTimeout: '5m',
    scheduleToCloseTimeout: outageMs,
    heartbeatTimeout: HEARTBEAT_TIMEOUT,
    // A cancelled request is given back by the step itself.
    cancellationType: 'WAIT_CANCELLATION_COMPLETED',
    retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '1m' },
  });
}
