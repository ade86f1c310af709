/**
 * A nightload worker: workflows and calls to Salesforce on the shared queue, file work on the queue of the workers that
 * share its folders.
 */
import { hostname } from 'node:os';
import { join } from 'node:path';
import { Runtime, Worker } from '@temporalio/worker';
import type { DataConverter } from '@temporalio/common';
import type { NativeConnection, WorkerOptions, WorkflowBundleOption } from '@temporalio/worker';
import { createActivities } from '../activities/index.js';
import type { Activities } from '../activities/index.js';
import { workerConverter } from '../codec/data-converter.js';
import { identityWithGroup } from '../domain/file-groups.js';
import { NightloadError } from '../errors.js';
import { nightloadServiceHandler } from '../nexus.js';
import type { Allow } from '../salesforce/allow.js';
import type { SalesforceConnection } from '../salesforce/connection.js';
import type { Allocation } from '../salesforce/connections-allocation.js';
import { withCauses } from '../plain-text.js';
import { folderUri } from '../storage/roots.js';
import type { FileRoots } from '../storage/roots.js';
import { maxUnpackedFrom } from '../storage/unpacked-limit.js';
import { temporalError } from '../temporal-errors.js';
import { workflowBundle } from './bundle.js';
import { admitCallers } from './callers.js';
import { jobOwner, jobWorkflows, knownSearchAttributes, registerSearchAttributes } from './search-attributes.js';

export interface NightloadWorkerOptions {
  connection: NativeConnection;
  namespace: string;
  taskQueue: string;
  /** Open connections to orgs, by name. They are closed when the worker ends. */
  connections: ReadonlyMap<string, SalesforceConnection>;
  /** How much of the orgs' rolling limits they may use, by the same names. @default the platform's limits */
  allocations?: ReadonlyMap<string, Allocation>;
  /** What connections may be used for, by the same names. @default everything */
  allows?: ReadonlyMap<string, Allow>;
  /** Fixers that loads may name, as `activity@taskQueue`. @default none */
  fixers?: ReadonlySet<string>;
  roots: FileRoots;
  /** Bytes that a packed source may unpack to. @default `NIGHTLOAD_MAX_UNPACKED`, else 50 GB */
  maxUnpackedBytes?: number;
  /** `file:` prefix for loads that name no output. @default `<first root>/nightload-results/` */
  defaultOutput?: string;
  /** Codecs and converters of payloads. @default none: nothing is encrypted */
  dataConverter?: DataConverter;
  /** @default the prebuilt bundle */
  workflowBundle?: WorkflowBundleOption;
}

export interface RunningWorker {
  filesQueue: string;
  /** Settles when the worker has ended; rejects when it could not go on. */
  done: Promise<void>;
  /** Lets running steps finish for a while, then ends. */
  stop(): Promise<void>;
  /** Goes on with another connection to the same server, for example with a new certificate. Gives the old one. */
  replaceConnection(connection: NativeConnection): NativeConnection;
}

/**
 * Steps that still run at a stop: so long to finish, then they are cancelled, then given up; another worker repeats them.
 * All of it, the closing of connections included, within the 30 s that Kubernetes gives.
 */
const SHUTDOWN = { shutdownGraceTime: '20s', shutdownForceTime: '25s' } as const;
const CLOSE_LIMIT_MS = 2_000;

/** Steps on files: each holds some MB of buffers at most. */
export const FILES_WORKER = { maxConcurrentActivityTaskExecutions: 16 } as const;

/**
 * The steps of loads, and the queue on which those run that read or write files.
 * @throws NightloadError `TEMPORAL_NAMESPACE_NOT_FOUND`, `TEMPORAL_PERMISSION_DENIED` and their kin
 */
export async function prepareActivities(
  options: Omit<NightloadWorkerOptions, 'workflowBundle' | 'dataConverter'>,
  current: () => NativeConnection = () => options.connection,
): Promise<{ activities: Activities; filesQueue: string }> {
  const { connection, namespace, taskQueue, roots } = options;
  // A worker of the SDK would begin, and only then end with the library's own words.
  await connection.workflowService.describeNamespace({ namespace }).catch((error: unknown) => {
    const found = temporalError(error, { namespace });
    // A server for tests may not have this call.
    if (found?.code !== 'TEMPORAL_REFUSED') throw found ?? error;
  });
  await registerSearchAttributes(connection, namespace);
  const filesQueue = `${taskQueue}-files-${await roots.id()}`;
  const activities = createActivities({
    connections: options.connections,
    ...(options.allocations && { allocations: options.allocations }),
    ...(options.allows && { allows: options.allows }),
    ...(options.fixers && { fixers: options.fixers }),
    roots,
    maxUnpackedBytes: options.maxUnpackedBytes ?? maxUnpackedFrom(process.env),
    filesQueue,
    defaultOutput: options.defaultOutput ?? folderUri(join(roots.folders[0], 'nightload-results')),
    searchAttributes: () => knownSearchAttributes(current(), namespace),
    admit: admitCallers({
      connection: current,
      namespace,
      taskQueue,
      warn: (text) => Runtime.instance().logger.warn(text),
    }),
    ownerOf: (jobId) => jobOwner(current(), namespace, jobId),
    workflowsOf: (jobId) => jobWorkflows(current(), namespace, jobId),
  });
  return { activities, filesQueue };
}

/** Tells those who look at the pollers of the shared queue which folder this worker has. */
export function groupIdentity(taskQueue: string, filesQueue: string, own = `${process.pid}@${hostname()}`): string {
  return identityWithGroup(own, taskQueue, filesQueue);
}

export async function startWorker(options: NightloadWorkerOptions): Promise<RunningWorker> {
  const { connection, namespace, taskQueue } = options;
  let current = connection;
  const { activities, filesQueue } = await prepareActivities(options, () => current);
  const identity = groupIdentity(taskQueue, filesQueue);
  const common: Pick<WorkerOptions, 'connection' | 'namespace' | 'activities' | 'identity' | 'dataConverter'> = {
    connection,
    namespace,
    activities,
    identity,
    dataConverter: workerConverter(options.dataConverter),
  };
  const workers = await Promise.all([
    Worker.create({
      ...common,
      ...SHUTDOWN,
      taskQueue,
      nexusServices: [nightloadServiceHandler()],
      workflowBundle: options.workflowBundle ?? (await workflowBundle(options.dataConverter)),
      // Counted, not measured: each cached workflow keeps its sandbox in memory.
      maxCachedWorkflows: 100,
      // So long a workflow task waits for a worker that was killed, before another one gets it; the default is 10 s.
      stickyQueueScheduleToStartTimeout: '3s',
    }),
    Worker.create({ ...common, ...SHUTDOWN, ...FILES_WORKER, taskQueue: filesQueue }),
  ]);
  const end = (): void => {
    for (const worker of workers) if (worker.getState() === 'RUNNING') worker.shutdown();
  };
  const done = Promise.allSettled(
    workers.map((worker) =>
      // Half a worker is no worker: when one queue cannot go on, the other one ends too.
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
    filesQueue,
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

/** A request that nobody waits for any more must not hold the process up. */
async function closeSoon(org: SalesforceConnection): Promise<void> {
  const limit = setTimeout(() => void org.destroy().catch(() => undefined), CLOSE_LIMIT_MS);
  await org.close().catch(() => undefined);
  clearTimeout(limit);
}
