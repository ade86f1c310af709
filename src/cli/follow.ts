/** Following a load to its end from a shell: progress, a word when no worker or no Temporal is there, Ctrl-C detaches. */
import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { CodecError } from '../codec/codec-error.js';
import type { LoadHandle } from '../load-handle.js';
import type { BulkLoadInput, BulkLoadResult, LoadProgress } from '../contract.js';
import { firstInput } from '../start-input.js';
import type { NightloadError } from '../errors.js';
import { placeOf, TemporalError, temporalError } from '../temporal-errors.js';
import { filesPlaceOf, queueLine, queueStates, servesActivities } from './pollers.js';
import { progressView } from './progress.js';
import { troubleKey, troubleLine, troublesOf } from './troubles.js';

const LOOK_EVERY_MS = 1_000;
const CHECK_WORKER_EVERY_MS = 3_000;
/** A query waits for a worker; a missing one must not hold the display up. */
const QUERY_LIMIT_MS = 2_000;
const ANSWER_LIMIT_MS = 3_000;
/** Shorter silences are told to nobody: a server that is restarted, a call that was lost. */
const SILENCE_MS = 3_000;
/** Loads beside each other wait for free workers all the time. */
const BUSY_MS = 30_000;

/** A load, and where to say what a person should know of it, until the signal. */
interface Watched {
  client: Client;
  handle: LoadHandle;
  signal: AbortSignal;
  note: (line: string) => void;
}

/** Why nobody follows any more: Ctrl-C, or a Temporal that answers no more questions. */
export interface Detached {
  detached: true;
  error?: NightloadError;
}

/** The result, or why it is not waited for any more: that is no end of the load. */
export async function follow(
  client: Client,
  handle: LoadHandle,
  taskQueue: string,
): Promise<BulkLoadResult | Detached> {
  const view = progressView();
  const stop = new AbortController();
  // The client leaves a listener behind for each of its long polls, some sixty in an hour: no reason for a warning.
  setMaxListeners(0, stop.signal);
  let interrupt = (): void => undefined;
  const detached = new Promise<Detached>((done) => {
    interrupt = () => done({ detached: true });
    process.once('SIGINT', interrupt);
  });
  const watched: Watched = { client, handle, signal: stop.signal, note: (line) => view.note(line) };
  const watching = Promise.all([
    every(LOOK_EVERY_MS, stop.signal, async () => {
      const progress = await queryProgress(client, handle);
      if (progress !== undefined && !stop.signal.aborted) view.update(progress);
    }),
    watchWorkers(watched, taskQueue),
    watchFixer(watched, taskQueue),
    watchTroubles(watched),
    watchTemporal(watched),
  ]);
  const { signal } = stop;
  try {
    // Not asked for any more after Ctrl-C: on a connection that is closed by then, the next try would end the process.
    return await Promise.race([client.withAbortSignal(signal, () => handle.result({ signal })), detached]);
  } catch (error) {
    if (error instanceof TemporalError) return { detached: true, error };
    throw error;
  } finally {
    process.off('SIGINT', interrupt);
    stop.abort();
    view.end();
    await watching;
  }
}

/** `undefined` when no worker answers in time, or what it answers cannot be read. */
export async function queryProgress(
  client: Client,
  handle: LoadHandle,
  onUnreadable: (error: CodecError) => void = () => undefined,
): Promise<LoadProgress | undefined> {
  try {
    return await client.withDeadline(Date.now() + QUERY_LIMIT_MS, () => handle.progress());
  } catch (error) {
    if (error instanceof CodecError) onUnreadable(error);
    return undefined;
  }
}

/** Says once that Temporal is silent, and once that it is back: the result is asked for all the while. */
async function watchTemporal({ client, handle, signal, note }: Watched): Promise<void> {
  const place = placeOf(client);
  let lastAnswer = Date.now();
  let told = false;
  await every(LOOK_EVERY_MS, signal, async () => {
    try {
      await client.withDeadline(Date.now() + ANSWER_LIMIT_MS, () => handle.describe());
      if (told) note('Temporal answers again.');
      told = false;
      lastAnswer = Date.now();
    } catch (error) {
      const found = temporalError(error, place);
      if (told || signal.aborted || !(found instanceof TemporalError) || Date.now() - lastAnswer < SILENCE_MS) return;
      told = true;
      note(
        `Temporal does not answer (${found.code}: ${found.message}); still asking. The load does not need this command: Ctrl-C detaches.`,
      );
    }
  });
}

async function watchWorkers({ client, handle, signal, note }: Watched, taskQueue: string): Promise<void> {
  let missing: string | undefined;
  let busy: string | undefined;
  await every(CHECK_WORKER_EVERY_MS, signal, async () => {
    const place = filesPlaceOf(await handle.describe());
    const { filesQueue } = place;
    const states = await queueStates(client, { taskQueue, ...place });
    if (signal.aborted) return;
    const gone = states.find(({ attendance }) => attendance === 'gone');
    const full = states.find(({ attendance, oldestMs }) => attendance === 'busy' && oldestMs >= BUSY_MS);
    // The host may come back later, and then work for another folder: that is said too.
    const line = gone && queueLine(gone, gone.queue === filesQueue);
    if (line !== undefined && line !== missing) note(line);
    if (gone === undefined && full !== undefined && full.queue !== busy)
      note(queueLine(full, full.queue === filesQueue));
    if (gone === undefined && missing !== undefined) note('A worker is there: the load goes on.');
    missing = line;
    // Told once for each queue: how full it is changes all the time.
    busy ??= full?.queue;
  });
}

/** Told from the start on: it is needed only once rows were rejected, and then somebody may be asleep. */
async function watchFixer({ client, handle, signal, note }: Watched, taskQueue: string): Promise<void> {
  let input: BulkLoadInput | undefined;
  let missing = false;
  await every(CHECK_WORKER_EVERY_MS, signal, async () => {
    input ??= await firstInput(client, await handle.describe());
    const fixer = input?.retry?.fixer;
    if (fixer === undefined) return;
    const isMissing = !(await servesActivities(client, fixer.taskQueue, taskQueue));
    if (signal.aborted || isMissing === missing) return;
    missing = isMissing;
    note(
      missing
        ? `No worker polls the task queue "${fixer.taskQueue}" of the fixer ${fixer.activity}. Rejected rows wait for it, but not for ever: start it.`
        : `A worker of the fixer ${fixer.activity} is there.`,
    );
  });
}

/** Says each trouble once: the load goes on by itself as soon as it is over. */
async function watchTroubles({ client, handle, signal, note }: Watched): Promise<void> {
  const told = new Set<string>();
  await every(CHECK_WORKER_EVERY_MS, signal, async () => {
    for (const trouble of await troublesOf(client, handle.workflowId)) {
      const key = troubleKey(trouble);
      if (signal.aborted || told.has(key)) continue;
      told.add(key);
      note(troubleLine(trouble));
    }
  });
}

/** Repeats until the signal; a look that fails is simply made again. */
async function every(ms: number, signal: AbortSignal, look: () => Promise<void>): Promise<void> {
  while (!signal.aborted) {
    await look().catch(() => undefined);
    await sleep(ms, undefined, { signal }).catch(() => undefined);
  }
}
