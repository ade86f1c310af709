/** Following a load to its end from a shell: progress, a word when no worker is there, Ctrl-C detaches. */
import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import type { LoadHandle } from '../load-handle.js';
import type { BulkLoadInput, BulkLoadResult, LoadProgress } from '../contract.js';
import { firstInput } from '../start-input.js';
import { servesActivities, unattendedQueue } from './pollers.js';
import { progressView } from './progress.js';
import { troubleLine, troublesOf } from './troubles.js';

const LOOK_EVERY_MS = 1_000;
const CHECK_WORKER_EVERY_MS = 3_000;
/** A query waits for a worker; a missing one must not hold the display up. */
const QUERY_LIMIT_MS = 2_000;

/** A load, and where to say what a person should know of it, until the signal. */
interface Watched {
  client: Client;
  handle: LoadHandle;
  signal: AbortSignal;
  note: (line: string) => void;
}

/** The result, or `detached` after Ctrl-C. */
export async function follow(
  client: Client,
  handle: LoadHandle,
  taskQueue: string,
): Promise<BulkLoadResult | 'detached'> {
  const view = progressView();
  const stop = new AbortController();
  // The client leaves a listener behind for each of its long polls, some sixty in an hour: no reason for a warning.
  setMaxListeners(0, stop.signal);
  let interrupt = (): void => undefined;
  const detached = new Promise<'detached'>((done) => {
    interrupt = () => done('detached');
    process.once('SIGINT', interrupt);
  });
  const watched: Watched = { client, handle, signal: stop.signal, note: (line) => view.note(line) };
  const watching = Promise.all([
    every(LOOK_EVERY_MS, stop.signal, async () => {
      const progress = await queryProgress(client, handle);
      if (progress !== undefined && !stop.signal.aborted) view.update(progress);
    }),
    watchWorkers(watched, taskQueue),
    watchFixer(watched),
    watchTroubles(watched),
  ]);
  try {
    // Not asked for any more after Ctrl-C: on a connection that is closed by then, the next try would end the process.
    return await Promise.race([client.withAbortSignal(stop.signal, () => handle.result()), detached]);
  } finally {
    process.off('SIGINT', interrupt);
    stop.abort();
    view.end();
    await watching;
  }
}

/** `undefined` when no worker answers in time. */
export async function queryProgress(client: Client, handle: LoadHandle): Promise<LoadProgress | undefined> {
  try {
    return await client.withDeadline(Date.now() + QUERY_LIMIT_MS, () => handle.progress());
  } catch {
    return undefined;
  }
}

async function watchWorkers({ client, handle, signal, note }: Watched, taskQueue: string): Promise<void> {
  let missing: string | undefined;
  await every(CHECK_WORKER_EVERY_MS, signal, async () => {
    const queue = await unattendedQueue(client, taskQueue, await handle.filesQueue()).catch(() => missing);
    if (signal.aborted || queue === missing) return;
    if (queue !== undefined) {
      note(
        `No worker polls the task queue "${queue}". The load waits for one: start \`nightload worker\`${queue === taskQueue ? '' : ' with the same NIGHTLOAD_FILE_ROOTS as before'}.`,
      );
    } else note('A worker is there: the load goes on.');
    missing = queue;
  });
}

/** Told from the start on: it is needed only once rows were rejected, and then somebody may be asleep. */
async function watchFixer({ client, handle, signal, note }: Watched): Promise<void> {
  let input: BulkLoadInput | undefined;
  let missing = false;
  await every(CHECK_WORKER_EVERY_MS, signal, async () => {
    input ??= await firstInput(client, await handle.describe());
    const fixer = input?.retry?.fixer;
    if (fixer === undefined) return;
    const isMissing = !(await servesActivities(client, fixer.taskQueue));
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
      const { step, message } = trouble;
      if (signal.aborted || told.has(step + message)) continue;
      told.add(step + message);
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
