/**
 * nightload inside a worker that somebody else's program runs: activities, the Nexus service, and beside the worker a
 * second one for the steps on files. The workflows come from the host's workflows file: `export * from
 * 'nightload/workflows'`.
 */
import { Worker } from '@temporalio/worker';
import type { WorkerOptions, WorkerPlugin } from '@temporalio/worker';
import { workerConverter } from './codec/data-converter.js';
import { DEFAULT_TASK_QUEUE } from './contract.js';
import { nightloadServiceHandler } from './nexus.js';
import { openActivities } from './workers/host.js';
import type { HostOptions, OpenActivities } from './workers/host.js';
import { WORKFLOW_INTERCEPTORS } from './workers/bundle.js';
import { FILES_WORKER, groupIdentity } from './workers/worker.js';

/** What the second worker does as the first one. */
const SHARED_OPTIONS = [
  'connection',
  'namespace',
  'identity',
  'dataConverter',
  'shutdownGraceTime',
  'shutdownForceTime',
] as const satisfies readonly (keyof WorkerOptions)[];

interface Prepared extends OpenActivities {
  options: WorkerOptions;
}

/**
 * For `Worker.create({ plugins: [new NightloadPlugin()] })`.
 * @experimental The plugins of Temporal's SDK are.
 */
export class NightloadPlugin implements WorkerPlugin {
  readonly name = 'nightload.NightloadPlugin';
  readonly #options: HostOptions;
  /** By task queue: one plugin may serve several workers. */
  readonly #prepared = new Map<string, Prepared>();

  constructor(options: HostOptions = {}) {
    this.#options = options;
  }

  async configureWorker(options: WorkerOptions): Promise<WorkerOptions> {
    const { connection, namespace, taskQueue = DEFAULT_TASK_QUEUE } = options;
    if (connection === undefined) {
      throw new TypeError(
        'NightloadPlugin needs the worker to have a connection: give Worker.create({ connection }) what NativeConnection.connect() gave.',
      );
    }
    refuseForgottenKeys(options);
    const opened = await openActivities({
      ...this.#options,
      connection,
      taskQueue,
      ...(namespace !== undefined && { namespace }),
    });
    const own = options.activities ?? {};
    const names = own instanceof Map ? [...own.keys()] : Object.keys(own);
    const taken = names.filter((name) => Object.hasOwn(opened.activities, name));
    if (taken.length > 0) {
      await opened.close();
      throw new TypeError(
        `Activities of this worker are called as steps of nightload (${taken.join(', ')}). Rename them, or give nightload a worker of its own on another task queue.`,
      );
    }
    const dataConverter = workerConverter(options.dataConverter);
    this.#prepared.set(taskQueue, { ...opened, options: { ...options, dataConverter } });
    const activities = new Map<string, unknown>([
      ...(own instanceof Map ? (own as Map<string, unknown>) : Object.entries(own)),
      ...Object.entries(opened.activities),
    ]);
    return {
      ...options,
      taskQueue,
      dataConverter,
      identity: groupIdentity(taskQueue, opened.filesQueue, options.identity),
      activities: Object.fromEntries(activities),
      ...(options.workflowBundle === undefined && { interceptors: withOurs(options.interceptors) }),
      nexusServices: [...(options.nexusServices ?? []), nightloadServiceHandler()],
    };
  }

  async runWorker(worker: Worker, next: (worker: Worker) => Promise<void>): Promise<void> {
    const prepared = this.#prepared.get(worker.options.taskQueue);
    if (prepared === undefined) return next(worker);
    this.#prepared.delete(worker.options.taskQueue);
    try {
      await runBeside(worker, next, prepared);
    } finally {
      await prepared.close();
    }
  }
}

/** A bundle that the host has built itself does not have them. */
function withOurs(own: WorkerOptions['interceptors']): NonNullable<WorkerOptions['interceptors']> {
  return { ...own, workflowModules: [...(own?.workflowModules ?? []), WORKFLOW_INTERCEPTORS] };
}

/** Keys that nothing uses would let loads run unencrypted, whose owner believes otherwise. */
function refuseForgottenKeys({ dataConverter }: WorkerOptions): void {
  if (!process.env['NIGHTLOAD_CODEC_KEYS'] || (dataConverter?.payloadCodecs ?? []).length > 0) return;
  throw new TypeError(
    'NIGHTLOAD_CODEC_KEYS is set, but this worker has no payload codec: give Worker.create({ dataConverter: dataConverterFromEnvironment() }), or unset it.',
  );
}

async function runBeside(
  worker: Worker,
  next: (worker: Worker) => Promise<void>,
  { options, activities, filesQueue }: Prepared,
): Promise<void> {
  const shared = Object.fromEntries(
    SHARED_OPTIONS.flatMap((key) => (options[key] === undefined ? [] : [[key, options[key]]])),
  ) as WorkerOptions;
  const { activity } = options.interceptors ?? {};
  const files = await Worker.create({
    ...shared,
    ...FILES_WORKER,
    ...(activity && { interceptors: { activity } }),
    taskQueue: filesQueue,
    activities,
  });
  // Half a worker is no worker: when one ends, the other one does too.
  const endWith = (other: Worker) => (): void => {
    if (other.getState() === 'RUNNING') other.shutdown();
  };
  const ends = await Promise.allSettled([next(worker).finally(endWith(files)), files.run().finally(endWith(worker))]);
  const failed = ends.find((end) => end.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}
