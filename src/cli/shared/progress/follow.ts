/** Follows a load to its end from a shell: progress, notes when workers or Temporal are missing, Ctrl-C detaches. */
import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import type { LoadHandle } from '../../../client/load-handle.js';
import type { BulkLoadResult } from '../../../contract/load-result.js';
import { shownInput } from '../../../client/original-input.js';
import type { ShownInput } from '../../../client/answers/shown-input.js';
import type { NightloadError } from '../../../errors.js';
import type { LoadSoFar } from '../../../contract/load-progress.js';
import { placeOf, TemporalError, temporalError } from '../../../client/temporal-errors.js';
import { versionOfLoad } from '../stuck-loads/worker-versions.js';
import { connectionOf, filesPlaceOf, queueLine, queueStates, servesActivities } from '../stuck-loads/task-queues.js';
import { processedRows, rowsLeft, runningParts } from './figures.js';
import type { Shown } from './figures.js';
import { PollInterval } from './poll-interval.js';
import { progressView } from './progress-view.js';
import type { ProgressView } from './progress-view.js';
import { Speed } from './speed.js';
import { queryLoad } from '../../temporal/query-load.js';
import { pendingFailureKey, pendingFailureLine, pendingFailures } from '../stuck-loads/pending-failures.js';

/** A load that has just begun has nothing to show yet, and questions would delay its first steps. */
const FIRST_LOOK_MS = 1_000;
/** Checks that are no queries: often enough to report within ten seconds that a worker or Temporal is missing. */
const CHECK_TEMPORAL = { min: 1_000, max: 5_000 };
const CHECK_WORKERS = { min: 3_000, max: 5_000 };
const ANSWER_LIMIT_MS = 3_000;
/** A check that hangs must not keep the command from ending with the load. */
const CHECK_LIMIT_MS = 10_000;
/** Shorter silences are not reported: a server restart, a lost call. */
const SILENCE_MS = 3_000;
/** More different problems are not printed. */
const MAX_TOLD = 200;
/** Concurrent loads wait for free workers all the time. */
const BUSY_MS = 30_000;

/** A load, and where to print what a person should know about it, until the signal. */
interface Watched {
  client: Client;
  handle: LoadHandle;
  signal: AbortSignal;
  note: (line: string) => void;
  interval: PollInterval;
}

/** Why following ended: Ctrl-C, or Temporal no longer answers. */
export interface Detached {
  detached: true;
  error?: NightloadError;
}

/**
 * The result, or why following ended before the load did.
 * @param options.quiet waits only for the result
 * @param options.isNew the load has just been started
 */
export async function follow(
  client: Client,
  handle: LoadHandle,
  { taskQueue, quiet = false, isNew = false }: { taskQueue: string; quiet?: boolean; isNew?: boolean },
): Promise<BulkLoadResult | Detached> {
  const stop = new AbortController();
  const { signal } = stop;
  // The client leaves a listener for each of its long polls, about sixty per hour: no reason for a warning.
  setMaxListeners(0, signal);
  let interrupt = (): void => undefined;
  const detached = new Promise<Detached>((done) => {
    interrupt = () => done({ detached: true });
    process.once('SIGINT', interrupt);
  });
  const view = quiet ? undefined : progressView();
  const watching = view && showLoad(view, { client, handle, signal }, { taskQueue, isNew });
  try {
    // Not requested any more after Ctrl-C: on a connection that is closed by then, the next attempt would end the
    // process.
    return await Promise.race([client.withAbortSignal(signal, () => handle.result({ signal })), detached]);
  } catch (error) {
    if (error instanceof TemporalError) return { detached: true, error };
    throw error;
  } finally {
    process.off('SIGINT', interrupt);
    stop.abort();
    view?.end();
    await watching;
  }
}

async function showLoad(
  view: ProgressView,
  load: Pick<Watched, 'client' | 'handle' | 'signal'>,
  { taskQueue, isNew }: { taskQueue: string; isNew: boolean },
): Promise<void> {
  if (isNew) await sleep(FIRST_LOOK_MS, undefined, { signal: load.signal }).catch(() => undefined);
  const watched = { ...load, note: (line: string) => view.note(line), interval: new PollInterval(Date.now()) };
  await Promise.all([
    watchProgress(watched, (shown) => view.update(shown)),
    watchWorkers(watched, taskQueue),
    watchFixer(watched, taskQueue),
    watchTroubles(watched),
    watchTemporal(watched),
  ]);
}

