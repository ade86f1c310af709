/**
 * A nightload worker: workflows and calls to Salesforce on the shared queue, file work on the queue of the workers that
 * share its folders, and on that of the workers that use object stores; uploads on a queue for each org next to these.
 * Each queue has its own slots.
 */
import { hostname } from 'node:os';
import { join } from 'node:path';
import { Runtime, Worker } from '@temporalio/worker';
import type { DataConverter } from '@temporalio/common';
import type { NativeConnection, WorkerOptions, WorkflowBundleOption } from '@temporalio/worker';
import { createActivities } from '../activities/index.js';
import type { Activities } from '../activities/index.js';
import type { Notifier } from '../activities/notify/notifier.js';
import { recordWith } from '../activities/metrics.js';
import { workerConverter } from '../codec/data-converter.js';
import { identityWithGroup, MAX_FILES_QUEUE_BYTES, objectsQueueOf, uploadsQueueOf } from '../domain/file-groups.js';
import { bytesOf, shown } from '../domain/text/shown.js';
import { NightloadError } from '../errors.js';
import { nightloadServiceHandler } from './nexus-handler.js';
import type { Allow } from '../salesforce/config/allow-list.js';
import type { SalesforceConnection } from '../salesforce/bulk-client.js';
import type { Allocation } from '../domain/platform/allocation-settings.js';
import { withCauses } from '../domain/text/plain-text.js';
import { folderUri } from '../storage/locations.js';
import type { FileRoots } from '../storage/files/file-roots.js';
import { maxUnpackedFrom } from '../storage/unpacked-limit.js';
import { temporalError } from '../client/temporal-errors.js';
import { workflowBundle } from './bundle.js';
import { announceCounters } from './monitoring/announce-counters.js';
import { callerChecks } from './caller-check.js';
import {
  jobOwner,
  jobWorkflows,
  knownSearchAttributes,
  registerSearchAttributes,
} from './startup/search-attributes.js';
import { watchSchedules } from './startup/schedule-watcher.js';
import { defined } from '../domain/defined.js';
import { deploymentOptions } from './versions/deployment.js';
import type { Deployment } from './versions/deployment.js';
import { slotsFrom, WorkerSlots } from './slots.js';
import type { SlotOptions, Slots } from './slots.js';

export interface NightloadWorkerOptions {
  connection: NativeConnection;
  namespace: string;
  taskQueue: string;
  /** Open connections to orgs, by name. Closed when the worker ends. */
  connections: ReadonlyMap<string, SalesforceConnection>;
  /** How much of the orgs' rolling limits they may use, by the same names. @default the platform's limits */
  allocations?: ReadonlyMap<string, Allocation>;
  /** What connections may be used for, by the same names. @default everything */
  allows?: ReadonlyMap<string, Allow>;
  /** Fixers that loads may name, as `activity@taskQueue`. @default none */
  fixers?: ReadonlySet<string>;
  /** Who is told about loads. @default nobody */
  notifier?: Notifier | undefined;
  /** Address of the Temporal UI, with a `/` at its end. @default no links */
  uiUrl?: string | undefined;
  roots: FileRoots;
  /** Maximum size in bytes of a decompressed source. @default `NIGHTLOAD_MAX_UNPACKED`, otherwise 50 GB */
  maxUnpackedBytes?: number;
  /** `file:` prefix for loads that name no output. @default `<first root>/nightload-results/` */
  defaultOutput?: string;
  /** Codecs and converters of payloads. @default none: nothing is encrypted */
  dataConverter?: DataConverter;
  /** How many steps run at a time. @default `NIGHTLOAD_MAX_UPLOADS` and the like */
  slots?: Slots;
  /** Plugins of the SDK. @default none */
  plugins?: NonNullable<WorkerOptions['plugins']>;
  /** @default no versioning */
  deployment?: Deployment | undefined;
  /** @default the prebuilt bundle */
  workflowBundle?: WorkflowBundleOption;
}

