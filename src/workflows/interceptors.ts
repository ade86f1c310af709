/**
 * Inputs, signals and updates that cannot be decoded. The SDK would fail the workflow task again and again, so anyone
 * with permission to send signals could freeze any load and any org's ledger. Such payloads are removed here before
 * they are used: the input is then refused, and the signal dropped like any other unusable one. The same applies to
 * activity results: see `incoming/sound-payloads.ts`.
 */
import './incoming/zod-settings.js';
import { defaultPayloadConverter } from '@temporalio/common';
import type { Payload, PayloadConverter, Priority } from '@temporalio/common';
import { workflowInfo } from '@temporalio/workflow';
import type { WorkflowInterceptors } from '@temporalio/workflow';
import { payloadTrouble, refusedResult, soundFailure } from './incoming/sound-payloads.js';
import type { FailureProto } from './incoming/sound-payloads.js';
import { checkedResult } from './incoming/checked-result.js';
import { taskPriority } from '../domain/task-priority.js';
import { WORKFLOW_TASK_TIMEOUT } from '../domain/workflow-task-timeout.js';
import { LONG_LIVED_TYPES } from '../domain/workflow-types.js';
import { WORKFLOW_TYPES } from '../domain/workflow-types.js';
import { dropUnsoundTrace, isReadable, reasonIn } from '../protocol/messages/unreadable.js';

interface Activator {
  payloadConverter?: PayloadConverter;
  versioningBehavior?: 'AUTO_UPGRADE' | undefined;
}

function activatorOf(): Activator | undefined {
  return (globalThis as { __TEMPORAL_ACTIVATOR__?: Activator }).__TEMPORAL_ACTIVATOR__;
}

/** The worker's payload converter, if it has one. */
function converter(): PayloadConverter {
  return activatorOf()?.payloadConverter ?? defaultPayloadConverter;
}

/**
 * The SDK chooses a workflow's behavior once, by the worker of its first task. Long-lived ones outlast it: workers with versions
 * take them over from workers without, and the other way round when versioning is switched off.
 */
function followWorker(isVersioned: boolean): void {
  const activator = activatorOf();
  if (activator !== undefined) activator.versioningBehavior = isVersioned ? 'AUTO_UPGRADE' : undefined;
}

const LONG_LIVED: readonly string[] = LONG_LIVED_TYPES;

type Headers = Record<string, Payload> | null | undefined;

interface Resolution {
  result?: {
    completed?: { result?: unknown } | null;
    failed?: { failure?: unknown } | null;
    cancelled?: { failure?: unknown } | null;
  } | null;
}

/** The result or failure of an activity. */
function refuseUnsound(resolution: Resolution | null | undefined, by: PayloadConverter): void {
  const { result } = resolution ?? {};
  if (result == null) return;
  const failures = [result.failed, result.cancelled].map((ended) => ended?.failure as FailureProto | null | undefined);
  const trouble = failures.every((failure) => soundFailure(failure, by))
    ? payloadTrouble(result.completed?.result as Payload | undefined, by)
    : 'its failure is unreadable';
  if (trouble === undefined) return;
  delete result.cancelled;
  delete result.completed;
  result.failed = { failure: refusedResult(trouble) };
}

export function interceptors(): WorkflowInterceptors {
  // A host's worker may run other workflows: those are left alone.
  const { workflowType } = workflowInfo();
  const ours = WORKFLOW_TYPES.includes(workflowType);
  /** Of every task that the workflow creates; inherited by none if its starter set none. */
  let priority: Priority | undefined;
  const ranked = <I extends { options: { priority?: Priority } }>(input: I): I =>
    priority === undefined ? input : { ...input, options: { priority, ...input.options } };
  return {
    inbound: [
      {
        execute(input, next) {
          if (ours) priority = taskPriority(input.args[0]);
          return next(input);
        },
      },
    ],
    outbound: [
      {
        // The type would split each of our numbers; the worker adds the namespace and the task queue.
        getMetricTags: (tags) => (ours ? {} : tags),
        async scheduleActivity(input, next) {
          const result = await next(ranked(input));
          return ours ? checkedResult(input.activityType, result) : result;
        },
        startChildWorkflowExecution(input, next) {
          if (!ours) return next(input);
          const { options, ...rest } = ranked(input);
          return next({ ...rest, options: { workflowTaskTimeout: WORKFLOW_TASK_TIMEOUT, ...options } });
        },
      },
    ],
    internals: [
      {
        activate(input, next) {
          const by = converter();
          if (LONG_LIVED.includes(workflowType))
            followWorker(Boolean(input.activation.deploymentVersionForCurrentTask?.deploymentName));
          for (const job of input.activation.jobs ?? []) {
            const { signalWorkflow: signal, doUpdate: update, queryWorkflow: query, initializeWorkflow: start } = job;
            const message = signal ?? update;
            for (const one of [message, query, start]) dropUnsoundTrace(one?.headers as Headers);
            if (ours && message?.input && !isReadable(message.input as Payload[], by)) message.input = [];
            if (ours && query?.arguments && !isReadable(query.arguments as Payload[], by)) query.arguments = [];
            // Encrypted payloads wait for a worker that has the key, except in messages: a message must not stop a load.
            const reason = message == null && query == null ? reasonIn(job) : undefined;
            if (reason !== undefined) throw new Error(reason);
            if (ours && start?.arguments && !isReadable(start.arguments as Payload[], by)) start.arguments = [];
            if (ours) refuseUnsound(job.resolveActivity, by);
          }
          return next(input);
        },
      },
    ],
  };
}
