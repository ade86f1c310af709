/**
 * Metrics of activities. Label values that come from inputs are bounded in length, form and number: a value beyond that
 * counts as `other`.
 */
import { noopMetricMeter } from '@temporalio/common';
import type { MetricMeter } from '@temporalio/common';
import { Recorder, ROW_OUTCOMES } from '../domain/metrics.js';

let recorder = new Recorder(noopMetricMeter);

/** The meter of the process's SDK runtime. That of a step would split each number by activity type. */
export function recordWith(meter: MetricMeter): void {
  recorder = new Recorder(meter);
}

/** Records nothing until a worker has set the meter. */
export function processMetrics(): Recorder {
  return recorder;
}

/**
 * Makes the series visible to which a running load will add: Prometheus sees no growth in a series that appears with
 * its first value.
 */
export function announceRows({ object, connection }: { object?: string; connection: string }): void {
  const labels = { object: LABELS.object.of(object), connection: LABELS.connection.of(connection) };
  for (const outcome of ROW_OUTCOMES) recorder.add('nightload_rows_total', 0, { outcome, ...labels });
}

export const OTHER = 'other';

/** The different values of a label in this process. */
export class LabelValues {
  readonly #form: RegExp;
  readonly #max: number;
  readonly #known = new Set<string>();

  constructor(form: RegExp, max: number) {
    this.#form = form;
    this.#max = max;
  }

  /** The value itself, `other` if it has another form or there are too many values; empty if there is none. */
  of(value: string | undefined): string {
    if (value === undefined || value === '') return '';
    if (this.#known.has(value)) return value;
    if (!this.#form.test(value) || this.#known.size >= this.#max) return OTHER;
    this.#known.add(value);
    return value;
  }
}

/** One set for all workers of a process, which share their metrics. */
export const LABELS = {
  object: new LabelValues(/^\w{1,80}$/, 200),
  connection: new LabelValues(/^[\w.@-]{1,80}$/, 100),
  schedule: new LabelValues(/^[\w.@:/ -]{1,120}$/, 200),
} as const;

const MAX_COUNTED = 5_000;

/**
 * Events that this process has counted. A step whose answer was lost runs again, and so does one whose files are
 * compared once more: its numbers count once.
 */
export class CountedEvents {
  readonly #keys = new Set<string>();

  /** Whether it is the first time. */
  first(key: string): boolean {
    if (this.#keys.has(key)) return false;
    if (this.#keys.size >= MAX_COUNTED) this.#keys.delete(this.#keys.values().next().value as string);
    this.#keys.add(key);
    return true;
  }
}