export interface RunningWorker extends Readonly<WorkerQueues> {
  /** Under which it polls. */
  identity: string;
  /** Connection in use. */
  connection(): NativeConnection;
  /** Resolves when the worker has ended; rejects when it could not continue. */
  done: Promise<void>;
  /** Lets running steps finish for a while, then ends. */
  stop(): Promise<void>;
  /** Continues with another connection to the same server, for example with a new certificate. Returns the old one. */
  replaceConnection(connection: NativeConnection): NativeConnection;
}

/**
 * How long running steps may take to finish when the worker stops; then they are canceled, then abandoned, and another
 * worker repeats them. All of it, including closing connections, stays within the 30 s that Kubernetes allows.
 */
export const SHUTDOWN = { shutdownGraceTime: '20s', shutdownForceTime: '25s' } as const;
const CLOSE_LIMIT_MS = 2_000;

/**
 * How often the SDK passes on the heartbeats of a step. Its own rule, 80 % of the heartbeat timeout, would leave one
 * second of the five for a machine or a server that is busy.
 */
export const HEARTBEATS = { maxHeartbeatThrottleInterval: '2.5s' } as const;

/** Queues of a worker besides the shared one. */
export interface WorkerQueues {
  /** For steps that read or write files. */
  filesQueue: string;
  /** For steps of loads that lie in object stores; absent without `NIGHTLOAD_S3_ROOTS`. */
  objectsQueue?: string;
  /** For uploads: one queue for each org next to each of the others. */
  uploadsQueues: string[];
}

/** nightload's activities, and the queues on which they run besides the shared one. */
export interface PreparedActivities extends WorkerQueues {
  activities: Activities;
}

/**
 * The activities of loads, and the queues for those that read or write files.
 * @throws NightloadError `TEMPORAL_NAMESPACE_NOT_FOUND`, `TEMPORAL_PERMISSION_DENIED` and similar
 */
export async function prepareActivities(
  options: Omit<NightloadWorkerOptions, 'workflowBundle' | 'dataConverter'>,
  current: () => NativeConnection = () => options.connection,
): Promise<PreparedActivities> {
  const { connection, namespace, taskQueue, roots } = options;
  // An SDK worker would start, and only then end with the library's own message.
  await connection.workflowService.describeNamespace({ namespace }).catch((error: unknown) => {
    const found = temporalError(error, { namespace });
    // A test server may lack this call.
    if (found?.code !== 'TEMPORAL_REFUSED') throw found ?? error;
  });
  await registerSearchAttributes(connection, namespace);
  recordWith(Runtime.instance().metricMeter);
  announceCounters(Runtime.instance().metricMeter, { namespace, taskQueue });
  const filesQueue = `${taskQueue}-files-${await roots.id()}`;
  if (bytesOf(filesQueue) > MAX_FILES_QUEUE_BYTES)
    throw new NightloadError('USAGE', `The task queue ${shown(taskQueue)} is too long: use at most 180 bytes.`);
  // Only a worker that can read objects takes steps on them.
  const objectsQueue = roots.objects.length > 0 ? objectsQueueOf(taskQueue) : undefined;
  const warn = (text: string): void => Runtime.instance().logger.warn(text);
  const activities = createActivities({
    connections: options.connections,
    ...defined({
      allocations: options.allocations,
      allows: options.allows,
      fixers: options.fixers,
      notifier: options.notifier,
      uiUrl: options.uiUrl,
    }),
    roots,
    maxUnpackedBytes: options.maxUnpackedBytes ?? maxUnpackedFrom(process.env),
    filesQueue,
    ...defined({ objectsQueue }),
    defaultOutput: options.defaultOutput ?? folderUri(join(roots.folders[0], 'nightload-results')),
    searchAttributes: () => knownSearchAttributes(current(), namespace),
    ...callerChecks({
      connection: current,
      namespace,
      taskQueue,
      warn,
    }),
    ownerOf: (jobId) => jobOwner(current(), namespace, jobId),
    workflowsOf: (jobId) => jobWorkflows(current(), namespace, jobId),
  });
  if (options.notifier?.graceMs !== undefined) await watchSchedules({ connection, namespace, taskQueue, warn });
  const uploads = [filesQueue, objectsQueue ?? filesQueue].flatMap((queue) =>
    [...options.connections.keys()].map((name) => uploadsQueueOf(queue, name)),
  );
  return { activities, filesQueue, ...defined({ objectsQueue }), uploadsQueues: [...new Set(uploads)] };
}

