/**
 * `nightload/testing`: real loads inside a test. One call starts a simulated org, a worker that loads into it, a folder
 * for files and a client; Temporal is a dev server that lives as long as the test, or one that the test names. It never
 * uses a server from the shell's environment, which may have real loads.
 *
 * @experimental
 */
import { randomUUID } from 'node:crypto';
import { mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import type { DataConverter } from '@temporalio/common';
import { NativeConnection } from '@temporalio/worker';
import { stringify } from 'csv-stringify/sync';
import { DEFAULT_TASK_QUEUE } from '../contract/names.js';
import { WITHOUT_PROXY } from '../runtime/proxy.js';
import { connectionsFromEnvironment } from '../salesforce/config/connections-from-env.js';
import type { ConnectionSettings } from '../salesforce/config/connection-settings.js';
import { startSimulator } from '../simulator/index.js';
import type { Simulator, SimulatorOptions } from '../simulator/index.js';
import { startDevServer } from '../dev/dev-server.js';
import { startWorker } from '../workers/worker-host.js';
import { findTemporalServer } from '../dev/find-temporal.js';
import { ALLOCATION_ID_PREFIX } from '../protocol/messages/allocation-messages.js';
import { defined } from '../domain/defined.js';

export interface TestEnvironmentOptions {
  /** Address of a running Temporal server. @default a new dev server, downloaded the first time */
  address?: string;
  /** @default 'default' */
  namespace?: string;
  /** @default 'nightload' on its own server; with `address`, a unique queue */
  taskQueue?: string;
  /** For the client and the worker, to test with encrypted payloads. @default none */
  dataConverter?: DataConverter;
  /** Options of the simulated org. */
  org?: SimulatorOptions;
  /** Fixers that loads may name, as `activity@taskQueue`. @default none */
  fixers?: readonly string[];
  /** False: the test starts the worker itself. @default true */
  worker?: boolean;
  /** Receives lines for people when a Temporal server is downloaded. @default none */
  log?: (line: string) => void;
}

export interface NightloadTestEnvironment {
  /** The simulated org: its records, and faults on demand. */
  org: Simulator;
  /** The org as connection `default`, for a worker that the test starts itself. */
  connections: Map<string, ConnectionSettings>;
  /** The worker reads and writes here; `close()` removes it. */
  folder: string;
  client: Client;
  /** For workers that the test starts. */
  connection: NativeConnection;
  address: string;
  /** Task queue of the worker; with `address`, every load of the test must specify it. */
  taskQueue: string;
  /** Writes a CSV into the folder and returns its `file:` URI. */
  csv(name: string, rows: string | readonly Record<string, string>[]): Promise<string>;
  close(): Promise<void>;
}

function ownQueue(): string {
  return `nightload-test-${randomUUID().slice(0, 8)}`;
}

/** @throws NightloadError `TEMPORAL_SERVER_NOT_FOUND`, `TEMPORAL_SERVER_NOT_STARTED` */
export async function startTestEnvironment(options: TestEnvironmentOptions = {}): Promise<NightloadTestEnvironment> {
  const { namespace = 'default', dataConverter = {} } = options;
  const taskQueue = options.taskQueue ?? (options.address === undefined ? DEFAULT_TASK_QUEUE : ownQueue());
  const stops: (() => Promise<unknown>)[] = [];
  const close = async (): Promise<void> => {
    for (const stop of stops.splice(0).reverse()) await stop();
  };
  try {
    const folder = await realpath(await mkdtemp(join(tmpdir(), 'nightload-test-')));
    stops.push(() => rm(folder, { recursive: true, force: true }));
    const org = await startSimulator(options.org);
    stops.push(() => org.close());
    const address = options.address ?? (await ownServer(namespace));
    const clients = await Connection.connect({
      address,
      ...(options.address === undefined && { channelArgs: WITHOUT_PROXY }),
    });
    stops.push(() => clients.close());
    const client = new Client({ connection: clients, namespace, dataConverter });
    // After the worker: this org's ledger is no longer served, and the next org may get the same port.
    const ledger = client.workflow.getHandle(ALLOCATION_ID_PREFIX + new URL(org.url).host);
    stops.push(() => ledger.terminate().catch(() => undefined));
    const connection = await NativeConnection.connect({ address });
    stops.push(() => connection.close());
    const connections = connectionsFromEnvironment({ SF_INSTANCE_URL: org.url, SF_ACCESS_TOKEN: org.token });
    if (options.worker !== false) {
      const { fixers = [] } = options;
      const worker = await startWorker({
        connection,
        namespace,
        taskQueue,
        connections,
        fixers,
        dataConverter,
        roots: [folder],
      });
      stops.push(() => worker.stop());
    }
    const csv: NightloadTestEnvironment['csv'] = async (name, rows) => {
      await writeFile(join(folder, name), typeof rows === 'string' ? rows : stringify([...rows], { header: true }));
      return pathToFileURL(join(folder, name)).href;
    };
    return { org, connections, folder, client, connection, address, taskQueue, csv, close };
  } catch (error) {
    await close().catch(() => undefined);
    throw error;
  }

  async function ownServer(name: string): Promise<string> {
    const { path } = await findTemporalServer(defined({ log: options.log }));
    const server = await startDevServer({ binary: path, uiPort: 'off', namespace: name });
    stops.push(() => server.stop());
    return server.address;
  }
}
