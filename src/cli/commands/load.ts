/** `nightload load` and `nightload watch`. */
import type { Client } from '@temporalio/client';
import type { LoadHandle } from '../../load-handle.js';
import { AlreadyLoadedError, startBulkLoad } from '../../client.js';
import { findLoad } from '../../load-handle.js';
import { DEFAULT_TASK_QUEUE } from '../../contract.js';
import { loadIdOf, reachableId } from '../../domain/load-ids.js';
import { printJson, say } from '../failure.js';
import { follow } from '../follow.js';
import { toInput } from '../load-options.js';
import type { LoadOptions } from '../load-options.js';
import { unattendedQueue } from '../pollers.js';
import { EXIT_CODES, printResult } from '../report.js';
import { taskQueueFrom, withClient } from '../temporal.js';

const DETACHED = 130;

export async function load(source: string, options: LoadOptions): Promise<number> {
  const taskQueue = taskQueueFrom(process.env, DEFAULT_TASK_QUEUE);
  return withClient(async (client) => {
    try {
      const input = toInput(source, options);
      const handle = await startBulkLoad(client, input, { taskQueue, again: options.again ?? false });
      say(
        `${handle.joined ? 'Joined' : 'Started'} load ${loadIdOf({}, handle.workflowId)} (workflow ${handle.workflowId}).`,
      );
      if (options.detach === true) {
        const missing = await unattendedQueue(client, taskQueue, undefined).catch(() => undefined);
        if (missing !== undefined)
          say(`No worker polls the task queue "${missing}". The load waits for one: start \`nightload worker\`.`);
        return await printIds(handle, input, options.json === true);
      }
      return await followToEnd(client, handle, taskQueue, options.json === true);
    } catch (error) {
      if (error instanceof AlreadyLoadedError && error.earlier !== undefined) await printResult(error.earlier);
      throw error;
    }
  });
}

export async function watch(id: string, options: { json?: boolean }): Promise<number> {
  return withClient(async (client) => {
    const { handle, description } = await findLoad(client, id);
    return followToEnd(client, handle, description.taskQueue, options.json === true);
  });
}

async function printIds(
  handle: LoadHandle,
  { object, operation }: { object: string; operation: string },
  json: boolean,
): Promise<number> {
  const { workflowId, runId } = await handle.describe();
  const loadId = loadIdOf({}, workflowId);
  if (json) printJson({ loadId, workflowId, runId, state: 'Running', object, operation });
  else say(`It runs on its own. Look at it with: nightload status ${loadId}`);
  return 0;
}

async function followToEnd(client: Client, handle: LoadHandle, taskQueue: string, json: boolean): Promise<number> {
  const result = await follow(client, handle, taskQueue);
  if (result === 'detached') {
    say(`\nDetached; the load goes on. Look at it with: nightload status ${reachableId(handle.workflowId)}`);
    return DETACHED;
  }
  const { startTime, closeTime } = await handle.describe();
  await printResult(result, ((closeTime ?? new Date()).getTime() - startTime.getTime()) / 1000);
  if (json) printJson(result);
  return EXIT_CODES[result.state];
}
