/** `nightload load`. What it needs only once the load runs is imported then. */
import type { BulkLoadInput } from '../../contract/load-input.js';
import { DEFAULT_TASK_QUEUE } from '../../contract/names.js';
import { isFinishBy, isHour } from '../../domain/input/finish-by.js';
import { loadIdFrom } from '../../domain/load-ids.js';
import { NightloadError } from '../../errors.js';
import { INTERRUPTED } from '../shared/exit-codes.js';
import type { LoadOptions } from '../shared/input/load-options.js';
import { outageNotes } from '../temporal/outage-notes.js';
import type { Printing } from '../temporal/outage-notes.js';
import { printJson, say } from '../shared/output.js';
import { taskQueueFrom, withClient } from '../temporal/connect.js';

/** @throws NightloadError `INVALID_INPUT` */
function refusePast({ finishBy }: BulkLoadInput): void {
  if (finishBy === undefined || !isFinishBy(finishBy) || isHour(finishBy) || Date.parse(finishBy) > Date.now()) return;
  throw new NightloadError('INVALID_INPUT', `"finishBy" is ${finishBy}, which has passed.`);
}

async function prepare(source: string, options: LoadOptions) {
  const starting = import('../../client/start-load.js');
  const { toInput, withFiles } = await import('../shared/input/load-input.js');
  const input = toInput(source, await withFiles(options));
  refusePast(input);
  return { input, ...(await starting) };
}

export async function load(source: string, options: LoadOptions & Printing): Promise<number> {
  const taskQueue = taskQueueFrom(process.env, DEFAULT_TASK_QUEUE);
  const { input, startBulkLoad, AlreadyLoadedError } = await prepare(source, options);
  return withClient(async (client) => {
    try {
      const handle = await startBulkLoad(client, input, {
        ...outageNotes(options),
        taskQueue,
        again: options.again ?? false,
      });
      const { workflowId, joined } = handle;
      if (options.quiet !== true)
        say(`${joined ? 'Joined' : 'Started'} load ${loadIdFrom(workflowId)} (workflow ${workflowId}).`);
      if (options.detach === true) {
        const { detach } = await import('./detach.js');
        return await detach(client, handle, { taskQueue, input, printing: options });
      }
      const { followToEnd } = await import('./watch.js');
      return await followToEnd(client, handle, { ...options, taskQueue, isNew: !joined });
    } catch (error) {
      if (error instanceof AlreadyLoadedError && error.earlier !== undefined) {
        const { printResult } = await import('../shared/result/print-result.js');
        await printResult(error.earlier);
      }
      if (!(error instanceof NightloadError) || error.code !== 'LOAD_START_UNKNOWN') throw error;
      // It may be running: this must not be mistaken for a failed load.
      const { code, message } = error;
      say(`nightload: ${code}: ${message}`);
      if (options.json === true) printJson({ state: 'Unknown', error: { code, message } });
      return INTERRUPTED;
    }
  });
}
