/** How `nightload load --detach` ends: the load runs, and its workers are looked for. */
import type { Client } from '@temporalio/client';
import type { LoadHandle } from '../../client/load-handle.js';
import { loadIdFrom } from '../../domain/load-ids.js';
import { asked } from '../temporal/outage-notes.js';
import type { Printing } from '../temporal/outage-notes.js';
import { printJson, say } from '../shared/output.js';
import { queueLine, queueStates } from '../shared/stuck-loads/task-queues.js';

/** Only for a hint. */
const QUEUES_LIMIT_MS = 5_000;

/** Leaves a started load to its workers. */
export async function detach(
  client: Client,
  handle: LoadHandle,
  started: { taskQueue: string; input: { object: string; operation: string }; printing: Printing },
): Promise<number> {
  const { taskQueue, input, printing } = started;
  const states = await client
    .withDeadline(Date.now() + QUEUES_LIMIT_MS, () => queueStates(client, { taskQueue }))
    .catch(() => []);
  const missing = states.find(({ service }) => service === 'none');
  if (missing !== undefined && printing.quiet !== true) say(queueLine(missing));
  const { workflowId, runId } = await asked(client, printing, () => handle.describe());
  const loadId = loadIdFrom(workflowId);
  const { object, operation } = input;
  if (printing.json === true) printJson({ loadId, workflowId, runId, state: 'Running', object, operation });
  else say(`It runs in the background. Check it with: nightload status ${loadId}`);
  return 0;
}
