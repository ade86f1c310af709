/** Whether workers poll the queues that a load needs, and whether they are only busy. */
import type { Client, WorkflowExecutionDescription } from '@temporalio/client';
import { FILES_HOST_MEMO, FILES_QUEUE_MEMO } from '../../../contract/names.js';
import type { ShownInput } from '../../../client/answers/shown-input.js';
import { listRuns } from '../../../client/pages.js';
import { quoted } from '../../../domain/text/visibility-query.js';
import { defined } from '../../../domain/defined.js';
import { startAdvice } from '../../../domain/text/missing-workers.js';
import { isTaskQueue } from '../../../domain/text/shown.js';
import { groupsOf, isHostName, otherQueuesOf, uploadsQueueOf } from '../../../domain/file-groups.js';
import { ACTIVITY_TASKS, ageOf, describeQueue, pollersOf, WORKFLOW_TASKS } from '../../../domain/task-queue-facts.js';
import type { QueuePoller } from '../../../domain/task-queue-facts.js';
import { isOfVersion, lacksVersion, versionOf } from './worker-versions.js';
import type { WorkerVersion } from './worker-versions.js';

/** `PENDING_ACTIVITY_STATE_STARTED`; the SDK gives enums as numbers here. */
const STARTED = 2;
/**
 * A worker polls at least once a minute; a task that waits longer than this despite a poller waits for a dead worker,
 * or for a busy one.
 */
const BACKLOG_LIMIT_MS = 5_000;
/** A poll lasts at most a minute; a worker that has not polled for longer has no free slot, or is gone. */
const POLL_LIMIT_MS = 70_000;
/** Steps heartbeat every few seconds: one with a younger heartbeat runs on a live worker. */
const HEARTBEAT_LIMIT_MS = 15_000;
/** Other loads that are checked for steps that keep the queue's worker busy. */
const MAX_OTHERS = 20;

type Poller = Pick<QueuePoller, 'identity' | 'idleMs'>;

/** What is known about a queue; pure, so that each case can be tested. */
export interface QueueFacts {
  pollers: readonly Poller[];
  /** Waiting tasks, and the age of the oldest. */
  waiting: number;
  oldestMs: number;
  /** Pollers of the load's other queues: a process has the same identity on each. */
  elsewhere: readonly Poller[];
  /** Age of the youngest heartbeat of a running step from this queue. */
  heartbeatMs: number | undefined;
}

/** `served`: a worker polls for tasks. `busy`: a worker is running but has no free slot. `none`: there is no worker. */
export type Service = 'served' | 'busy' | 'none';

export function serviceOf({ pollers, waiting, oldestMs, elsewhere, heartbeatMs }: QueueFacts): Service {
  const waits = waiting > 0 && oldestMs >= BACKLOG_LIMIT_MS;
  const polls = ({ idleMs }: Poller): boolean => idleMs < POLL_LIMIT_MS;
  if (pollers.some(polls) && !waits) return 'served';
  if (heartbeatMs !== undefined && heartbeatMs < HEARTBEAT_LIMIT_MS) return waits ? 'busy' : 'served';
  // It has polled since the oldest task arrived: it is alive, and takes other tasks first.
  const polledSince = ({ idleMs }: Poller): boolean => idleMs < POLL_LIMIT_MS && idleMs + 1_000 < oldestMs;
  if (!waits) return 'none';
  if (pollers.some(polledSince)) return 'busy';
  const alive = new Set(elsewhere.filter(polledSince).map(({ identity }) => identity));
  return pollers.some(({ identity }) => alive.has(identity)) ? 'busy' : 'none';
}

export interface QueueState {
  queue: string;
  service: Service;
  waiting: number;
  oldestMs: number;
  /** The version of its workers, when no version is current: they get no task. */
  notCurrent?: WorkerVersion;
  /** The load's version, when only workers of others poll. */
  missingVersion?: WorkerVersion;
  /** The version that the load is pinned to: workers of others do not help. */
  version?: WorkerVersion;
  /** For the queues of steps on files: the group's queue, and the connection whose uploads run on this one. */
  files?: { filesQueue: string; connection?: string };
  /** Without pollers: the host that saw the source, and the queues of other folders that it polls. */
  host?: { name: string; otherQueues: string[] };
}

interface FilesPlace {
  filesQueue?: string | undefined;
  filesHost?: string | undefined;
}

interface LoadQueues extends FilesPlace {
  taskQueue: string;
  /** Of the load, if it is known: then the queue of its uploads is read too. */
  connection?: string | undefined;
  /** The version on which the load stays, if it is pinned to one. */
  version?: WorkerVersion | undefined;
}

