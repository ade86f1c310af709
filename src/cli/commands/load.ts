/** `nightload load` and `nightload watch`. */
import type { Client } from '@temporalio/client';
import type { BulkLoadInput } from '../../contract/load-input.js';
import { isFinishBy, isHour } from '../../domain/input/finish-by.js';
import type { LoadHandle } from '../../client/load-handle.js';
import { AlreadyLoadedError, startBulkLoad } from '../../client/start-load.js';
import { findLoad } from '../../client/load-handle.js';
import { DEFAULT_TASK_QUEUE } from '../../contract/names.js';
import { loadIdFrom, reachableId } from '../../domain/load-ids.js';
import { printJson, say } from '../shared/output.js';
import { follow } from '../shared/progress/follow.js';
import { toInput } from '../shared/load-options.js';
import type { LoadOptions } from '../shared/load-options.js';
import { NightloadError } from '../../errors.js';
import { keepAsking } from '../../client/retry-during-outage.js';
import type { WaitOptions } from '../../client/retry-during-outage.js';
import { placeOf } from '../../client/temporal-errors.js';
import { queueLine, queueStates } from '../shared/stuck-loads/task-queues.js';
import { INTERRUPTED, RESULT_EXIT_CODES } from '../shared/exit-codes.js';
import { printResult } from '../shared/print-result.js';
import { COMMAND_LIMIT_MS, taskQueueFrom, withClient } from '../temporal/connect.js';
import { withFixRules } from '../shared/fixes-file.js';

/** Only for a hint. */
const QUEUES_LIMIT_MS = 5_000;

interface Printing {
  json?: boolean;
  /** Only the result and errors. */
  quiet?: boolean;
}

/** What is printed once per Temporal outage while a command waits for an answer. */
function outageNotes({ quiet }: Printing): WaitOptions {
  if (quiet === true) return {};
  return {
    onSilence: ({ code, message }) => say(`Temporal does not answer (${code}: ${message}); still trying.`),
    onAnswer: () => say('Temporal answers again.'),
  };
}

/** Through an outage of Temporal; a call that hangs is repeated like one that fails. */
function asked<T>(client: Client, printing: Printing, call: () => Promise<T>): Promise<T> {
  const inTime = (): Promise<T> => client.withDeadline(Date.now() + COMMAND_LIMIT_MS, call);
  return keepAsking(inTime, { ...outageNotes(printing), place: placeOf(client) });
}

/** @throws NightloadError `INVALID_INPUT` */
function refusePast({ finishBy }: BulkLoadInput): void {
  if (finishBy === undefined || !isFinishBy(finishBy) || isHour(finishBy) || Date.parse(finishBy) > Date.now()) return;
  throw new NightloadError('INVALID_INPUT', `"finishBy" is ${finishBy}, which has passed.`);
}

export async function load(source: string, options: LoadOptions & Printing): Promise<number> {
  const taskQueue = taskQueueFrom(process.env, DEFAULT_TASK_QUEUE);
  return withClient(async (client) => {
    try {
      const input = toInput(source, await withFixRules(options));
      refusePast(input);
      const handle = await startBulkLoad(client, input, {
        ...outageNotes(options),
        taskQueue,
        again: options.again ?? false,
      });
      const { workflowId, joined } = handle;
      if (options.quiet !== true)
        say(`${joined ? 'Joined' : 'Started'} load ${loadIdFrom(workflowId)} (workflow ${workflowId}).`);
      if (options.detach === true) {
        const states = await client
          .withDeadline(Date.now() + QUEUES_LIMIT_MS, () => queueStates(client, { taskQueue }))
          .catch(() => []);
        const missing = states.find(({ service }) => service === 'none');
        if (missing !== undefined && options.quiet !== true) say(queueLine(missing));
        return await printIds(client, handle, input, options);
      }
      return await followToEnd(client, handle, taskQueue, options);
    } catch (error) {
      if (error instanceof AlreadyLoadedError && error.earlier !== undefined) await printResult(error.earlier);
      if (!(error instanceof NightloadError) || error.code !== 'LOAD_START_UNKNOWN') throw error;
      // It may be running: this must not be mistaken for a failed load.
      const { code, message } = error;
      say(`nightload: ${code}: ${message}`);
      if (options.json === true) printJson({ state: 'Unknown', error: { code, message } });
      return INTERRUPTED;
    }
  });
}

export async function watch(id: string, options: Printing): Promise<number> {
  return withClient(async (client) => {
    const found = await asked(client, options, () => findLoad(client, id));
    const { handle, description } = found;
    return followToEnd(client, handle, description.taskQueue, options);
  });
}

async function printIds(
  client: Client,
  handle: LoadHandle,
  { object, operation }: { object: string; operation: string },
  printing: Printing,
): Promise<number> {
  const { workflowId, runId } = await asked(client, printing, () => handle.describe());
  const loadId = loadIdFrom(workflowId);
  if (printing.json === true) printJson({ loadId, workflowId, runId, state: 'Running', object, operation });
  else say(`It runs in the background. Check it with: nightload status ${loadId}`);
  return 0;
}

async function followToEnd(client: Client, handle: LoadHandle, taskQueue: string, printing: Printing): Promise<number> {
  const { json = false, quiet = false } = printing;
  const result = await follow(client, handle, { taskQueue, quiet });
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
