/** `nightload correct`: sends rows corrected by a person to the load that waits for them. */
import { createHash, randomUUID } from 'node:crypto';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Client } from '@temporalio/client';
import { findLoad } from '../../client/load-handle.js';
import type { LoadHandle } from '../../client/load-handle.js';
import type { LoadProgress, StatusState } from '../../contract/load-progress.js';
import { reachableId } from '../../domain/load-ids.js';
import { NightloadError } from '../../errors.js';
import { resolvedFile } from '../../storage/files/resolved-file.js';
import { fingerprint } from '../../storage/fingerprint.js';
import { readRange } from '../../storage/read-files.js';
import { time } from '../../domain/text/format.js';
import type { Seen } from '../shared/stuck-loads/answer-watch.js';
import { printJson, say } from '../shared/output.js';
import { queryLoad } from '../temporal/query-load.js';
import { IS_URI } from '../shared/input/load-input.js';
import { pendingActivities } from '../shared/stuck-loads/pending-activities.js';
import { unattendedQueue } from '../shared/stuck-loads/task-queues.js';
import { timeoutMs, untilStuck } from '../temporal/run-on-worker.js';
import { COMMAND_LIMIT_MS, withClient } from '../temporal/connect.js';
import { defined } from '../../domain/defined.js';

/** Longer than any file takes; a workflow that is not ours may do something forever. */
const MAX_WAIT_MS = 3_600_000;

export interface CorrectOptions {
  delimiter?: string;
  encoding?: string;
  /** Sends a file again that was already accepted. */
  again?: boolean;
  timeout?: string;
  json?: boolean;
}

export async function correct(id: string, file: string, options: CorrectOptions): Promise<number> {
  const patience = timeoutMs(options.timeout);
  const source = IS_URI.test(file) ? file : pathToFileURL(resolve(file)).href;
  const updateId = await updateIdOf(source);
  return withClient(async (client) => {
    const { handle, description, loadId } = await client.withDeadline(Date.now() + COMMAND_LIMIT_MS, () =>
      findLoad(client, id),
    );
    const { workflowId, runId, status, taskQueue } = description;
    if (status.name !== 'RUNNING') {
      throw new NightloadError(
        'LOAD_NOT_RUNNING',
        `${workflowId} has already ended (${status.name}). Load the corrected file in a separate load.`,
      );
    }
    const ids = { loadId, workflowId, runId };
    const answer = await inTime(client, { handle, taskQueue, patience }, async () => {
      const before = options.again === true ? undefined : await handle.takenBefore(updateId);
      if (before !== undefined) return { ...before, alreadyTaken: true };
      const { delimiter, encoding } = options;
      return handle.submitCorrections(
        { source, ...defined({ delimiter, encoding }) },
        options.again === true ? `${updateId}-${randomUUID()}` : updateId,
      );
    });
    const typed = reachableId(workflowId);
    const progress = await queryLoad(client, () => handle.progress());
    if ('alreadyTaken' in answer) {
      say(`${loadId}: already accepted this file: its ${answer.rows} rows were sent then; nothing is sent now.`);
      say('Rows that were rejected again wait with their new reason. To send the same values again, use --again.');
    } else {
      const when =
        progress?.paused === true
          ? `will send them after \`nightload resume ${typed}\`, because it is paused`
          : 'is sending them';
      say(
        `${loadId}: accepted ${answer.rows} corrected rows and ${when}; ${answer.remaining} rejected rows still waiting.`,
      );
      for (const warning of answer.warnings ?? []) say(warning);
      say(`Check it with: nightload status ${typed}`);
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
 * The load's answer. Reports what prevents an answer, and bounds the wait.
 * @throws NightloadError `NO_WORKER`, `NO_ANSWER`, or the code of the failing step
 */
async function inTime<T>(client: Client, { handle, taskQueue, patience }: Asked, ask: () => Promise<T>): Promise<T> {
  const filesQueue = await client.withDeadline(Date.now() + COMMAND_LIMIT_MS, () => handle.filesQueue());
  const isMissing = (): Promise<string | undefined> => unattendedQueue(client, taskQueue, filesQueue);
  const missing = await isMissing();
  if (missing !== undefined)
    say(`No worker polls the task queue "${missing}": the file is accepted if one does within ${time(patience)}.`);
  const paused = missing === undefined && (await queryLoad(client, () => handle.progress()))?.paused === true;
  if (paused) say('The load is paused: it accepts a file now, but sends the rows only after it is resumed.');
  const look = async (): Promise<Seen> => {
    const [{ events, steps }, unattended] = await Promise.all([
      pendingActivities(client, handle.workflowId),
      isMissing(),
    ]);
    return {
      events,
      steps: steps.filter(({ name }) => name === 'acceptCorrections'),
      ...defined({ unattended }),
    };
  };
  const idle = paused
    ? 'the load is paused, and rows accepted before this file are sent first.'
    : 'rows accepted before this file are sent first.';
  const ended = new AbortController();
  try {
    const stuck = untilStuck(
      client,
      look,
      { timeoutMs: patience, mostMs: MAX_WAIT_MS, idle, ...defined({ told: missing }) },
      ended.signal,
    );
    const first = await Promise.race([ask().then((value) => ({ value })), stuck]);
    if (!(first instanceof NightloadError)) return first.value;
    throw new NightloadError(
      first.code,
      `${first.message} The load may still accept the file. Run the same command again: a file is accepted only once.`,
      { cause: first },
    );
  } finally {
    ended.abort();
  }
}

/** The hash of the content: a file that is sent twice is accepted once. */
async function updateIdOf(source: string): Promise<string> {
  const hash = createHash('sha256');
  try {
    const file = await resolvedFile(source);
    const { size, etag } = await fingerprint(file);
    if (etag !== undefined) hash.update(JSON.stringify([etag, size]));
    else for await (const chunk of readRange(file, 0)) hash.update(chunk as Buffer);
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'it does not exist' : (error as Error).message;
    throw new NightloadError('SOURCE_NOT_FOUND', `${source} cannot be read: ${reason}.`, { cause: error });
  }
  return `corrections-${hash.digest('hex')}`;
}
