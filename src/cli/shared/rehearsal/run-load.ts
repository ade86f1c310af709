/**
 * One rehearsal: the real workflow, a real worker, and the simulated org of a folder, all on the clock of a
 * time-skipping server. What the load waits for takes no time; what this machine does takes as long as it does.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { NativeConnection } from '@temporalio/worker';
import type { Client } from '@temporalio/client';
import { startBulkLoad } from '../../../client/start-load.js';
import type { LoadHandle } from '../../../client/load-handle.js';
import type { BulkLoadInput } from '../../../contract/load-input.js';
import type { BulkLoadResult } from '../../../contract/load-result.js';
import type { LoadProgress } from '../../../contract/load-progress.js';
import { startTimeSkippingServer } from '../../../dev/time-skipping-server.js';
import { connectionsFromEnvironment } from '../../../salesforce/config/connections-from-env.js';
import { openConnection } from '../../../salesforce/config/open-connection.js';
import type { Simulator } from '../../../simulator/index.js';
import { FileRoots } from '../../../storage/files/file-roots.js';
import { startWorker } from '../../../workers/create-worker.js';
import { batchesFor } from '../../../domain/platform/batches.js';
import { proxyOptions } from '../../temporal/proxy.js';
import { withClient } from '../../temporal/connect.js';
import { openSimulator } from '../services/start-services.js';

const PROGRESS_EVERY_MS = 2_000;

export interface RehearsalPlace {
  /** The time-skipping server. */
  program: string;
  /** The folder that describes the org. */
  org: string;
  /** CSV files of records that the org has, by object. */
  seedRecords: Readonly<Record<string, string>>;
  /** Objects whose records are assumed. */
  assumedRecords: readonly string[];
  /** Folders that the worker may use. */
  roots: readonly [string, ...string[]];
}

export interface Rehearsed {
  result: BulkLoadResult;
  /** On the org's clock. */
  durationMs: number;
  /** Batches of 10,000 rows that the org made of all jobs. */
  batches: number;
  /** How often a batch went back to the org's queue. */
  batchRetries: number;
  /** Validation rules that were not evaluated for some rows. */
  skippedRules: ReturnType<Simulator['skippedRules']>;
  /** What this took on this machine. */
  tookMs: number;
}

export interface RehearsalWatch {
  onProgress?: (progress: LoadProgress, elapsedMs: number) => void;
  /** What of the folder the org does not do. */
  onOrg?: (org: Simulator) => void;
  /** Ends the rehearsal with its reason. */
  signal?: AbortSignal;
}

/** @throws NightloadError of the org's folder, the server or the load's start */
export async function rehearseLoad(
  input: BulkLoadInput,
  place: RehearsalPlace,
  { onProgress, onOrg, signal }: RehearsalWatch = {},
): Promise<Rehearsed> {
  const began = performance.now();
  const stops: (() => Promise<unknown>)[] = [];
  try {
    const server = await startTimeSkippingServer(place.program);
    stops.push(() => server.stop());
    const { org: folder, seedRecords, assumedRecords } = place;
    const org = await openSimulator({ org: folder, seedRecords, assumedRecords, now: () => server.now() });
    stops.push(() => org.close());
    onOrg?.(org);
    const { address, namespace } = server;
    const connectionOptions = { address, ...proxyOptions(address) };
    const connection = await NativeConnection.connect(connectionOptions);
    stops.push(() => connection.close());
    const taskQueue = `nightload-rehearsal-${randomUUID().slice(0, 8)}`;
    const simulated = connectionsFromEnvironment({ SF_INSTANCE_URL: org.url, SF_ACCESS_TOKEN: org.token });
    const worker = await startWorker({
      connection,
      namespace,
      taskQueue,
      // The load names the connection of the real org; it leads to the simulated one.
      connections: new Map([...simulated.values()].map((one) => [input.connection ?? 'default', openConnection(one)])),
      roots: await FileRoots.open(place.roots, process.env),
    });
    stops.push(() => worker.stop());
    return await withClient(
      async (client) => {
        const handle = await startBulkLoad(client, input, { taskQueue });
        const result = await server.skipWhile(() =>
          untilAborted(withProgress(client, handle, server.now, onProgress), signal),
        );
        const { startTime, closeTime } = await handle.describe();
        const jobs = org.jobs();
        return {
          result,
          durationMs: (closeTime ?? startTime).getTime() - startTime.getTime(),
          batches: jobs.reduce((sum, { processed }) => sum + batchesFor(processed), 0),
          batchRetries: jobs.reduce((sum, { retries }) => sum + retries, 0),
          skippedRules: org.skippedRules(),
          tookMs: performance.now() - began,
        };
      },
      { settings: { address, namespace, connectionOptions } },
    );
  } finally {
    for (const stop of stops.reverse()) await stop().catch(() => undefined);
  }
}

/** The work may still go on when the signal aborts: stopping its worker and its server ends it. */
async function untilAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work;
  work.catch(() => undefined);
  let abort = (): void => undefined;
  const aborted = new Promise<never>((_done, fail) => {
    abort = () => fail(signal.reason as Error);
    signal.addEventListener('abort', abort);
    if (signal.aborted) abort();
  });
  return Promise.race([work, aborted]).finally(() => signal.removeEventListener('abort', abort));
}

async function withProgress(
  client: Client,
  handle: LoadHandle,
  now: () => Promise<number>,
  onProgress: RehearsalWatch['onProgress'],
): Promise<BulkLoadResult> {
  const ended = new AbortController();
  const from = await now();
  const watching = (async () => {
    while (onProgress !== undefined && !ended.signal.aborted) {
      await sleep(PROGRESS_EVERY_MS, undefined, { signal: ended.signal }).catch(() => undefined);
      if (ended.signal.aborted) return;
      const progress = await client
        .withDeadline(Date.now() + PROGRESS_EVERY_MS, () => handle.progress())
        .catch(() => undefined);
      if (progress !== undefined && !ended.signal.aborted) onProgress(progress, (await now()) - from);
    }
  })().catch(() => undefined);
  try {
    return await handle.result();
  } finally {
    ended.abort();
    await watching;
  }
}
