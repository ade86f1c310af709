/**
 * What a worker process serves at `NIGHTLOAD_METRICS_ADDRESS`: `/metrics` (the SDK's metrics with ours), `/healthz` (the
 * process answers) and `/readyz` (it polls its queues, Temporal answers, and it can run its workflows).
 */
import type { TelemetryOptions } from '@temporalio/worker';
import { PROCESS_METRICS } from '../../domain/metrics.js';
import { servePages } from './http-server.js';
import type { Page } from './http-server.js';
import type { MetricsAddress } from './metrics-address.js';
import { probeQueues } from './probe-queues.js';
import type { QueuesProbe, WatchedWorker } from './probe-queues.js';
import { notReadyReasons, readyPage } from './readiness.js';
import { sdkExporter } from './sdk-exporter.js';
import type { SdkExporter } from './sdk-exporter.js';
import { WorkflowTaskFailures } from './workflow-task-failures.js';

export interface Monitoring {
  /** For `Runtime.install`. */
  metrics: NonNullable<TelemetryOptions['metrics']>;
  /** With the actual port. */
  address: MetricsAddress;
  /** From now on the worker can be ready. */
  watch(worker: WatchedWorker): void;
  /** No longer ready: the worker ends. */
  stopping(): void;
  close(): Promise<void>;
}

/** However often it is asked, Temporal is asked once in this time. */
const FRESH_MS = 2_000;
/** Between failures and successes of workflow tasks their order shows only if they are read often. */
const SAMPLE_MS = 5_000;
const TEXT_FORMAT = 'text/plain; version=0.0.4; charset=utf-8';

/** @throws NightloadError `METRICS_ADDRESS_UNAVAILABLE` */
export async function startMonitoring(address: MetricsAddress): Promise<Monitoring> {
  const exporter = await sdkExporter();
  const monitor = new Monitor(exporter);
  const server = await servePages(address, {
    '/metrics': () => monitor.metrics(),
    '/healthz': () => Promise.resolve({ status: 200, text: 'ok\n' }),
    '/readyz': () => monitor.ready(),
  });
  const sampling = setInterval(() => void monitor.sample().catch(() => undefined), SAMPLE_MS);
  sampling.unref();
  return {
    metrics: exporter.options,
    address: server.address,
    watch: (worker) => monitor.watch(worker),
    stopping: () => monitor.watch(undefined),
    async close() {
      clearInterval(sampling);
      await server.close();
    },
  };
}

class Monitor {
  readonly #failures = new WorkflowTaskFailures();
  readonly #sdkMetrics: () => Promise<string>;
  #worker: WatchedWorker | undefined;
  #queues: () => Promise<QueuesProbe | undefined> = () => Promise.resolve(undefined);
  #hasWorked = false;

  constructor(exporter: SdkExporter) {
    this.#sdkMetrics = once(0, async () => {
      const text = await exporter.read();
      this.#failures.enter(text, Date.now());
      return text;
    });
  }

  watch(worker: WatchedWorker | undefined): void {
    this.#worker = worker;
    this.#hasWorked ||= worker !== undefined;
    this.#queues = worker === undefined ? () => Promise.resolve(undefined) : once(FRESH_MS, () => probeQueues(worker));
  }

  /** Reads the SDK's counters. */
  async sample(): Promise<void> {
    await this.#sdkMetrics();
  }

  async metrics(): Promise<Page> {
    // Without Temporal only the backlog is missing.
    const [text, queues] = await Promise.all([this.#sdkMetrics(), this.#queues().catch(() => undefined)]);
    const own = [
      line('nightload_workflow_task_failures_total', this.#failures.total),
      ...(queues?.backlog === undefined ? [] : [line('nightload_files_queue_backlog', queues.backlog)]),
    ];
    return { status: 200, type: TEXT_FORMAT, text: `${inSnakeCase(text.trimEnd())}\n${own.join('')}` };
  }

  async ready(): Promise<Page> {
    if (this.#worker === undefined)
      return readyPage([this.#hasWorked ? 'The worker is stopping.' : 'The worker is starting.']);
    const [queues] = await Promise.all([this.#queues().catch(() => undefined), this.sample().catch(() => undefined)]);
    return readyPage(notReadyReasons(queues, this.#failures.failing));
  }
}

/** The SDK names its labels for metrics of workflows in another way than for its own. */
function inSnakeCase(text: string): string {
  return text.replaceAll(/^nightload_.*$/gm, (line) => line.replace(/([{,])taskQueue="/, '$1task_queue="'));
}

function line(name: keyof typeof PROCESS_METRICS, value: number): string {
  const { help, kind } = PROCESS_METRICS[name];
  return `# HELP ${name} ${help}\n# TYPE ${name} ${kind}\n${name} ${value}\n`;
}

/** Calls at most once in a time, and never twice at once; callers in between share the answer. */
function once<T>(freshMs: number, read: () => Promise<T>): () => Promise<T> {
  let endedAt = -Infinity;
  let last: Promise<T> | undefined;
  return () => {
    if (last !== undefined && performance.now() - endedAt <= freshMs) return last;
    endedAt = Infinity;
    last = read().finally(() => (endedAt = performance.now()));
    return last;
  };
}
