/** The connection of a worker to Temporal. Apart from the client's: the worker's SDK takes half a second to load. */
import { NativeConnection } from '@temporalio/worker';
import type { RunningWorker } from '../../workers/create-worker.js';
import { whyNotConnected } from '../../client/temporal-probe.js';
import { defined } from '../../domain/defined.js';
import { reachOf, warnOfCleartext } from './connect.js';
import { sayWarning } from '../shared/output.js';
import { watchCredentials } from './credentials.js';
import { temporalSettings } from './settings.js';
import type { TemporalSettings } from './settings.js';

/** A worker's connection has no limit of its own: an unresponsive address would block it for minutes. */
const NATIVE_LIMIT_MS = 20_000;

/** @throws NightloadError that says why there is none */
export async function nativeConnection(settings: TemporalSettings): Promise<NativeConnection> {
  warnOfCleartext(settings);
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_done, fail) => {
    timer = setTimeout(() => fail(new Error(`no connection within ${NATIVE_LIMIT_MS / 1000} s`)), NATIVE_LIMIT_MS);
  });
  try {
    return await Promise.race([NativeConnection.connect(settings.connectionOptions), limit]);
  } catch (error) {
    throw await whyNotConnected(error, reachOf(settings));
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Renews the credentials of a worker, which loses no task by it. A worker may run longer than they are valid.
 * @returns a function that stops it
 */
export function renewWorker(settings: TemporalSettings, worker: RunningWorker, every?: number): () => void {
  return watchCredentials(settings, {
    read: temporalSettings,
    warn: sayWarning,
    ...defined({ intervalMs: every }),
    async use(connectionOptions) {
      const old = worker.replaceConnection(await nativeConnection({ ...settings, connectionOptions }));
      await old.close();
    },
  });
}
