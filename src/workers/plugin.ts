/**
 * nightload inside another program's worker: activities, the Nexus service, and workers next to it for the steps on
 * files and for the uploads to each org. The workflows come from the host's workflows file: `export * from 'nightload/workflows'`.
 */
import { Worker } from '@temporalio/worker';
import type { WorkerOptions, WorkerPlugin } from '@temporalio/worker';
import { workerConverter } from '../codec/data-converter.js';
import { DEFAULT_TASK_QUEUE } from '../contract/names.js';
import { nightloadServiceHandler } from './nexus-handler.js';
import { openActivities, slotsOf } from './worker-host.js';
import type { HostOptions, OpenActivities } from './worker-host.js';
import { workflowInterceptorModules } from './bundle.js';
import { groupIdentity, HEARTBEATS, workersBeside } from './create-worker.js';
import { WorkerSlots } from './slots.js';
import { defined } from '../domain/defined.js';

/** Options that the other workers share with the first. */
const SHARED_OPTIONS = [
  'connection',
  'namespace',
  'identity',
  'dataConverter',
  'shutdownGraceTime',
  'shutdownForceTime',
  'maxHeartbeatThrottleInterval',
  'workerDeploymentOptions',
] as const satisfies readonly (keyof WorkerOptions)[];

interface Prepared extends OpenActivities {
  options: WorkerOptions;
}

/**
 * For `Worker.create({ plugins: [new NightloadPlugin()] })`.
 * @experimental The plugins of Temporal's SDK are experimental.
 */
export class NightloadPlugin implements WorkerPlugin {
  readonly name = 'nightload.NightloadPlugin';
  readonly #options: HostOptions;
  /** By task queue: one plugin may serve several workers. */
  readonly #prepared = new Map<string, Prepared>();

  constructor(options: HostOptions = {}) {
    this.#options = options;
  }

  async configureWorker(given: WorkerOptions): Promise<WorkerOptions> {
    const options = { ...HEARTBEATS, ...given };
    const { connection, namespace, taskQueue = DEFAULT_TASK_QUEUE } = options;
    if (connection === undefined) {
      throw new TypeError(
        'NightloadPlugin needs a worker with a connection: pass the result of NativeConnection.connect() to Worker.create({ connection }).',
      );
    }
    refuseForgottenKeys(options);
    const opened = await openActivities({
      ...this.#options,
      connection,
      taskQueue,
      ...defined({ namespace }),
    });
    const own = options.activities ?? {};
    const names = own instanceof Map ? [...own.keys()] : Object.keys(own);
    const taken = names.filter((name) => Object.hasOwn(opened.activities, name));
    if (taken.length > 0) {
      await opened.close();
      throw new TypeError(
        `Activities of this worker have the names of nightload's steps (${taken.join(', ')}). Rename them, or give nightload a separate worker on another task queue.`,
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
      await runBeside(worker, next, { ...prepared, slots: new WorkerSlots(slotsOf(this.#options)) });
    } finally {
      await prepared.close();
    }
  }
}

/** A bundle that the host built itself does not include them. */
function withOurs(own: WorkerOptions['interceptors']): NonNullable<WorkerOptions['interceptors']> {
  return { ...own, workflowModules: [...(own?.workflowModules ?? []), ...workflowInterceptorModules] };
}

/** With unused keys, loads would run unencrypted while their owner believes otherwise. */
function refuseForgottenKeys({ dataConverter }: WorkerOptions): void {
  if (!process.env['NIGHTLOAD_CODEC_KEYS'] || (dataConverter?.payloadCodecs ?? []).length > 0) return;
  throw new TypeError(
    'NIGHTLOAD_CODEC_KEYS is set, but this worker has no payload codec: use Worker.create({ dataConverter: dataConverterFromEnvironment() }), or unset it.',
  );
}

async function runBeside(
  worker: Worker,
  next: (worker: Worker) => Promise<void>,
  { options, activities, slots, ...queues }: Prepared & { slots: WorkerSlots },
): Promise<void> {
  const shared = Object.fromEntries(
    SHARED_OPTIONS.flatMap((key) => (options[key] === undefined ? [] : [[key, options[key]]])),
  ) as WorkerOptions;
  const { activity } = options.interceptors ?? {};
  const beside = { ...shared, ...(activity && { interceptors: { activity } }), activities };
  const workers = await Promise.all(
    workersBeside(queues, slots).map((queue) => Worker.create({ ...beside, ...queue })),
  );
  // Half a worker is not a worker: when one ends, the others end too.
  const endAll = (): void => {
    for (const one of [worker, ...workers]) if (one.getState() === 'RUNNING') one.shutdown();
  };
  const ends = await Promise.allSettled(
    [next(worker), ...workers.map((one) => one.run())].map((run) => run.finally(endAll)),
  );
  const failed = ends.find((end) => end.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}