/** Options of the workers next to the one of the shared queue. */
export function workersBeside(
  { filesQueue, objectsQueue, uploadsQueues }: WorkerQueues,
  slots: WorkerSlots,
): (SlotOptions & { taskQueue: string })[] {
  const fileQueues = objectsQueue === undefined ? [filesQueue] : [filesQueue, objectsQueue];
  return [
    ...fileQueues.map((taskQueue) => ({ ...slots.for('fileSteps'), taskQueue })),
    ...uploadsQueues.map((taskQueue) => ({ ...slots.for('uploads'), taskQueue })),
  ];
}

/** Shows readers of the shared queue's pollers which folder this worker has. */
export function groupIdentity(taskQueue: string, filesQueue: string, own = `${process.pid}@${hostname()}`): string {
  return identityWithGroup(own, taskQueue, filesQueue);
}

export async function startWorker(options: NightloadWorkerOptions): Promise<RunningWorker> {
  const { connection, namespace, taskQueue } = options;
  let current = connection;
  const slots = new WorkerSlots(options.slots ?? slotsFrom(process.env));
  const { activities, ...queues } = await prepareActivities(options, () => current);
  const identity = groupIdentity(taskQueue, queues.filesQueue);
  const common: Omit<WorkerOptions, 'taskQueue'> = {
    ...deploymentOptions(options.deployment),
    ...SHUTDOWN,
    ...HEARTBEATS,
    connection,
    namespace,
    activities,
    identity,
    dataConverter: workerConverter(options.dataConverter),
    ...defined({ plugins: options.plugins }),
  };
  const workers = await Promise.all([
    Worker.create({
      ...common,
      ...slots.for('calls'),
      taskQueue,
      nexusServices: [nightloadServiceHandler()],
      workflowBundle: options.workflowBundle ?? (await workflowBundle(options.dataConverter)),
      // A count, not a size: each cached workflow keeps its sandbox in memory.
      maxCachedWorkflows: 100,
      // How long a workflow task waits for a killed worker before another one gets it; the default is 10 s.
      stickyQueueScheduleToStartTimeout: '2s',
    }),
    // Activities only: such a worker has no sandbox, and costs little.
    ...workersBeside(queues, slots).map((beside) => Worker.create({ ...common, ...beside })),
  ]);
  const end = (): void => {
    for (const worker of workers) if (worker.getState() === 'RUNNING') worker.shutdown();
  };
  const done = Promise.allSettled(
    workers.map((worker) =>
      // Half a worker is not a worker: when one queue cannot continue, the others end too.
      worker.run().finally(end),
    ),
  ).then(async (ends) => {
    await Promise.all([...options.connections.values()].map(closeSoon));
    const failed = ends.find((result) => result.status === 'rejected');
    if (failed === undefined) return;
    const reason: unknown = failed.reason;
    throw (
      temporalError(reason, { namespace }) ??
      new NightloadError('WORKER_FAILED', `The worker ended: ${withCauses(reason)}`, { cause: reason })
    );
  });
  done.catch(() => undefined);
  return {
    ...queues,
    identity,
    connection: () => current,
    done,
    replaceConnection(next) {
      for (const worker of workers) worker.connection = next;
      const old = current;
      current = next;
      return old;
    },
    async stop() {
      end();
      await done;
    },
  };
}

/** A pending request that is no longer needed must not delay the exit. */
async function closeSoon(org: SalesforceConnection): Promise<void> {
  const limit = setTimeout(() => void org.destroy().catch(() => undefined), CLOSE_LIMIT_MS);
  await org.close().catch(() => undefined);
  clearTimeout(limit);
}
