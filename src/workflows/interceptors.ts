/**
 * Inputs, signals and updates that cannot be decoded: the SDK would fail the workflow's task again and again, so that whoever may
 * send signals could freeze any load and the ledger of any org. Here such payloads are left out before anything is made
 * of them: the input is then refused, and the signal dropped, as any other that says nothing of use.
 */
import { defaultPayloadConverter } from '@temporalio/common';
import type { Payload, PayloadConverter } from '@temporalio/common';
import { workflowInfo } from '@temporalio/workflow';
import type { WorkflowInterceptors } from '@temporalio/workflow';
import { isReadable, reasonIn } from './unreadable.js';

/** A host's worker may run other workflows: theirs are left as they are. */
const OURS: readonly string[] = [
  'bulkLoad',
  'checkLoad',
  'ingestJob',
  'orgAllocation',
  'orgLimits',
  'orphanJobs',
  'retryFailedRows',
];

/** The one that the worker was given, if it was. */
function converter(): PayloadConverter {
  const { __TEMPORAL_ACTIVATOR__: activator } = globalThis as {
    __TEMPORAL_ACTIVATOR__?: { payloadConverter?: PayloadConverter };
  };
  return activator?.payloadConverter ?? defaultPayloadConverter;
}

export function interceptors(): WorkflowInterceptors {
  const ours = OURS.includes(workflowInfo().workflowType);
  return {
    internals: [
      {
        activate(input, next) {
          const by = converter();
          for (const job of input.activation.jobs ?? []) {
            const { signalWorkflow: signal, doUpdate: update, initializeWorkflow: start } = job;
            const message = signal ?? update;
            if (ours && message?.input && !isReadable(message.input as Payload[], by)) message.input = [];
            // What it needs waits for a worker that has the key; what nobody can read in any way never comes.
            const reason = reasonIn(job);
            if (reason !== undefined) throw new Error(reason);
            if (ours && start?.arguments && !isReadable(start.arguments as Payload[], by)) start.arguments = [];
          }
          return next(input);
        },
      },
    ],
  };
}
