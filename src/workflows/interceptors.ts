/**
 * Inputs and signals that cannot be decoded: the SDK would fail the workflow's task again and again, so that whoever may
 * send signals could freeze any load and the ledger of any org. Here such payloads are left out before anything is made
 * of them: the input is then refused, and the signal dropped, as any other that says nothing of use.
 */
import { defaultPayloadConverter } from '@temporalio/common';
import type { Payload, PayloadConverter } from '@temporalio/common';
import { workflowInfo } from '@temporalio/workflow';
import type { WorkflowInterceptors } from '@temporalio/workflow';

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

/** Pure: whether a message can be read. */
export function isReadable(payloads: readonly Payload[], by: PayloadConverter = defaultPayloadConverter): boolean {
  try {
    for (const payload of payloads) by.fromPayload(payload);
    return true;
  } catch {
    return false;
  }
}

export function interceptors(): WorkflowInterceptors {
  if (!OURS.includes(workflowInfo().workflowType)) return {};
  return {
    internals: [
      {
        activate(input, next) {
          const by = converter();
          for (const { signalWorkflow: signal, initializeWorkflow: start } of input.activation.jobs ?? []) {
            if (signal?.input && !isReadable(signal.input as Payload[], by)) signal.input = [];
            if (start?.arguments && !isReadable(start.arguments as Payload[], by)) start.arguments = [];
          }
          return next(input);
        },
      },
    ],
  };
}
