/** `nightload correct`: rows that a person corrected go into the load that waits for them. */
import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Client } from '@temporalio/client';
import { findLoad } from '../../load-handle.js';
import type { LoadHandle } from '../../load-handle.js';
import type { StatusState } from '../../contract.js';
import { reachableId } from '../../domain/load-ids.js';
import { NightloadError } from '../../errors.js';
import { printJson, say } from '../failure.js';
import { queryProgress } from '../follow.js';
import { IS_URI } from '../load-options.js';
import { unattendedQueue } from '../pollers.js';
import { withClient } from '../temporal.js';

export interface CorrectOptions {
  delimiter?: string;
  encoding?: string;
  /** Sends a file that was taken before once more. */
  again?: boolean;
  json?: boolean;
}

export async function correct(id: string, file: string, options: CorrectOptions): Promise<number> {
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
    const queue = await unattendedQueue(client, taskQueue, await handle.filesQueue());
    if (queue !== undefined) say(`No worker polls the task queue "${queue}"; the file is taken as soon as one does.`);
    const ids = { loadId, workflowId, runId };
    const before = options.again === true ? undefined : await handle.takenBefore(updateId);
    if (before !== undefined) {
      say(
        `${loadId}: has taken this very file already: its ${before.rows} rows were sent then, and nothing is sent now.`,
      );
      say(
        'Rows of it that were rejected again wait with their new reason. To send the same values once more: --again.',
      );
      if (options.json === true)
        printJson({ ...ids, state: await stateOf(client, handle), ...before, alreadyTaken: true });
      return 0;
    }
    const { delimiter, encoding } = options;
    const taken = await handle.submitCorrections(
      { source, ...(delimiter !== undefined && { delimiter }), ...(encoding !== undefined && { encoding }) },
      options.again === true ? `${updateId}-${randomUUID()}` : updateId,
    );
    say(
      `${loadId}: takes ${taken.rows} corrected rows and sends them now; ${taken.remaining} rejected rows go on waiting.`,
    );
    say(`Look at it with: nightload status ${reachableId(workflowId)}`);
    if (options.json === true) printJson({ ...ids, state: await stateOf(client, handle), ...taken });
    return 0;
  });
}

async function stateOf(client: Client, handle: LoadHandle): Promise<StatusState> {
  const progress = await queryProgress(client, handle);
  return progress?.phase === 'holding' ? 'Holding' : 'Running';
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
