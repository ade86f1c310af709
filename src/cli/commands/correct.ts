/** `nightload correct`: rows that a person corrected go into the load that waits for them. */
import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Client } from '@temporalio/client';
import { findLoad } from '../../load-handle.js';
import type { LoadHandle } from '../../load-handle.js';
import type { LoadProgress, StatusState } from '../../contract.js';
import { reachableId } from '../../domain/load-ids.js';
import { NightloadError } from '../../errors.js';
import { time } from '../../workflows/words.js';
import type { Seen } from '../answer-watch.js';
import { printJson, say } from '../failure.js';
import { queryProgress } from '../follow.js';
import { IS_URI } from '../load-options.js';
import { lookAtSteps } from '../look-at-steps.js';
import { unattendedQueue } from '../pollers.js';
import { timeoutMs, untilStuck } from '../run-on-worker.js';
import { withClient } from '../temporal.js';

export interface CorrectOptions {
  delimiter?: string;
  encoding?: string;
  /** Sends a file that was taken before once more. */
  again?: boolean;
  timeout?: string;
  json?: boolean;
}

export async function correct(id: string, file: string, options: CorrectOptions): Promise<number> {
  const patience = timeoutMs(options.timeout);
  const source = IS_URI.test(file) ? file : pathToFileURL(resolve(file)).href;
  const updateId = await updateIdOf(source);
  return withClient(async (client) => {
    const { handle, description, loadId } = await findLoad(client, id);
    const { workflowId, runId, status, taskQueue } = description;
    if (status.name !== 'RUNNING') {
      throw new NightloadError(
        'LOAD_NOT_RUNNING',
        `${workflowId} has ended already (${status.name}). Load the corrected file as a load of its own.`,
      );
    }
    const ids = { loadId, workflowId, runId };
    const answer = await inTime(client, { handle, taskQueue, patience }, async () => {
      const before = options.again === true ? undefined : await handle.takenBefore(updateId);
      if (before !== undefined) return { ...before, alreadyTaken: true };
      const { delimiter, encoding } = options;
      return handle.submitCorrections(
        { source, ...(delimiter !== undefined && { delimiter }), ...(encoding !== undefined && { encoding }) },
        options.again === true ? `${updateId}-${randomUUID()}` : updateId,
      );
    });
    const typed = reachableId(workflowId);
    const progress = await queryProgress(client, handle);
    if ('alreadyTaken' in answer) {
      say(
        `${loadId}: has taken this very file already: its ${answer.rows} rows were sent then, and nothing is sent now.`,
      );
      say(
        'Rows of it that were rejected again wait with their new reason. To send the same values once more: --again.',
      );
    } else {
      const when =
        progress?.paused === true
          ? `sends them after \`nightload resume ${typed}\`, as it is paused`
          : 'sends them now';
      say(
        `${loadId}: takes ${answer.rows} corrected rows and ${when}; ${answer.remaining} rejected rows go on waiting.`,
      );
      for (const warning of answer.warnings ?? []) say(warning);
      say(`Look at it with: nightload status ${typed}`);
    }
    if (options.json === true) printJson({ ...ids, state: stateOf(progress), ...answer });
    return 0;
  });
}

function stateOf(progress: LoadProgress | undefined): StatusState {
  if (progress?.paused === true) return 'Paused';
  return progress?.phase === 'holding' ? 'Holding' : 'Running';
}

interface Asked {
  handle: LoadHandle;
  taskQueue: string;
  patience: number;
}

/**
 * What the load answers. What keeps it from answering is said, and the wait for it has an end.
 * @throws NightloadError `NO_WORKER`, `NO_ANSWER`, or the code of the step that fails
 */
async function inTime<T>(client: Client, { handle, taskQueue, patience }: Asked, ask: () => Promise<T>): Promise<T> {
  const filesQueue = await handle.filesQueue();
  const isMissing = (): Promise<string | undefined> => unattendedQueue(client, taskQueue, filesQueue);
  const missing = await isMissing();
  if (missing !== undefined)
    say(`No worker polls the task queue "${missing}": the file is taken if one does within ${time(patience)}.`);
  const paused = missing === undefined && (await queryProgress(client, handle))?.paused === true;
  if (paused) say('The load is paused: it takes a file now, but sends the rows only after it was resumed.');
  const look = async (): Promise<Seen> => {
    const [{ events, steps }, unattended] = await Promise.all([lookAtSteps(client, handle.workflowId), isMissing()]);
    return {
      events,
      steps: steps.filter(({ name }) => name === 'takeCorrections'),
      ...(unattended !== undefined && { unattended }),
    };
  };
  const idle = paused
    ? 'the load is paused, and rows that it took before this file are sent first.'
    : 'rows that the load took before this file are sent first.';
  const ended = new AbortController();
  try {
    const stuck = untilStuck(
      client,
      look,
      { timeoutMs: patience, idle, ...(missing !== undefined && { told: missing }) },
      ended.signal,
    );
    const first = await Promise.race([ask().then((value) => ({ value })), stuck]);
    if (!(first instanceof NightloadError)) return first.value;
    throw new NightloadError(
      first.code,
      `${first.message} The load may have the file and still take it. Run the same command again: a file is taken once.`,
      { cause: first },
    );
  } finally {
    ended.abort();
  }
}

/** The hash of the content: a file that is sent twice is taken once. */
async function updateIdOf(source: string): Promise<string> {
  const hash = createHash('sha256');
  try {
    for await (const chunk of createReadStream(fileURLToPath(source))) hash.update(chunk as Buffer);
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'it is not there' : (error as Error).message;
    throw new NightloadError('SOURCE_NOT_FOUND', `${source} cannot be read: ${reason}.`, { cause: error });
  }
  return `corrections-${hash.digest('hex')}`;
}
