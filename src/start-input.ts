/** What a load was started with, read from the history of its first run: a later one carries more, and a date for `{date}`. */
import type { Client, WorkflowExecutionDescription } from '@temporalio/client';
import type { BulkLoadInput } from './contract.js';

export async function firstInput(
  client: Client,
  { workflowId, runId, raw }: Pick<WorkflowExecutionDescription, 'workflowId' | 'runId' | 'raw'>,
): Promise<BulkLoadInput | undefined> {
  const { history } = await client.workflowService.getWorkflowExecutionHistory({
    namespace: client.options.namespace,
    execution: { workflowId, runId: raw.workflowExecutionInfo?.firstRunId || runId },
    maximumPageSize: 1,
  });
  const payload = history?.events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads?.[0];
  return payload == null ? undefined : client.options.loadedDataConverter.payloadConverter.fromPayload(payload);
}
