/** `nightload watch`, and how `nightload load` follows what it started. Loaded once the load runs. */
import type { Client } from '@temporalio/client';
import { findLoad } from '../../client/load-handle.js';
import type { LoadHandle } from '../../client/load-handle.js';
import { loadIdFrom, reachableId } from '../../domain/load-ids.js';
import { INTERRUPTED, RESULT_EXIT_CODES } from '../shared/exit-codes.js';
import { asked } from '../temporal/outage-notes.js';
import type { Printing } from '../temporal/outage-notes.js';
import { printJson, say } from '../shared/output.js';
import { printResult } from '../shared/result/print-result.js';
import { follow } from '../shared/progress/follow.js';
import { withClient } from '../temporal/connect.js';

export async function watch(id: string, options: Printing): Promise<number> {
  return withClient(async (client) => {
    const found = await asked(client, options, () => findLoad(client, id));
    const { handle, description } = found;
    return followToEnd(client, handle, { ...options, taskQueue: description.taskQueue });
  });
}

export async function followToEnd(
  client: Client,
  handle: LoadHandle,
  { taskQueue, isNew = false, ...printing }: Printing & { taskQueue: string; isNew?: boolean },
): Promise<number> {
  const { json = false, quiet = false } = printing;
  const result = await follow(client, handle, { taskQueue, quiet, isNew });
  if ('detached' in result) {
    const { error } = result;
    const { workflowId } = handle;
    const id = reachableId(workflowId);
    if (error === undefined) {
      say('');
      say(`Detached; the load continues. Check it with: nightload status ${id}`);
    } else {
      const { code, message } = error;
      say(`nightload: ${code}: ${message}`);
      say(`Detached: the load probably continues. Once this is fixed, follow it with: nightload watch ${id}`);
      if (json) printJson({ loadId: loadIdFrom(workflowId), workflowId, state: 'Running', error: { code, message } });
    }
    return INTERRUPTED;
  }
  // The load has ended: an outage now must not hide its result.
  const { startTime, closeTime } = await asked(client, printing, () => handle.describe());
  await printResult(result, ((closeTime ?? new Date()).getTime() - startTime.getTime()) / 1000);
  if (json) printJson(result);
  return RESULT_EXIT_CODES[result.state];
}
