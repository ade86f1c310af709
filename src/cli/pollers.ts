/** Whether somebody works on the queues that a load needs, and whether who does is only busy. */
import type { Client, WorkflowExecutionDescription } from '@temporalio/client';
import { FILES_HOST_MEMO, FILES_QUEUE_MEMO } from '../contract.js';
import { groupsOf, isHostName, otherQueuesOf } from '../domain/file-groups.js';
import { pollersOf } from '../pollers-of.js';

/** Numbers of `temporal.api.enums.v1.TaskQueueType`. */
const WORKFLOW_TASKS = 1;
const ACTIVITY_TASKS = 2;
/** `PENDING_ACTIVITY_STATE_STARTED`; the SDK gives enums as numbers here. */
const STARTED = 2;
/** A worker asks again at least once a minute; a task that waits longer than this while "somebody" polls waits for a dead one, or for one that is busy. */
const BACKLOG_LIMIT_MS = 5_000;
/** A poll lasts a minute at most; who has not polled for longer has no slot free, or is gone. */
const POLL_LIMIT_MS = 70_000;
/** Steps heartbeat every few seconds: one whose heartbeat is younger runs on a worker that lives. */
const HEARTBEAT_LIMIT_MS = 15_000;
/** Other loads that are asked whether one of their steps keeps the queue's worker busy. */
const MOST_OTHERS = 20;

export interface Poller {
  identity: string;
  /** Since it last asked for work. */
  idleMs: number;
}

/** What is known of a queue; pure, so that each case can be tried. */
export interface QueueFacts {
  pollers: readonly Poller[];
  /** Tasks that wait, and how long the oldest has. */
  waiting: number;
  oldestMs: number;
  /** Those that poll the load's other queues: the same process has the same identity on each. */
  elsewhere: readonly Poller[];
  /** Age of the youngest heartbeat of a step that runs from this queue. */
  heartbeatMs: number | undefined;
}

/** `served`: somebody takes tasks. `busy`: somebody is there and has no slot free. `gone`: nobody is there. */
export type Attendance = 'served' | 'busy' | 'gone';

export function attendanceOf({ pollers, waiting, oldestMs, elsewhere, heartbeatMs }: QueueFacts): Attendance {
  const waits = waiting > 0 && oldestMs >= BACKLOG_LIMIT_MS;
  const polls = ({ idleMs }: Poller): boolean => idleMs < POLL_LIMIT_MS;
  if (pollers.some(polls) && !waits) return 'served';
  if (heartbeatMs !== undefined && heartbeatMs < HEARTBEAT_LIMIT_MS) return waits ? 'busy' : 'served';
  // Asked for work since the oldest task came: so it lives, and takes others first.
  const polledSince = ({ idleMs }: Poller): boolean => idleMs < POLL_LIMIT_MS && idleMs + 1_000 < oldestMs;
  if (!waits) return 'gone';
  if (pollers.some(polledSince)) return 'busy';
  const alive = new Set(elsewhere.filter(polledSince).map(({ identity }) => identity));
  return pollers.some(({ identity }) => alive.has(identity)) ? 'busy' : 'gone';
}

export interface QueueState {
  queue: string;
  attendance: Attendance;
  waiting: number;
  oldestMs: number;
  /** Of a files queue that nobody polls: the host that saw the source, and the queues of other folders that it polls. */
  host?: { name: string; otherQueues: string[] };
}

interface FilesPlace {
  filesQueue?: string | undefined;
  filesHost?: string | undefined;
}

interface LoadQueues extends FilesPlace {
  taskQueue: string;
}

/** Where a load's files are, as it noted it. */
export function filesPlaceOf({ memo }: Pick<WorkflowExecutionDescription, 'memo'>): FilesPlace {
  const host = memo?.[FILES_HOST_MEMO];
  // Of another program, or encrypted with keys that are not here.
  const queue = memo?.[FILES_QUEUE_MEMO];
  return {
    filesQueue: typeof queue === 'string' ? queue : undefined,
    filesHost: isHostName(host) ? host : undefined,
  };
}

