/**
 * The activities as workflows see them: which queue, which timeouts, which retries, and why. Heartbeats (5 s) decide
 * how fast a dead worker is noticed; start-to-close is only an upper bound that no step should ever need.
 */
import { proxyActivities } from '@temporalio/workflow';
import type { ActivityInterfaceFor } from '@temporalio/workflow';
import type { Activities } from '../../activities/index.js';
import { ANY_WORKER, uploadsQueueOf } from '../../domain/file-groups.js';
import type { FileGroup } from '../../domain/file-groups.js';
import type { FilesPlace } from '../../domain/text/missing-workers.js';
import { tellingUntaken } from './untaken-steps.js';
import type { TellWait } from './untaken-steps.js';

/**
 * After a cancellation people do not want to wait forever: what could not be cleaned up by then is named in the error.
 */
const CLEANUP_LIMIT = '15m';

/** Workers send a heartbeat every 2.5 s: see `HEARTBEATS` of `src/workers/create-worker.ts`. */
const HEARTBEAT_TIMEOUT = '5s';
/** A killed worker's step waits so long too. Replies that ask for a longer wait get it. */
const FIRST_RETRY = '250ms';
const MAX_STEP_MS = 86_400_000;

/**
 * Calls to Salesforce that touch no file: any worker of the queue may do them.
 * @param outageMs the longest outage that a load waits out before it ends cleanly
 */
export function salesforceActivities(outageMs: number): ActivityInterfaceFor<Activities> {
  return proxyActivities<Activities>({
    startToCloseTimeout: '5m',
    scheduleToCloseTimeout: outageMs,
    heartbeatTimeout: HEARTBEAT_TIMEOUT,
    // A job id that arrives after the cancellation must still be recorded, or the job stays Open forever.
    cancellationType: 'WAIT_CANCELLATION_COMPLETED',
    retry: { initialInterval: FIRST_RETRY, backoffCoefficient: 2, maximumInterval: '2m' },
  });
}

/** Clean-up after a failure, a timeout or a cancellation. */
export const cleanupActivities = proxyActivities<Activities>({
  startToCloseTimeout: '5m',
  scheduleToCloseTimeout: CLEANUP_LIMIT,
  heartbeatTimeout: HEARTBEAT_TIMEOUT,
  cancellationType: 'WAIT_CANCELLATION_COMPLETED',
  retry: { initialInterval: FIRST_RETRY, backoffCoefficient: 2, maximumInterval: '1m' },
});

/** The first step, on the shared queue: a missing file is an answer, not an outage. */
export const locateActivities = proxyActivities<Activities>({
  startToCloseTimeout: '1m',
  heartbeatTimeout: HEARTBEAT_TIMEOUT,
  cancellationType: 'WAIT_CANCELLATION_COMPLETED',
  // A few attempts, since another worker on the queue may see the file.
  retry: { initialInterval: '300ms', backoffCoefficient: 1.5, maximumAttempts: 4 },
});

/** The same step once an object store is known to be down: waits for it, like all steps that come later. */
export function outlastingActivities(outageMs: number): ActivityInterfaceFor<Activities> {
  return proxyActivities<Activities>({
    startToCloseTimeout: '5m',
    scheduleToCloseTimeout: outageMs,
    heartbeatTimeout: HEARTBEAT_TIMEOUT,
    cancellationType: 'WAIT_CANCELLATION_COMPLETED',
    retry: { initialInterval: '2s', backoffCoefficient: 2, maximumInterval: '1m' },
  });
}

/** Without a queue, the workflow's own. */
function onQueue(taskQueue: string): { taskQueue?: string } {
  return taskQueue === ANY_WORKER ? {} : { taskQueue };
}

/**
 * Asks one group of workers that shares a folder, once. Its worker may be busy with uploads; one that is gone never
 * answers.
 */
export function groupActivities(taskQueue: string): ActivityInterfaceFor<Activities> {
  return proxyActivities<Activities>({
    ...onQueue(taskQueue),
    startToCloseTimeout: '1m',
    scheduleToStartTimeout: '30s',
    heartbeatTimeout: HEARTBEAT_TIMEOUT,
    cancellationType: 'TRY_CANCEL',
    retry: { maximumAttempts: 1 },
  });
}

