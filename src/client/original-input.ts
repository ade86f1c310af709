/**
 * A load's original input, read from the history of its first run: a later one carries more, and a date for `{date}`.
 */
import type { Client, WorkflowExecutionDescription } from '@temporalio/client';
import { readPayload } from '../codec/read-payloads.js';
import { readShownInput } from './answers/shown-input.js';
import type { ShownInput } from './answers/shown-input.js';
import { asTemporalError, placeOf } from './temporal-errors.js';

type FoundRun = Pick<WorkflowExecutionDescription, 'workflowId' | 'runId' | 'raw'>;

/**
 * As its starter wrote it: anything.
 * @throws CodecError when this client lacks the keys of the client that started the load
 */
export async function firstInput(client: Client, load: FoundRun): Promise<unknown> {
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
  return payload == null ? undefined : readPayload<unknown>(client, payload, load.workflowId);
}

/** What can be shown of it. @throws CodecError as above */
export async function shownInput(client: Client, load: FoundRun): Promise<ShownInput> {
  return readShownInput(await firstInput(client, load));
}

/** The first run of a load; it continues as new under other run ids. */
export function firstRunOf({ runId, raw }: Pick<WorkflowExecutionDescription, 'runId' | 'raw'>): string {
  return raw.workflowExecutionInfo?.firstRunId || runId;
}
