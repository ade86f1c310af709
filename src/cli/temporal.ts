/** The CLI's connection to Temporal. */
import { Client, Connection } from '@temporalio/client';
import { NativeConnection } from '@temporalio/worker';
import { dataConverterFromEnvironment } from '../codec/data-converter.js';
import type { RunningWorker } from '../workers/worker.js';
import { asTemporalError } from '../temporal-errors.js';
import { whyNotConnected } from '../temporal-probe.js';
import { cleartextWarning } from './cleartext.js';
import { say } from './failure.js';
import { RenewableConnection } from './renewable-connection.js';
import { watchCredentials } from './temporal-credentials.js';
import { temporalSettings } from './temporal-settings.js';
import type { TemporalSettings } from './temporal-settings.js';

export { temporalSettings };
export type { TemporalSettings };

/** The longest call waits for the end of a workflow, a minute at a time. */
const LAST_CALLS_MS = 90_000;

/** A worker's connection has no limit of its own: an address that swallows everything would hold it for minutes. */
const NATIVE_LIMIT_MS = 20_000;
/** How long a connection may wait before it tries again: after an outage of an hour it would be two minutes. */
const RECONNECT_LIMIT_MS = 5_000;

/** Runs with a client that is closed afterwards. Without settings they are read, and their credentials read again. */
export async function withClient<T>(work: (client: Client) => Promise<T>, given?: TemporalSettings): Promise<T> {
  const settings = given ?? temporalSettings();
  const dataConverter = dataConverterFromEnvironment();
  warnOfCleartext(settings);
  const connection = new RenewableConnection(await connect(settings));
  const stop = given === undefined ? renewClient(settings, connection) : undefined;
  try {
    return await work(new Client({ connection, namespace: settings.namespace, dataConverter }));
  } catch (error) {
    throw asTemporalError(error, settings);
  } finally {
    stop?.();
    // Not awaited: a result that is still asked for would hold a detached command up.
    void connection.close();
  }
}

/** A machine at its limits needs longer than one that only waits for a server; a silence of the first is no proof. */
const CONNECT_LIMITS = ['5s', '15s'] as const;

async function connect(settings: TemporalSettings): Promise<Connection> {
  const { connectionOptions } = settings;
  const channelArgs = { ...connectionOptions.channelArgs, 'grpc.max_reconnect_backoff_ms': RECONNECT_LIMIT_MS };
  for (let attempt = 0; ; attempt++) {
    const connectTimeout = CONNECT_LIMITS[attempt] ?? '15s';
    const connection = Connection.lazy({ ...connectionOptions, connectTimeout, channelArgs });
    try {
      await connection.ensureConnected();
      return connection;
    } catch (error) {
      void connection.close();
      const why = await whyNotConnected(error, reachOf(settings));
      if (why.code !== 'TEMPORAL_SILENT' || attempt + 1 >= CONNECT_LIMITS.length) throw why;
    }
  }
}

/** A command may follow a load for longer than its credentials live. @returns what ends it */
export function renewClient(settings: TemporalSettings, connection: RenewableConnection, every?: number): () => void {
  return watchCredentials(settings, {
    read: temporalSettings,
    warn,
    ...(every !== undefined && { intervalMs: every }),
    async use(connectionOptions) {
      const old = connection.replace(await connect({ ...settings, connectionOptions }));
      setTimeout(() => void old.close(), LAST_CALLS_MS).unref();
    },
  });
}

/** The same for a worker, which loses no task by it. @returns what ends it */
export function renewWorker(settings: TemporalSettings, worker: RunningWorker, every?: number): () => void {
  return watchCredentials(settings, {
    read: temporalSettings,
    warn,
    ...(every !== undefined && { intervalMs: every }),
    async use(connectionOptions) {
      const old = worker.replaceConnection(await nativeConnection({ ...settings, connectionOptions }));
      await old.close();
    },
  });
}

function warn(text: string): void {
  say(`Warning: ${text}`);
}

let isWarned = false;

/** Once for each process. */
function warnOfCleartext(settings: TemporalSettings): void {
  const text = isWarned ? undefined : cleartextWarning(settings);
  if (text === undefined) return;
  isWarned = true;
  warn(text);
}

/** For a worker. */
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

function reachOf({ address, namespace, connectionOptions }: TemporalSettings): Parameters<typeof whyNotConnected>[1] {
  const { tls, proxy } = connectionOptions;
  return { address, namespace, tls, ...(proxy && { proxy: proxy.targetHost }) };
}

export function taskQueueFrom(env: NodeJS.ProcessEnv, fallback: string): string {
  return env['NIGHTLOAD_TASK_QUEUE'] || fallback;
}
