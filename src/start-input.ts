/** What a load was started with, read from its history. */
import type { Client } from '@temporalio/client';
import type { BulkLoadInput } from './contract.js';

export async function firstInput(
  client: Client,
  { workflowId, runId }: { workflowId: string; runId: string },
): Promise<BulkLoadInput | undefined> {
  const { history } = await client.workflowService.getWorkflowExecutionHistory({
    namespace: client.options.namespace,
    execution: { workflowId, runId },
    maximumPageSize: 1,
  });
  const payload = history?.events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads?.[0];
  return payload == null ? undefined : client.options.loadedDataConverter.payloadConverter.fromPayload(payload);
}
