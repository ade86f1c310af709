/**
 * `nightload/testing`: real loads inside a test. One call gives a simulated org, a worker that loads into it, a folder
 * for files and a client; Temporal is a dev server that lives as long as the test, or one that the test names. It never
 * takes a server from the shell: that one may have real loads.
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
import { DEFAULT_TASK_QUEUE } from './contract.js';
import { WITHOUT_PROXY } from './proxy.js';
import { connectionsFromEnvironment } from './salesforce/settings.js';
import type { ConnectionSettings } from './salesforce/settings.js';
import { startSimulator } from './simulator/index.js';
import type { Simulator, SimulatorOptions } from './simulator/index.js';
import { startDevServer } from './workers/dev-server.js';
import { startWorker } from './workers/host.js';
import { findTemporalServer } from './workers/temporal-server.js';
import { ALLOCATION_ID_PREFIX } from './workflows/allocation/messages.js';

export { startSimulator };
export type { Simulator, SimulatorOptions };

export interface TestEnvironmentOptions {
  /** A Temporal server that runs. @default a dev server of its own, fetched at the first time */
  address?: string;
  /** @default 'default' */
  namespace?: string;
  /** @default 'nightload' on a server of its own; with `address` a queue that nobody else has */
  taskQueue?: string;
  /** Of the client and the worker, to test with payloads encrypted. @default none */
  dataConverter?: DataConverter;
  /** How the simulated org behaves. */
  org?: SimulatorOptions;
  /** Fixers that loads may name, as `activity@taskQueue`. @default none */
  fixers?: readonly string[];
  /** False leaves the worker to the test. @default true */
  worker?: boolean;
  /** Lines for people, when a Temporal server is fetched. @default silence */
  log?: (line: string) => void;
}

export interface NightloadTestEnvironment {
  /** The simulated org: what lies in it, and faults on demand. */
  org: Simulator;
  /** The org as connection `default`, for a worker that the test starts itself. */
  connections: Map<string, ConnectionSettings>;
  /** The worker reads and writes here; it is gone after `close()`. */
  folder: string;
  client: Client;
  /** For workers of the test. */
  connection: NativeConnection;
  address: string;
  /** Where the worker waits for loads; with `address`, every load of the test has to name it. */
  taskQueue: string;
  /** Writes a CSV into the folder and gives its `file:` URI. */
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
    // After the worker: nobody works for the ledger of this org any more, whose port may be another org's next.
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
    const { path } = await findTemporalServer(options.log === undefined ? {} : { log: options.log });
    const server = await startDevServer({ binary: path, uiPort: 'off', namespace: name });
    stops.push(() => server.stop());
    return server.address;
  }
}