/**
 * File work, on the queue of the workers that share the folder. Safe to repeat: each step writes a temporary file, then
 * renames it.
 * @param tell receives what a step waits for that no worker takes; otherwise nobody is told
 */
export function fileActivities(
  { filesQueue, host }: Omit<FilesPlace, 'connection'>,
  outageMs: number,
  tell?: TellWait,
): ActivityInterfaceFor<Activities> {
  // Without the connection that a part also has: it would name the queue of uploads.
  const place: FilesPlace = { filesQueue, host };
  const activities = proxyActivities<Activities>({
    ...onQueue(filesQueue),
    // A hundred GB over a slow line take hours; the heartbeat notices a worker that died.
    startToCloseTimeout: '24h',
    // Waits for a full disk or an unreachable org, but not forever.
    scheduleToCloseTimeout: outageMs + MAX_STEP_MS,
    heartbeatTimeout: HEARTBEAT_TIMEOUT,
    cancellationType: 'WAIT_CANCELLATION_COMPLETED',
    retry: { initialInterval: FIRST_RETRY, backoffCoefficient: 2, maximumInterval: '1m' },
  });
  return tellingIfAsked(activities, place, tell);
}

function tellingIfAsked(
  activities: ActivityInterfaceFor<Activities>,
  place: FilesPlace,
  tell: TellWait | undefined,
): ActivityInterfaceFor<Activities> {
  if (tell === undefined || place.filesQueue === ANY_WORKER) return activities;
  const listGroups = (): Promise<FileGroup[]> =>
    readActivities.listFileGroups.executeWithOptions({ summary: 'no worker takes a step: list pollers' }, []);
  return tellingUntaken(activities, { place, tell, listGroups });
}

/** File work after a cancellation: bounded like all clean-up. */
export function fileCleanupActivities(taskQueue: string): ActivityInterfaceFor<Activities> {
  return proxyActivities<Activities>({
    ...onQueue(taskQueue),
    startToCloseTimeout: CLEANUP_LIMIT,
    scheduleToCloseTimeout: CLEANUP_LIMIT,
    heartbeatTimeout: HEARTBEAT_TIMEOUT,
    cancellationType: 'WAIT_CANCELLATION_COMPLETED',
    retry: { initialInterval: FIRST_RETRY, backoffCoefficient: 2, maximumInterval: '1m' },
  });
}

/**
 * Removal of old files, on the queue of the workers that share the folder. A group without a worker must not hold up the
 * others. A repeated step counts only what it removes itself.
 */
export function pruneActivities(taskQueue: string): ActivityInterfaceFor<Activities> {
  return proxyActivities<Activities>({
    ...onQueue(taskQueue),
    // A step ends by itself after 20 s, plus the time for the load that it has begun: in an object store, each of a
    // hundred thousand files is a request.
    startToCloseTimeout: '2h',
    scheduleToStartTimeout: '30s',
    heartbeatTimeout: HEARTBEAT_TIMEOUT,
    // It stops between two files, and nothing else needs its answer.
    cancellationType: 'TRY_CANCEL',
    retry: { initialInterval: '1s', backoffCoefficient: 2, maximumAttempts: 3 },
  });
}

/**
 * The upload has one attempt: a PUT that failed, or may have failed, is never repeated on the same job. One that no
 * worker took was not sent.
 */
export function uploadActivities(
  place: FilesPlace & { connection: string },
  outageMs: number,
  tell: TellWait,
): ActivityInterfaceFor<Activities> {
  const activities = proxyActivities<Activities>({
    ...onQueue(uploadsQueueOf(place.filesQueue, place.connection)),
    startToCloseTimeout: '24h',
    // Workers that see the file may never come back: a part must not hold its place in the org's allocation forever.
    // The extra day is for workers that are busy with other parts.
    scheduleToStartTimeout: outageMs + MAX_STEP_MS,
    heartbeatTimeout: HEARTBEAT_TIMEOUT,
    // Without the wait the job would be aborted while rows are still being sent.
    cancellationType: 'WAIT_CANCELLATION_COMPLETED',
    retry: { maximumAttempts: 1 },
  });
  return tellingIfAsked(activities, place, tell);
}

/** Short questions, which can be asked again later. */
const READ = {
  startToCloseTimeout: '1m',
  scheduleToCloseTimeout: '3m',
  heartbeatTimeout: HEARTBEAT_TIMEOUT,
  retry: { initialInterval: '2s', backoffCoefficient: 2, maximumAttempts: 3 },
} as const;

