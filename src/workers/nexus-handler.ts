/**
 * Handler of the Nexus service: the operation is the load itself, so cancellations reach it and its result is returned.
 */
import { ApplicationFailure } from '@temporalio/common';
import { getClient, startWorkflow, WorkflowRunOperationHandler } from '@temporalio/nexus';
import { HandlerError, OperationError, serviceHandler } from 'nexus-rpc';
import type {
  CancelOperationContext,
  HandlerStartOperationResult,
  OperationContext,
  ServiceHandler,
  StartOperationContext,
} from 'nexus-rpc';
import { AlreadyLoadedError, checkEarlier, startOf } from '../client/start-load.js';
import { workflowIdOf } from '../domain/load-ids.js';
import type { BulkLoadInput } from '../contract/load-input.js';
import type { BulkLoadResult } from '../contract/load-result.js';
import { NightloadError } from '../errors.js';
import { nightloadService } from '../contract/nexus-service.js';
import { resolveInput } from '../domain/input/resolve-input.js';

/**
 * A server without authorization accepts Nexus requests over HTTP from anyone who reaches its port, including any page
 * in a browser on that machine. Browsers identify themselves; workflows and programs that call through Temporal do not
 * send such headers.
 */
class LoadOperation extends WorkflowRunOperationHandler<BulkLoadInput, BulkLoadResult> {
  override async start(
    context: StartOperationContext,
    input: BulkLoadInput,
  ): Promise<HandlerStartOperationResult<BulkLoadResult>> {
    refusePages(context);
    return super.start(context, input);
  }

  override async cancel(context: CancelOperationContext, token: string): Promise<void> {
    refusePages(context);
    return super.cancel(context, token);
  }
}

/** @throws HandlerError */
function refusePages({ headers }: OperationContext): void {
  const names = Object.keys(headers).map((name) => name.toLowerCase());
  if (!names.some((name) => name === 'origin' || name.startsWith('sec-fetch-'))) return;
  throw new HandlerError('UNAUTHORIZED', 'Web pages may not start or cancel loads.');
}

/** Handler of {@link nightloadService}, for `nexusServices` of the worker that polls the loads' queue. */
export function nightloadServiceHandler(): ServiceHandler<(typeof nightloadService)['operations']> {
  return serviceHandler(nightloadService, {
    bulkLoad: new LoadOperation(async (context, input) => {
      // A caller's retry has the same request id and finds the load that it started.
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
        // The same load is already running: this operation waits for it too.
        workflowIdConflictPolicy: 'USE_EXISTING',
      });
    }),
  });
}

/** A load that may not start fails the operation, once and with its code; temporary failures are retried. */
function refusal(error: unknown): unknown {
  if (!(error instanceof NightloadError)) return error;
  const { code: type, message } = error;
  const details =
    error instanceof AlreadyLoadedError && error.earlier !== undefined ? [{ earlier: error.earlier }] : [];
  const cause = ApplicationFailure.create({ type, message, details, nonRetryable: true });
  return new OperationError('failed', message, { cause });
}
