/** Behind the Nexus service: the operation is the load itself, so that a cancel passes through and the result comes back. */
import { ApplicationFailure } from '@temporalio/common';
import { getClient, startWorkflow, WorkflowRunOperationHandler } from '@temporalio/nexus';
import { OperationError, serviceHandler } from 'nexus-rpc';
import type { ServiceHandler } from 'nexus-rpc';
import { AlreadyLoadedError, checkEarlier, startOf } from './client.js';
import { workflowIdOf } from './domain/load-ids.js';
import type { BulkLoadInput, BulkLoadResult } from './contract.js';
import { NightloadError } from './errors.js';
import { nightloadService } from './nexus-service.js';
import { resolveInput } from './workflows/input.js';

/** Handler of {@link nightloadService}, for `nexusServices` of the worker that polls the queue of loads. */
export function nightloadServiceHandler(): ServiceHandler<(typeof nightloadService)['operations']> {
  return serviceHandler(nightloadService, {
    bulkLoad: new WorkflowRunOperationHandler<BulkLoadInput, BulkLoadResult>(async (context, input) => {
      // A caller's retry has the same request id and finds the load that it has started.
      const complete = { ...input, loadId: input.loadId ?? `nexus-${context.requestId}` };
      const workflowId = workflowIdOf(complete.loadId);
      try {
        resolveInput(complete, '');
        await checkEarlier(getClient(), complete, workflowId);
      } catch (error) {
        throw refusal(error);
      }
      return startWorkflow<(given: BulkLoadInput) => Promise<BulkLoadResult>>(context, 'bulkLoad', {
        ...startOf(complete, workflowId),
        // The same load runs already: this operation waits for it too.
        workflowIdConflictPolicy: 'USE_EXISTING',
      });
    }),
  });
}

/** A load that may not start fails the operation, once and with its code; what is only a bad moment is tried again. */
function refusal(error: unknown): unknown {
  if (!(error instanceof NightloadError)) return error;
  const { code: type, message } = error;
  const details =
    error instanceof AlreadyLoadedError && error.earlier !== undefined ? [{ earlier: error.earlier }] : [];
  const cause = ApplicationFailure.create({ type, message, details, nonRetryable: true });
  return new OperationError('failed', message, { cause });
}
