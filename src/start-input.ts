/** What a load was started with, read from the history of its first run: a later one carries more, and a date for `{date}`. */
import type { Client, WorkflowExecutionDescription } from '@temporalio/client';
import { readPayload } from './codec/read-payloads.js';
import type { BulkLoadInput } from './contract.js';
import { asTemporalError, placeOf } from './temporal-errors.js';

/** @throws CodecError where this client has not the keys of whoever started the load */
export async function firstInput(
  client: Client,
  load: Pick<WorkflowExecutionDescription, 'workflowId' | 'runId' | 'raw'>,
): Promise<BulkLoadInput | undefined> {
  const { history } = await client.workflowService
    .getWorkflowExecutionHistory({
      namespace: client.options.namespace,
      execution: { workflowId: load.workflowId, runId: firstRunOf(load) },
      maximumPageSize: 1,
    })
    .catch((error: unknown) => {
      throw asTemporalError(error, placeOf(client));
    });
  const payload = history?.events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads?.[0];
  return payload == null ? undefined : readPayload<BulkLoadInput>(client, payload, load.workflowId);
}

/** The run with which a load began; it continues as new under other run ids. */
export function firstRunOf({ runId, raw }: Pick<WorkflowExecutionDescription, 'runId' | 'raw'>): string {
  return raw.workflowExecutionInfo?.firstRunId || runId;
}
