/** The CLI's connection to Temporal, from Temporal's own environment variables and files. */
import { Client, Connection } from '@temporalio/client';
import type { ConnectionOptions } from '@temporalio/client';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { NativeConnection } from '@temporalio/worker';
import type { NativeConnectionOptions } from '@temporalio/worker';
import { NightloadError } from '../errors.js';
import type { RunningWorker } from '../workers/worker.js';
import { say } from './failure.js';
import { RenewableConnection } from './renewable-connection.js';
import { watchCredentials } from './temporal-credentials.js';
import { proxyOptions } from './temporal-proxy.js';

/** The longest call waits for the end of a workflow, a minute at a time. */
const LAST_CALLS_MS = 90_000;

export interface TemporalSettings {
  address: string;
  namespace: string;
  connectionOptions: ConnectionOptions & NativeConnectionOptions;
}

export function temporalSettings(): TemporalSettings {
  const { connectionOptions, namespace } = loadClientConnectConfig();
  const address = connectionOptions.address ?? 'localhost:7233';
  return {
    address,
    namespace: namespace ?? 'default',
    connectionOptions: {
      ...(connectionOptions as ConnectionOptions & NativeConnectionOptions),
      ...proxyOptions(address),
    },
  };
}

function unreachable(address: string, error: unknown): NightloadError {
  return new NightloadError(
    'TEMPORAL_NOT_REACHABLE',
    `No Temporal server answers at ${address} (${error instanceof Error ? error.message : String(error)}). ` +
      'Start one with `nightload dev`, or set TEMPORAL_ADDRESS.',
    { cause: error },
  );
}

/** Runs with a client that is closed afterwards. Without settings they are read, and their credentials read again. */
export async function withClient<T>(work: (client: Client) => Promise<T>, given?: TemporalSettings): Promise<T> {
  const settings = given ?? temporalSettings();
  const connection = new RenewableConnection(await connect(settings));
  const stop = given === undefined ? renewClient(settings, connection) : undefined;
  try {
    return await work(new Client({ connection, namespace: settings.namespace }));
  } finally {
    stop?.();
    // Not awaited: a result that is still asked for would hold a detached command up.
    void connection.close();
  }
}

async function connect({ address, connectionOptions }: TemporalSettings): Promise<Connection> {
  try {
    return await Connection.connect({ ...connectionOptions, connectTimeout: '5s' });
  } catch (error) {
    throw unreachable(address, error);
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

/** For a worker. */
export async function nativeConnection(settings: TemporalSettings): Promise<NativeConnection> {
  try {
    return await NativeConnection.connect(settings.connectionOptions);
  } catch (error) {
    throw unreachable(settings.address, error);
  }
}

export function taskQueueFrom(env: NodeJS.ProcessEnv, fallback: string): string {
  return env['NIGHTLOAD_TASK_QUEUE'] || fallback;
}
