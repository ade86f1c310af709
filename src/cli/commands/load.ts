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
import { NightloadError } from '../../errors.js';
import { keepAsking } from '../../keep-asking.js';
import type { WaitOptions } from '../../keep-asking.js';
import { placeOf } from '../../temporal-errors.js';
import { queueLine, queueStates } from '../pollers.js';
import { EXIT_CODES, printResult } from '../report.js';
import { taskQueueFrom, withClient } from '../temporal.js';

const DETACHED = 130;

/** Said once for each outage of Temporal while a command waits for an answer. */
const TOLD: WaitOptions = {
  onSilence: ({ code, message }) => say(`Temporal does not answer (${code}: ${message}); still asking.`),
  onAnswer: () => say('Temporal answers again.'),
};

export async function load(source: string, options: LoadOptions): Promise<number> {
  const taskQueue = taskQueueFrom(process.env, DEFAULT_TASK_QUEUE);
  return withClient(async (client) => {
    try {
      const input = toInput(source, options);
      const handle = await startBulkLoad(client, input, { ...TOLD, taskQueue, again: options.again ?? false });
      say(
        `${handle.joined ? 'Joined' : 'Started'} load ${loadIdOf({}, handle.workflowId)} (workflow ${handle.workflowId}).`,
      );
      if (options.detach === true) {
        const states = await queueStates(client, { taskQueue }).catch(() => []);
        const missing = states.find(({ attendance }) => attendance === 'gone');
        if (missing !== undefined) say(queueLine(missing, false));
        return await printIds(client, handle, input, options.json === true);
      }
      return await followToEnd(client, handle, taskQueue, options.json === true);
    } catch (error) {
      if (error instanceof AlreadyLoadedError && error.earlier !== undefined) await printResult(error.earlier);
      if (!(error instanceof NightloadError) || error.code !== 'LOAD_START_UNKNOWN') throw error;
      // It may run: nobody may take this for a load that failed.
      const { code, message } = error;
      say(`nightload: ${code}: ${message}`);
      if (options.json === true) printJson({ state: 'Unknown', error: { code, message } });
      return DETACHED;
    }
  });
}

export async function watch(id: string, options: { json?: boolean }): Promise<number> {
  return withClient(async (client) => {
    const found = await keepAsking(() => findLoad(client, id), { ...TOLD, place: placeOf(client) });
    const { handle, description } = found;
    return followToEnd(client, handle, description.taskQueue, options.json === true);
  });
}

async function printIds(
  client: Client,
  handle: LoadHandle,
  { object, operation }: { object: string; operation: string },
  json: boolean,
): Promise<number> {
  const { workflowId, runId } = await keepAsking(() => handle.describe(), { ...TOLD, place: placeOf(client) });
  const loadId = loadIdOf({}, workflowId);
  if (json) printJson({ loadId, workflowId, runId, state: 'Running', object, operation });
  else say(`It runs on its own. Look at it with: nightload status ${loadId}`);
  return 0;
}

async function followToEnd(client: Client, handle: LoadHandle, taskQueue: string, json: boolean): Promise<number> {
  const result = await follow(client, handle, taskQueue);
  if ('detached' in result) {
    const { error } = result;
    const { workflowId } = handle;
    const id = reachableId(workflowId);
    if (error === undefined) say(`\nDetached; the load goes on. Look at it with: nightload status ${id}`);
    else {
      const { code, message } = error;
      say(`nightload: ${code}: ${message}`);
      say(
        `Detached: the load goes on as far as anybody knows. Once this is mended, follow it with: nightload watch ${id}`,
      );
      if (json) printJson({ loadId: loadIdOf({}, workflowId), workflowId, state: 'Running', error: { code, message } });
    }
    return DETACHED;
  }
  // The load has ended: an outage now must not hide how.
  const { startTime, closeTime } = await keepAsking(() => handle.describe(), { ...TOLD, place: placeOf(client) });
  await printResult(result, ((closeTime ?? new Date()).getTime() - startTime.getTime()) / 1000);
  if (json) printJson(result);
  return EXIT_CODES[result.state];
}
