/** When a worker counts as unable to run a workflow type. */
import { expect, it } from 'vitest';
import { WorkflowTaskFailures } from '../../../../src/workers/monitoring/workflow-task-failures.js';

const MINUTE = 60_000;

/** As the SDK counts: the latency of failed tasks too. */
function text(failed: number, done: number, type = 'bulkLoad'): string {
  const labels = `{namespace="default",service_name="temporal-core-sdk",task_queue="q",workflow_type="${type}"}`;
  return (
    `temporal_workflow_task_execution_failed${labels} ${failed}\n` +
    `temporal_workflow_task_execution_latency_sum${labels} 0.5\n` +
    `temporal_workflow_task_execution_latency_count${labels} ${done + failed}\n`
  );
}

it('from a failure until a task of the type succeeds', () => {
  const failures = new WorkflowTaskFailures();
  failures.enter(text(0, 5), 0);
  expect(failures.failing).toEqual([]);
  failures.enter(text(1, 5), MINUTE);
  expect(failures.failing).toEqual(['bulkLoad']);
  failures.enter(text(1, 5) + text(0, 3, 'ingestJob'), 2 * MINUTE);
  expect(failures.failing).toEqual(['bulkLoad']);
  failures.enter(text(1, 6), 3 * MINUTE);
  expect(failures.failing).toEqual([]);
  expect(failures.total).toBe(1);
});

it('until 15 minutes after the last failure, longer than Temporal waits before it repeats a task', () => {
  const failures = new WorkflowTaskFailures();
  failures.enter(text(1, 0), 0);
  failures.enter(text(2, 0), 10 * MINUTE);
  failures.enter(text(2, 0), 25 * MINUTE);
  expect(failures.failing).toEqual(['bulkLoad']);
  failures.enter(text(2, 0), 26 * MINUTE);
  expect(failures.failing).toEqual([]);
});

it('not when tasks of the type fail and succeed at the same time', () => {
  const failures = new WorkflowTaskFailures();
  failures.enter(text(0, 1), 0);
  failures.enter(text(3, 9), 5_000);
  expect(failures.failing).toEqual([]);
  expect(failures.total).toBe(3);
});

it('not for types of others, whatever their names', () => {
  const failures = new WorkflowTaskFailures();
  failures.enter(text(4, 0, 'other') + text(4, 0, String.raw`x\",workflow_type=\"bulkLoad`), 0);
  expect(failures.failing).toEqual([]);
  expect(failures.total).toBe(0);
});