/** The queues of a load, the one with its workflows first. */
export async function queueStates(
  client: Client,
  { taskQueue, filesQueue, filesHost }: LoadQueues,
): Promise<QueueState[]> {
  const [workflows, calls, files] = await Promise.all([
    readQueue(client, taskQueue, WORKFLOW_TASKS),
    readQueue(client, taskQueue, ACTIVITY_TASKS),
    filesQueue === undefined ? undefined : readQueue(client, filesQueue, ACTIVITY_TASKS),
  ]);
  const all = [workflows, calls, ...(files === undefined ? [] : [files])];
  return Promise.all(
    all
      // Steps of the queue with the workflows are taken by the same workers.
      .filter((read) => read !== calls || read.waiting > 0)
      .map(async (read) => {
        const state = await judge(client, taskQueue, read, all);
        if (read !== files || state.attendance !== 'gone' || filesHost === undefined) return state;
        const groups = groupsOf(await pollersOf(client, taskQueue).catch(() => []), taskQueue);
        return { ...state, host: { name: filesHost, otherQueues: otherQueuesOf(filesHost, groups, read.queue) } };
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
  let attendance = attendanceOf({ ...read, elsewhere, heartbeatMs: undefined });
  if (attendance === 'gone') {
    // Before somebody is told to start one: does a step of any load run from this queue?
    const heartbeatMs = await youngestHeartbeat(client, taskQueue, read.queue).catch(() => undefined);
    attendance = attendanceOf({ ...read, elsewhere, heartbeatMs });
  }
  return { queue: read.queue, attendance, waiting: read.waiting, oldestMs: read.oldestMs };
}

/** Names the queue that nobody works on, if there is one; one whose workers are busy is not. */
export async function unattendedQueue(
  client: Client,
  taskQueue: string,
  filesQueue: string | undefined,
): Promise<string | undefined> {
  const states = await queueStates(client, { taskQueue, filesQueue });
  return states.find(({ attendance }) => attendance === 'gone')?.queue;
}

/** Whether somebody takes activities from a queue, for workflows of `taskQueue`. */
export async function servesActivities(client: Client, queue: string, taskQueue: string): Promise<boolean> {
  const read = await readQueue(client, queue, ACTIVITY_TASKS);
  return (await judge(client, taskQueue, read, [read])).attendance !== 'gone';
}

/** What a person reads of a queue that holds the load up. */
export function queueLine({ queue, attendance, waiting, oldestMs, host }: QueueState, isFiles: boolean): string {
  if (attendance === 'busy') {
    return (
      `The workers of the task queue "${queue}" are busy: ${waiting} ${waiting === 1 ? 'task waits' : 'tasks wait'}, ` +
      `the oldest for ${Math.round(oldestMs / 1000)} s. The load goes on as soon as one is free; another worker makes it sooner.`
    );
  }
  const line = `No worker polls the task queue "${queue}". The load waits for one: start \`nightload worker\``;
  if (!isFiles) return `${line}.`;
  const where = host === undefined ? '' : ` on the host ${host.name}`;
  return `${line}${where} with the same NIGHTLOAD_FILE_ROOTS as before.${hostLine(host)}`;
}

/** A host may work for several folders at all times: only a person knows whether this one is new. */
function hostLine(host: QueueState['host']): string {
  if (host?.otherQueues[0] === undefined) return '';
  return (
    ` The host ${host.name} works for another folder now ("${host.otherQueues[0]}"). If its .nightload-id is new, the ` +
    'data folder was lost or is not mounted: bring it back, or cancel the load and load its file again after checking ' +
    'what landed.'
  );
}

interface QueueRead {
  queue: string;
  pollers: Poller[];
  waiting: number;
  oldestMs: number;
}

async function readQueue(client: Client, queue: string, taskQueueType: number): Promise<QueueRead> {
  const { pollers, stats } = await client.workflowService.describeTaskQueue({
    namespace: client.options.namespace,
    taskQueue: { name: queue },
    taskQueueType,
    reportStats: true,
  });
  return {
    queue,
    pollers: (pollers ?? []).map(({ identity, lastAccessTime }) => ({
      identity: identity ?? '',
      idleMs: ageOf(lastAccessTime),
    })),
    waiting: Number(stats?.approximateBacklogCount ?? 0),
    oldestMs: Number(stats?.approximateBacklogAge?.seconds ?? 0) * 1000,
  };
}

/** By our clock; one that is a little behind the server's makes nothing negative of it. */
function ageOf(time: { seconds?: unknown; nanos?: number | null } | null | undefined): number {
  if (!time) return Number.POSITIVE_INFINITY;
  return Math.max(0, Date.now() - Number(time.seconds ?? 0) * 1000 - (time.nanos ?? 0) / 1e6);
}

/** Age of the youngest heartbeat among the running steps that came from a queue. */
async function youngestHeartbeat(client: Client, taskQueue: string, queue: string): Promise<number | undefined> {
  const { workflowService, options } = client;
  const { namespace } = options;
  const { executions } = await workflowService.listWorkflowExecutions({
    namespace,
    pageSize: MOST_OTHERS,
    query: `TaskQueue = '${taskQueue.replace(/'/g, "\\'")}' AND ExecutionStatus = 'Running'`,
  });
  const ages = await Promise.all(
    (executions ?? []).map(async ({ execution }) => {
      const { pendingActivities } = await workflowService
        .describeWorkflowExecution({ namespace, execution: execution ?? {} })
        .catch(() => ({ pendingActivities: [] }));
      return (pendingActivities ?? [])
        .filter(({ state, activityOptions }) => Number(state) === STARTED && activityOptions?.taskQueue?.name === queue)
        .map(({ lastHeartbeatTime }) => ageOf(lastHeartbeatTime));
    }),
  );
  const youngest = Math.min(...ages.flat());
  return Number.isFinite(youngest) ? youngest : undefined;
}