/** Where a load's files are, according to the load's memo. */
export function filesPlaceOf({ memo }: Pick<WorkflowExecutionDescription, 'memo'>): FilesPlace {
  const host = memo?.[FILES_HOST_MEMO];
  // From another program, or encrypted with keys that are not available here.
  const queue = memo?.[FILES_QUEUE_MEMO];
  return {
    filesQueue: isTaskQueue(queue) ? queue : undefined,
    filesHost: isHostName(host) ? host : undefined,
  };
}

/** The connection of a load; unknown if its input is unreadable here. */
export function connectionOf(input: Pick<ShownInput, 'connection'> | undefined): string | undefined {
  return input === undefined ? undefined : (input.connection ?? 'default');
}

/** The queues of a load, the workflow queue first. */
export async function queueStates(
  client: Client,
  { taskQueue, filesQueue, filesHost, connection, version }: LoadQueues,
): Promise<QueueState[]> {
  const uploadsQueue =
    filesQueue === undefined || connection === undefined ? undefined : uploadsQueueOf(filesQueue, connection);
  const read = (queue: string | undefined): Promise<QueueRead> | undefined =>
    queue === undefined ? undefined : readQueue(client, queue, ACTIVITY_TASKS, version);
  const [workflows, calls, files, uploads] = await Promise.all([
    readQueue(client, taskQueue, WORKFLOW_TASKS, version),
    readQueue(client, taskQueue, ACTIVITY_TASKS, version),
    read(filesQueue),
    uploadsQueue === filesQueue ? undefined : read(uploadsQueue),
  ]);
  const all = [workflows, calls, files, uploads].filter((one) => one !== undefined);
  return Promise.all(
    all
      // Activities on the workflow queue are taken by the same workers.
      .filter((one) => one !== calls || one.waiting > 0)
      .map(async (one): Promise<QueueState> => {
        const state = { ...(await judge(client, taskQueue, one, all)), ...defined({ version }) };
        if (filesQueue === undefined || (one !== files && one !== uploads)) return state;
        const ours = { ...state, files: { filesQueue, ...(one === uploads && defined({ connection })) } };
        if (state.service !== 'none' || filesHost === undefined) return ours;
        const groups = groupsOf(await pollersOf(client, taskQueue).catch(() => []), taskQueue);
        return { ...ours, host: { name: filesHost, otherQueues: otherQueuesOf(filesHost, groups, filesQueue) } };
      }),
  );
}

async function judge(
  client: Client,
  taskQueue: string,
  read: QueueRead,
  all: readonly QueueRead[],
): Promise<QueueState> {
  const elsewhere = all.filter((other) => other !== read).flatMap(({ pollers }) => pollers);
  let service = serviceOf({ ...read, elsewhere, heartbeatMs: undefined });
  if (service === 'none') {
    // Before advising to start a worker: does a step of any load run from this queue?
    const heartbeatMs = await youngestHeartbeat(client, taskQueue, read.queue).catch(() => undefined);
    service = serviceOf({ ...read, elsewhere, heartbeatMs });
  }
  const { queue, waiting, oldestMs, notCurrent, missingVersion } = read;
  if (missingVersion !== undefined) return { queue, service: 'none', waiting, oldestMs, missingVersion };
  if (notCurrent === undefined || service === 'served') return { queue, service, waiting, oldestMs };
  return { queue, service: 'none', waiting, oldestMs, notCurrent };
}

/** Returns the queue that no worker polls, if any; a queue whose workers are busy does not count. */
export async function unattendedQueue(
  client: Client,
  taskQueue: string,
  filesQueue: string | undefined,
): Promise<string | undefined> {
  const states = await queueStates(client, { taskQueue, filesQueue });
  return states.find(({ service }) => service === 'none')?.queue;
}

/** Whether a worker takes activities from a queue, for workflows of `taskQueue`. */
export async function servesActivities(client: Client, queue: string, taskQueue: string): Promise<boolean> {
  const read = await readQueue(client, queue, ACTIVITY_TASKS);
  return (await judge(client, taskQueue, read, [read])).service !== 'none';
}

