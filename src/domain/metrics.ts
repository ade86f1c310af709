/**
 * All metrics of nightload, in one table: names, help texts, labels and buckets. They go through the SDK's metric
 * meter, so that any worker exports them the way it exports the SDK's own. Pure.
 */
import type { MetricMeter } from '@temporalio/common';

interface Definition {
  kind: 'counter' | 'gauge' | 'histogram';
  /** The `HELP` text. */
  help: string;
  /** Our labels; the SDK adds its own, such as the task queue. */
  labels: readonly string[];
  /** Upper bounds, in the metric's unit. */
  buckets?: readonly number[];
}

const SHORT_WAITS = [0.1, 0.5, 1, 2, 5, 10, 30, 60, 300, 1_800];
const LONG_WAITS = [1, 10, 60, 300, 900, 1_800, 3_600, 7_200, 14_400, 28_800, 43_200, 86_400];

/** Metrics that workflows and activities record. */
export const METRICS = {
  nightload_loads_total: { kind: 'counter', help: 'Ended loads by state.', labels: ['state'] },
  nightload_rows_total: {
    kind: 'counter',
    help: 'Source rows of ended loads by outcome, as in their results.',
    labels: ['outcome', 'object', 'connection'],
  },
  nightload_bytes_total: {
    kind: 'counter',
    help: 'Bytes of rows uploaded and of result files downloaded.',
    labels: ['direction'],
  },
  nightload_jobs_total: { kind: 'counter', help: 'Jobs by the state in which they ended.', labels: ['state'] },
  nightload_load_duration_seconds: {
    kind: 'histogram',
    help: 'Time from the start of a load to its end.',
    labels: [],
    buckets: LONG_WAITS,
  },
  nightload_load_finish_timestamp_seconds: {
    kind: 'gauge',
    help: 'Unix time at which a load last finished as Completed or CompletedWithRejects.',
    labels: ['schedule'],
  },
  nightload_deadline_slack_seconds: {
    kind: 'gauge',
    help: 'Time that was left until finishBy when a load with it last ended; 0 if it ended later.',
    labels: [],
  },
  nightload_deadlines_missed_total: {
    kind: 'counter',
    help: 'Loads that ended later than their finishBy.',
    labels: [],
  },
  nightload_api_requests_total: {
    kind: 'counter',
    help: 'HTTP requests to the org, without those for tokens.',
    labels: ['kind'],
  },
  nightload_org_batches_remaining: {
    kind: 'gauge',
    help: 'Bulk API batches that the org has left in its rolling 24 hours, as last read.',
    labels: ['connection'],
  },
  nightload_org_api_requests_remaining: {
    kind: 'gauge',
    help: 'API requests that the org has left in its rolling 24 hours, as last read.',
    labels: ['connection'],
  },
  nightload_lock_failures_total: { kind: 'counter', help: 'Rows that failed because of a record lock.', labels: [] },
  nightload_retry_recovered_rows_total: {
    kind: 'counter',
    help: 'Rows of ended loads that landed in a retry.',
    labels: [],
  },
  nightload_poll_lateness_seconds: {
    kind: 'histogram',
    help: 'How much later than planned a job was polled.',
    labels: [],
    buckets: SHORT_WAITS,
  },
  nightload_notifications_total: {
    kind: 'counter',
    help: 'Messages about loads by target, and whether it took them.',
    labels: ['target', 'outcome'],
  },
  nightload_wait_seconds: {
    kind: 'histogram',
    help: 'Completed waits of loads and parts by reason.',
    labels: ['reason'],
    buckets: LONG_WAITS,
  },
} as const satisfies Record<string, Definition>;

/** Metrics that the worker process adds when it serves `/metrics`. */
export const PROCESS_METRICS = {
  nightload_files_queue_backlog: {
    kind: 'gauge',
    help: 'Steps on files, uploads included, that wait for a worker of this folder; approximate.',
    labels: [],
  },
  nightload_workflow_task_failures_total: {
    kind: 'counter',
    help: 'Workflow tasks that this worker failed.',
    labels: [],
  },
} as const satisfies Record<string, Definition>;

export const ROW_OUTCOMES = ['succeeded', 'rejected', 'unprocessed', 'unaccounted'] as const;

type MetricName = keyof typeof METRICS;

/** Exactly the labels of a metric. */
type Labels<N extends MetricName> = Record<(typeof METRICS)[N]['labels'][number], string>;

type OfKind<K extends Definition['kind']> = {
  [N in MetricName]: (typeof METRICS)[N]['kind'] extends K ? N : never;
}[MetricName];

/** Records metrics with a meter of the SDK. Never throws: a number that cannot be recorded is left out. */
export class Recorder {
  readonly #meter: MetricMeter;

  constructor(meter: MetricMeter) {
    this.#meter = meter;
  }

  /** Adds to a counter; nothing if the amount is negative. Zero makes the series visible, so that its growth shows. */
  add<N extends OfKind<'counter'>>(name: N, amount: number, labels: Labels<N>): void {
    if (amount >= 0) this.#record(() => this.#meter.createCounter(name, '', METRICS[name].help).add(amount, labels));
  }

  set<N extends OfKind<'gauge'>>(name: N, value: number, labels: Labels<N>): void {
    this.#record(() => this.#meter.createGauge(name, 'float', '', METRICS[name].help).set(Math.max(0, value), labels));
  }

  observe<N extends OfKind<'histogram'>>(name: N, seconds: number, labels: Labels<N>): void {
    this.#record(() =>
      this.#meter.createHistogram(name, 'float', '', METRICS[name].help).record(Math.max(0, seconds), labels),
    );
  }

  /** A load must not fail because of a number. */
  #record(record: () => void): void {
    try {
      record();
    } catch {
      // The SDK's API for metrics is experimental.
    }
  }
}
