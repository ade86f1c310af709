/** What `demo` and `dev` start on this machine: a Temporal server, a simulated org, a worker. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { DefaultLogger, NativeConnection, Runtime } from '@temporalio/worker';
import { connectionsFromEnvironment, openConnection } from '../salesforce/settings.js';
import { startSimulator } from '../simulator/index.js';
import type { Simulator } from '../simulator/index.js';
import { FileRoots } from '../storage/roots.js';
import { startDevServer } from '../workers/dev-server.js';
import { findTemporalServer } from '../workers/temporal-server.js';
import { startWorker } from '../workers/worker.js';
import type { RunningWorker } from '../workers/worker.js';
import { say } from './failure.js';
import { temporalSettings } from './temporal.js';
import type { TemporalSettings } from './temporal.js';

export interface Services {
  temporal: TemporalSettings;
  uiUrl?: string;
  simulator: Simulator;
  worker: RunningWorker;
  stop(): Promise<void>;
}

export interface ServiceOptions {
  /** Where the Temporal server keeps its file. */
  dataFolder: string;
  /** The worker may read and write here. */
  root: string;
  taskQueue: string;
  simulatorPort?: number;
}

interface Server {
  temporal: TemporalSettings;
  uiUrl?: string;
  stop(): Promise<void>;
}

/** The server that TEMPORAL_ADDRESS names, else one of our own. */
async function openServer(dataFolder: string): Promise<Server> {
  if (process.env['TEMPORAL_ADDRESS']) return { temporal: temporalSettings(), stop: () => Promise.resolve() };
  const { path } = await findTemporalServer({ log: say });
  await mkdir(dataFolder, { recursive: true });
  const server = await startDevServer({ binary: path, dbFile: join(dataFolder, 'temporal.db') });
  const { address, namespace, uiUrl, stop } = server;
  return {
    temporal: { address, namespace, connectionOptions: { address } },
    stop,
    ...(uiUrl !== undefined && { uiUrl }),
  };
}

export async function startServices(options: ServiceOptions): Promise<Services> {
  Runtime.install({ logger: new DefaultLogger('ERROR'), shutdownSignals: [] });
  const stops: (() => Promise<void>)[] = [];
  const stop = async (): Promise<void> => {
    for (const end of stops.splice(0).reverse()) await end().catch(() => undefined);
  };
  try {
    await mkdir(options.root, { recursive: true });
    const server = await openServer(options.dataFolder);
    stops.push(server.stop);
    const simulator = await startSimulator({ port: options.simulatorPort ?? 0 });
    stops.push(() => simulator.close());
    const connection = await NativeConnection.connect(server.temporal.connectionOptions);
    stops.push(() => connection.close());
    const settings = connectionsFromEnvironment({ SF_INSTANCE_URL: simulator.url, SF_ACCESS_TOKEN: simulator.token });
    const worker = await startWorker({
      connection,
      namespace: server.temporal.namespace,
      taskQueue: options.taskQueue,
      connections: new Map([...settings].map(([name, one]) => [name, openConnection(one)])),
      roots: await FileRoots.open([options.root]),
    });
    stops.push(() => worker.stop());
    return {
      temporal: server.temporal,
      simulator,
      worker,
      stop,
      ...(server.uiUrl !== undefined && { uiUrl: server.uiUrl }),
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Settles at Ctrl-C or a polite kill. */
export function interrupted(): Promise<void> {
  return new Promise((done) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => done());
  });
}