/** Text about a queue that delays the load. */
export function queueLine({ queue, service, waiting, oldestMs, host, ...uses }: QueueState): string {
  if (service === 'busy') {
    const tasks = `${waiting} ${waiting === 1 ? 'task waits' : 'tasks wait'}, the oldest for ${Math.round(oldestMs / 1000)} s`;
    // Temporal lists the pollers of a worker that ended for a while.
    return uses.version === undefined
      ? `The workers of the task queue "${queue}" are busy: ${tasks}. The load resumes when one is free; add a worker to speed it up.`
      : `The workers of the load's version on the task queue "${queue}" are busy or gone: ${tasks}. The load resumes when one is ` +
          `free; if none runs, start \`nightload worker\` ${withVersion(uses.version)}.`;
  }
  if (uses.missingVersion !== undefined) {
    return (
      `No worker of the load's version polls the task queue "${queue}", only workers of others. A load stays on the version that ` +
      `began it: start \`nightload worker\` of that version, ${withVersion(uses.missingVersion)}.`
    );
  }
  if (uses.notCurrent !== undefined) {
    const { deploymentName, buildId } = uses.notCurrent;
    return (
      `The workers of the task queue "${queue}" are a version of the deployment ${deploymentName}, but no version is ` +
      'current, so they get no load: `temporal worker deployment set-current-version ' +
      `--deployment-name ${deploymentName} --build-id ${buildId}\`.`
    );
  }
  const line = `No worker polls the task queue "${queue}". The load waits for one`;
  if (uses.version !== undefined && uses.files === undefined) {
    return `No worker of the load's version takes tasks of the task queue "${queue}". Start \`nightload worker\` ${withVersion(uses.version)}.`;
  }
  if (uses.files === undefined) return `${line}: start \`nightload worker\`.`;
  return `${line}: ${startAdvice({ ...uses.files, host: host?.name })}.${hostLine(host)}`;
}

function withVersion({ deploymentName, buildId }: WorkerVersion): string {
  return `with NIGHTLOAD_DEPLOYMENT=${deploymentName} and NIGHTLOAD_BUILD_ID=${buildId}`;
}

/** A host may serve several folders permanently: only a person knows whether this one is new. */
function hostLine(host: QueueState['host']): string {
  if (host?.otherQueues[0] === undefined) return '';
  return (
    ` The host ${host.name} now serves another folder ("${host.otherQueues[0]}"). If its .nightload-id is new, the ` +
    'data folder was lost or is not mounted: restore it, or cancel the load and load its file again after checking ' +
    'what landed.'
  );
}

interface QueueRead {
  queue: string;
  notCurrent: WorkerVersion | undefined;
  missingVersion: WorkerVersion | undefined;
  pollers: Poller[];
  waiting: number;
  oldestMs: number;
}

async function readQueue(
  { workflowService, options }: Client,
  queue: string,
  taskQueueType: number,
  version?: WorkerVersion,
): Promise<QueueRead> {
  const { namespace } = options;
  const { pollers, waiting, oldestMs, versioningInfo } = await describeQueue(workflowService, {
    namespace,
    queue,
    taskQueueType,
  });
  const isCurrent =
    versioningInfo?.currentDeploymentVersion != null || versioningInfo?.rampingDeploymentVersion != null;
  const recent = pollers.filter(({ idleMs }) => idleMs < POLL_LIMIT_MS);
  return {
    queue,
    notCurrent: isCurrent ? undefined : versionOf(recent),
    missingVersion: version !== undefined && lacksVersion(recent, version) ? version : undefined,
    // Only those of the load's version can take its tasks.
    pollers: pollers
      .filter((poller) => version === undefined || isOfVersion(poller, version))
      .map(({ identity, idleMs }) => ({ identity, idleMs })),
    waiting: waiting ?? 0,
    oldestMs,
  };
}

/** Age of the youngest heartbeat among the running steps from a queue. */
async function youngestHeartbeat(client: Client, taskQueue: string, queue: string): Promise<number | undefined> {
  const { workflowService, options } = client;
  const { namespace } = options;
  const query = `TaskQueue = ${quoted(taskQueue)} AND ExecutionStatus = 'Running'`;
  const { entries } = await listRuns(client, query, { limit: MAX_OTHERS, show: ({ execution }) => execution });
  const ages = await Promise.all(
    entries.map(async (execution) => {
      const { pendingActivities } = await workflowService
        .describeWorkflowExecution({ namespace, execution })
        .catch(() => ({ pendingActivities: [] }));
      return (pendingActivities ?? [])
        .filter(({ state, activityOptions }) => Number(state) === STARTED && activityOptions?.taskQueue?.name === queue)
        .map(({ lastHeartbeatTime }) => ageOf(lastHeartbeatTime));
    }),
  );
  const youngest = Math.min(...ages.flat());
  return Number.isFinite(youngest) ? youngest : undefined;
}