/**
 * Whether a child has ended. Not canceled: Temporal answers in seconds, and usually the child's end crosses with the
 * answer.
 */
export const childActivities = proxyActivities<Activities>({ ...READ, cancellationType: 'ABANDON' });

/** Reads figures from the org; the next check follows anyway. */
export const readActivities = proxyActivities<Activities>({ ...READ, cancellationType: 'TRY_CANCEL' });

/** The first step of a run that continues another one; nothing else happens before its answer. */
export function earlierRunActivities(outageMs: number): ActivityInterfaceFor<Activities> {
  return proxyActivities<Activities>({
    // It sends no heartbeat.
    startToCloseTimeout: '8s',
    scheduleToCloseTimeout: outageMs,
    cancellationType: 'TRY_CANCEL',
    retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '1m' },
  });
}

/** A line in the worker's log; nothing waits for it for long. */
export const logActivities = proxyActivities<Activities>({
  startToCloseTimeout: '10s',
  scheduleToCloseTimeout: '30s',
  retry: { initialInterval: '1s', maximumAttempts: 3 },
});

/** Requests to the org's ledger; they need a login, whose outages are waited out like all others. */
export function ledgerActivities(outageMs: number): ActivityInterfaceFor<Activities> {
  return proxyActivities<Activities>({
    startToCloseTimeout: '5m',
    scheduleToCloseTimeout: outageMs,
    heartbeatTimeout: HEARTBEAT_TIMEOUT,
    // The step itself gives back a canceled request.
    cancellationType: 'WAIT_CANCELLATION_COMPLETED',
    retry: { initialInterval: FIRST_RETRY, backoffCoefficient: 2, maximumInterval: '1m' },
  });
}

/** Who is told about a load that has not begun; nothing waits for it for long. */
export const notifyRulesActivities = proxyActivities<Activities>({
  startToCloseTimeout: '10s',
  scheduleToCloseTimeout: '30s',
  heartbeatTimeout: HEARTBEAT_TIMEOUT,
  retry: { initialInterval: '1s', maximumAttempts: 3 },
});

const PING = {
  startToCloseTimeout: '20s',
  cancellationType: 'TRY_CANCEL',
  retry: { initialInterval: '5s', backoffCoefficient: 2, maximumInterval: '1m' },
} as const;

/** Pings a heartbeat when a load begins. */
export const startPingActivities = proxyActivities<Activities>({ ...PING, scheduleToCloseTimeout: '5m' });

/** Pings it when the load has ended: what is told later than this comes after the alarm. */
export const endPingActivities = proxyActivities<Activities>({ ...PING, scheduleToCloseTimeout: '15m' });

/** Reads the schedules. Whatever fails is tried again: the watcher must outlive every outage. */
export const scheduleActivities = proxyActivities<Activities>({
  startToCloseTimeout: '5m',
  heartbeatTimeout: HEARTBEAT_TIMEOUT,
  cancellationType: 'TRY_CANCEL',
  retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '5m' },
});

/** Notes in the report of a load that has ended: no message waits for them. */
export function noteActivities(filesQueue: string): ActivityInterfaceFor<Activities> {
  return proxyActivities<Activities>({
    ...onQueue(filesQueue),
    startToCloseTimeout: '5m',
    scheduleToCloseTimeout: '12h',
    heartbeatTimeout: HEARTBEAT_TIMEOUT,
    cancellationType: 'TRY_CANCEL',
    retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '1m' },
  });
}

/** For messages that wait until a worker is there. */
export const notifyActivities = proxyActivities<Activities>({
  startToCloseTimeout: '30s',
  scheduleToCloseTimeout: '12h',
  heartbeatTimeout: HEARTBEAT_TIMEOUT,
  retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '1m' },
});

/**
 * One attempt, because the workflow decides whether to repeat a message. The heartbeat is the note that the message is
 * about to be sent: only the first one reaches the server at once, so it is the only one.
 */
export const sendActivities = proxyActivities<Activities>({
  // A mail server may take a minute to greet.
  startToCloseTimeout: '3m',
  heartbeatTimeout: '90s',
  scheduleToCloseTimeout: '12h',
  retry: { maximumAttempts: 1 },
});
