/**
 * Which workflow types the worker cannot run at the moment, from the SDK's counters. A worker whose code is broken
 * fails every task of a workflow, which Temporal then repeats forever. Types that are not nightload's do not count:
 * anyone may start one on its queue. Pure.
 */
import { WORKFLOW_TYPES } from '../../domain/workflow-types.js';

const FAILED = /^temporal_workflow_task_execution_failed\{(.*)\} ([\d.e+]+)$/;
/** Of all tasks, also of those that failed. */
const RUN = /^temporal_workflow_task_execution_latency(?:_seconds)?_count\{(.*)\} ([\d.e+]+)$/;
const TYPE = /(?:^|,)workflow_type="((?:[^"\\]|\\.)*)"/;

/** Temporal repeats a failed task after at most 10 minutes. */
const REMEMBER_MS = 15 * 60_000;

export class WorkflowTaskFailures {
  /** Failures since the worker started. */
  total = 0;
  #failed = new Map<string, number>();
  #done = new Map<string, number>();
  /** Time of the last failure of types of which no task has succeeded since. */
  readonly #failing = new Map<string, number>();

  /** @param text the SDK's metrics; each later text has the same counters or higher ones */
  enter(text: string, now: number): void {
    const failed = sumsByType(text, FAILED);
    const run = sumsByType(text, RUN);
    const done = new Map([...run].map(([type, count]) => [type, count - (failed.get(type) ?? 0)]));
    for (const type of WORKFLOW_TYPES) {
      // Where both happened, the order is unknown, but the worker can run this type.
      if (hasGrown(type, this.#done, done)) this.#failing.delete(type);
      else if (hasGrown(type, this.#failed, failed)) this.#failing.set(type, now);
      else if (now - (this.#failing.get(type) ?? now) > REMEMBER_MS) this.#failing.delete(type);
    }
    this.total = [...failed.values()].reduce((sum, count) => sum + count, 0);
    this.#failed = failed;
    this.#done = done;
  }

  /** Types whose last task failed. */
  get failing(): string[] {
    return [...this.#failing.keys()];
  }
}

type Sums = ReadonlyMap<string, number>;

function hasGrown(type: string, before: Sums, after: Sums): boolean {
  return (after.get(type) ?? 0) > (before.get(type) ?? 0);
}

function sumsByType(text: string, counter: RegExp): Map<string, number> {
  const sums = new Map<string, number>();
  for (const line of text.split('\n')) {
    const [, labels = '', value = '0'] = counter.exec(line) ?? [];
    const type = TYPE.exec(labels)?.[1] ?? '';
    if (WORKFLOW_TYPES.includes(type)) sums.set(type, (sums.get(type) ?? 0) + Number(value));
  }
  return sums;
}