/** Reports once that an answer is unreadable: the load is followed all the same. */
async function watchProgress(watched: Watched, show: (shown: Shown) => void): Promise<void> {
  const { client, handle, signal, note, interval } = watched;
  const speed = new Speed();
  let told = false;
  let soFar: LoadSoFar | undefined;
  let counted: string | undefined;
  await every(watched, {}, async () => {
    const progress = await queryLoad(
      client,
      () => handle.progress(),
      ({ code, message }) => {
        if (!told && !signal.aborted) note(`${code}: ${message}`);
        told = true;
      },
    );
    if (progress === undefined || signal.aborted) return;
    const now = Date.now();
    // A forecast moves with the clock alone.
    const { rowsPerSecond, secondsLeft, forecast: _moving, ...seen } = progress;
    interval.observe(JSON.stringify(seen), now);
    // Requests are counted when a job ends.
    const ended = `${progress.phase} ${progress.ended}`;
    if (ended !== counted) soFar = (await queryLoad(client, () => handle.soFar())) ?? soFar;
    counted = ended;
    if (signal.aborted) return;
    const recent = speed.update({ done: processedRows(progress), left: rowsLeft(progress) }, now);
    // Since the load began, until there is something newer.
    const average = secondsLeft === undefined ? undefined : now + 1_000 * secondsLeft;
    const isRunning = progress.phase === 'loading' && runningParts(progress).length > 0;
    const estimate = isRunning && {
      rowsPerSecond: recent.rowsPerSecond ?? rowsPerSecond,
      endsAt: progress.paused ? undefined : (recent.endsAt ?? average),
    };
    show({ progress, apiRequests: soFar?.apiRequests, ...estimate });
  });
}

/** Reports once that Temporal is silent, and once that it is back, while the result is still being requested. */
async function watchTemporal(watched: Watched): Promise<void> {
  const { client, handle, signal, note } = watched;
  const place = placeOf(client);
  let lastAnswer = Date.now();
  let told = false;
  await every(watched, CHECK_TEMPORAL, async () => {
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
        `Temporal does not answer (${found.code}: ${found.message}); still trying. The load does not need this command: Ctrl-C detaches.`,
      );
    }
  });
}

async function watchWorkers(watched: Watched, taskQueue: string): Promise<void> {
  const { client, handle, signal, note } = watched;
  let missing: string | undefined;
  let busy: string | undefined;
  let input: ShownInput | undefined;
  await every(watched, CHECK_WORKERS, async () => {
    const description = await handle.describe();
    input ??= await shownInput(client, description).catch(() => undefined);
    const queues = {
      taskQueue,
      ...filesPlaceOf(description),
      connection: connectionOf(input),
      version: versionOfLoad(description),
    };
    const states = await queueStates(client, queues);
    if (signal.aborted) return;
    const unserved = states.find(({ service }) => service === 'none');
    const full = states.find(({ service, oldestMs }) => service === 'busy' && oldestMs >= BUSY_MS);
    // The host may return later and work for another folder: that is reported too.
    const line = unserved && queueLine(unserved);
    if (line !== undefined && line !== missing) note(line);
    if (unserved === undefined && full !== undefined && full.queue !== busy) note(queueLine(full));
    if (unserved === undefined && missing !== undefined) note('A worker is polling: the load resumes.');
    missing = line;
    // Reported once per queue: its backlog changes all the time.
    busy ??= full?.queue;
  });
}

/** Reported from the start: the fixer is needed only once rows are rejected, and by then no one may be watching. */
async function watchFixer(watched: Watched, taskQueue: string): Promise<void> {
  const { client, handle, signal, note } = watched;
  let input: ShownInput | undefined;
  let missing = false;
  await every(watched, CHECK_WORKERS, async () => {
    input ??= await shownInput(client, await handle.describe());
    const fixer = input?.retry?.fixer;
    if (fixer === undefined) return;
    const isMissing = !(await servesActivities(client, fixer.taskQueue, taskQueue));
    if (signal.aborted || isMissing === missing) return;
    missing = isMissing;
    note(
      missing
        ? `No worker polls the task queue "${fixer.taskQueue}" of the fixer ${fixer.activity}. Rejected rows wait for it for a limited time: start it.`
        : `A worker of the fixer ${fixer.activity} is polling.`,
    );
  });
}

/** Reports each problem once: the load resumes by itself when it is over. */
async function watchTroubles(watched: Watched): Promise<void> {
  const { client, handle, signal, note } = watched;
  const told = new Set<string>();
  await every(watched, CHECK_WORKERS, async () => {
    for (const trouble of (await pendingFailures(client, handle.workflowId)).failures) {
      const key = pendingFailureKey(trouble);
      if (signal.aborted || told.has(key) || told.size >= MAX_TOLD) continue;
      told.add(key);
      note(pendingFailureLine(trouble));
    }
  });
}

/** Repeats until the signal, less often while nothing changes; a failed check is simply repeated. */
async function every(
  { client, signal, interval }: Watched,
  bounds: { min?: number; max?: number },
  look: () => Promise<void>,
): Promise<void> {
  while (!signal.aborted) {
    await client.withDeadline(Date.now() + CHECK_LIMIT_MS, look).catch(() => undefined);
    await sleep(interval.next(Date.now(), bounds), undefined, { signal }).catch(() => undefined);
  }
}
