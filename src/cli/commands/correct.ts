/** `nightload correct`: rows that a person corrected go into the load that waits for them. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { findLoad } from '../../client.js';
import { WORKFLOW_ID_PREFIX } from '../../contract.js';
import { NightloadError } from '../../errors.js';
import { printJson, say } from '../failure.js';
import { queryProgress } from '../follow.js';
import { IS_URI } from '../load-options.js';
import { unattendedQueue } from '../pollers.js';
import { withClient } from '../temporal.js';

export interface CorrectOptions {
  delimiter?: string;
  encoding?: string;
  json?: boolean;
}

export async function correct(id: string, file: string, options: CorrectOptions): Promise<number> {
  const source = IS_URI.test(file) ? file : pathToFileURL(resolve(file)).href;
  const updateId = await updateIdOf(source);
  return withClient(async (client) => {
    const { handle, description } = await findLoad(client, id);
    const { workflowId, runId, status, taskQueue } = description;
    if (status.name !== 'RUNNING') {
      throw new NightloadError(
        'LOAD_NOT_RUNNING',
        `${workflowId} has ended already (${status.name}). Load the corrected file as a load of its own.`,
      );
    }
    const queue = await unattendedQueue(client, taskQueue, await handle.filesQueue());
    if (queue !== undefined) say(`No worker polls the task queue "${queue}"; the file is taken as soon as one does.`);
    const { delimiter, encoding } = options;
    const taken = await handle.submitCorrections(
      { source, ...(delimiter !== undefined && { delimiter }), ...(encoding !== undefined && { encoding }) },
      updateId,
    );
    const loadId = workflowId.startsWith(WORKFLOW_ID_PREFIX) ? workflowId.slice(WORKFLOW_ID_PREFIX.length) : workflowId;
    say(
      `${loadId}: takes ${taken.rows} corrected rows and sends them now; ${taken.remaining} rejected rows go on waiting.`,
    );
    say(`Look at it with: nightload status ${loadId}`);
    const progress = await queryProgress(client, handle);
    const state = progress?.phase === 'holding' ? 'Holding' : 'Running';
    if (options.json === true) printJson({ loadId, workflowId, runId, state, ...taken });
    return 0;
  });
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
