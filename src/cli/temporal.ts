/** The CLI's connection to Temporal, from Temporal's own environment variables and files. */
import { Client, Connection } from '@temporalio/client';
import type { ConnectionOptions } from '@temporalio/client';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { NativeConnection } from '@temporalio/worker';
import type { NativeConnectionOptions } from '@temporalio/worker';
import { NightloadError } from '../errors.js';
import { proxyOptions } from './temporal-proxy.js';

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

/** Runs with a client that is closed afterwards. */
export async function withClient<T>(
  work: (client: Client) => Promise<T>,
  settings: TemporalSettings = temporalSettings(),
): Promise<T> {
  let connection: Connection;
  try {
    connection = await Connection.connect({ ...settings.connectionOptions, connectTimeout: '5s' });
  } catch (error) {
    throw unreachable(settings.address, error);
  }
  try {
    return await work(new Client({ connection, namespace: settings.namespace }));
  } finally {
    // Not awaited: a result that is still asked for would hold a detached command up.
    void connection.close();
  }
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
