/** What a run used: the difference of two readings of the stack's counters. */
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os';
import type { Exposition } from '../../helpers/exposition.js';
import type { Stack } from '../parts/stack.js';

export interface Reading {
  at: number;
  tableBytes: number;
  /** Temporal Cloud's actions, as the server counts them, by kind. */
  actions: Record<string, number>;
  /** Processor seconds by part. */
  processor: Record<string, number>;
  workers: Exposition[];
}

export async function read(stack: Stack): Promise<Reading> {
  const server = await stack.temporal.metrics();
  const actions: Record<string, number> = {};
  for (const { name, labels, value } of server.series) {
    const kind = labels['action_type'];
    if (!/^action(_total)?$/.test(name) || kind === undefined || labels['namespace'] !== 'default') continue;
    // Each marker is counted alone too; only the markers of a task together are one action.
    if (kind.includes('RecordMarker') || kind.includes('RECORD_MARKER')) continue;
    actions[kind] = (actions[kind] ?? 0) + value;
  }
  return {
    at: Date.now(),
    tableBytes: await stack.postgres.tableBytes(),
    actions,
    processor: Object.fromEntries(stack.parts.map((part) => [part.name, part.processorSeconds()])),
    workers: await Promise.all(stack.workers.map((worker) => worker.metrics())),
  };
}

export interface Figures {
  seconds: number;
  machine: string;
  loadAverage: string;
  actions: number;
  actionsByKind: Record<string, number>;
  tableMB: number;
  /** Seconds from a task's place in its queue to a worker. */
  scheduleToStart: Record<'activities' | 'workflowTasks', Latency>;
  workerProcessorSeconds: number;
  otherProcessorSeconds: Record<string, number>;
  workerPeakMB: number[];
}

export function difference(stack: Stack, before: Reading, after: Reading): Figures {
  const used = (name: string): number => (after.processor[name] ?? 0) - (before.processor[name] ?? 0);
  const workers = stack.workers.map(({ part }) => part.name);
  const others = ['temporal', 's3'];
  const actionsByKind = Object.fromEntries(
    Object.entries(after.actions)
      .map(([kind, count]): [string, number] => [kind, count - (before.actions[kind] ?? 0)])
      .filter(([, count]) => count > 0)
      .sort(([, a], [, b]) => b - a),
  );
  return {
    seconds: (after.at - before.at) / 1000,
    machine: `${availableParallelism()} × ${cpus()[0]?.model}, ${Math.round(totalmem() / 1e9)} GB`,
    loadAverage: loadavg()
      .map((load) => load.toFixed(1))
      .join(' '),
    actions: Object.values(actionsByKind).reduce((sum, count) => sum + count, 0),
    actionsByKind,
    tableMB: (after.tableBytes - before.tableBytes) / 1e6,
    scheduleToStart: {
      activities: latency('temporal_activity_schedule_to_start_latency', before, after),
      workflowTasks: latency('temporal_workflow_task_schedule_to_start_latency', before, after),
    },
    workerProcessorSeconds: workers.reduce((sum, name) => sum + used(name), 0),
    otherProcessorSeconds: Object.fromEntries(others.map((name) => [name, used(name)])),
    workerPeakMB: stack.workers.map(({ part }) => Math.round(part.peakMemory())),
  };
}

interface Latency {
  count: number;
  mean: number;
  /** At most these: upper ends of buckets. */
  p50: number;
  p95: number;
  p99: number;
}

function latency(name: string, before: Reading, after: Reading): Latency {
  const total = ({ workers }: Reading, series: string): number =>
    workers.reduce((sum, exposition) => sum + exposition.sum(series), 0);
  const grown = (series: string): number => total(after, series) - total(before, series);
  const count = grown(`${name}_count`);
  const buckets = new Map<number, number>();
  for (const [reading, sign] of [[after, 1] as const, [before, -1] as const]) {
    for (const { series } of reading.workers) {
      for (const one of series.filter((candidate) => candidate.name === `${name}_bucket`)) {
        const end = one.labels['le'] === '+Inf' ? Infinity : Number(one.labels['le']);
        buckets.set(end, (buckets.get(end) ?? 0) + sign * one.value);
      }
    }
  }
  const ends = [...buckets].sort(([a], [b]) => a - b);
  const within = (share: number): number => ends.find(([, upTo]) => upTo >= share * count)?.[0] ?? Infinity;
  return { count, mean: grown(`${name}_sum`) / count, p50: within(0.5), p95: within(0.95), p99: within(0.99) };
}
