/** What `demo` and `dev` start on this machine: a Temporal server, a simulated org, a worker. */
import { chmod, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { DefaultLogger, NativeConnection, Runtime } from '@temporalio/worker';
import type { Client } from '@temporalio/client';
import { dataConverterFromEnvironment } from '../codec/data-converter.js';
import { NightloadError } from '../errors.js';
import { connectionsFromEnvironment, openConnection, withSfCli } from '../salesforce/settings.js';
import { startSimulator } from '../simulator/index.js';
import type { Simulator, SimulatorOptions } from '../simulator/index.js';
import { FileRoots } from '../storage/roots.js';
import { startDevServer } from '../workers/dev-server.js';
import { findTemporalServer } from '../workers/temporal-server.js';
import { fixersFrom } from '../workers/fixers.js';
import { startWorker } from '../workers/worker.js';
import type { RunningWorker } from '../workers/worker.js';
import { ALLOCATION_ID_PREFIX } from '../workflows/allocation/messages.js';
import { say } from './failure.js';
import { unattendedQueue } from './pollers.js';
import { proxyOptions } from './temporal-proxy.js';
import { temporalSettings, withClient } from './temporal.js';
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
  /** A login of the Salesforce CLI on this machine, beside the simulated org. */
  fromSf?: string;
  /** Beside another server that has the file, one that keeps nothing will do. @default false */
  mayForget?: boolean;
}

interface Server {
  temporal: TemporalSettings;
  uiUrl?: string;
  stop(): Promise<void>;
}

/** The server that TEMPORAL_ADDRESS names, else one of our own. */
async function openServer({ dataFolder, mayForget, taskQueue }: ServiceOptions): Promise<Server> {
  if (process.env['TEMPORAL_ADDRESS']) {
    const temporal = temporalSettings();
    await withClient((client) => refuseSharedQueue(client, taskQueue, temporal.address), temporal);
    return { temporal, stop: () => Promise.resolve() };
  }
  const { path: binary } = await findTemporalServer({ log: say });
  // Inputs and results of loads are in there.
  await mkdir(dataFolder, { recursive: true, mode: 0o700 });
  await chmod(dataFolder, 0o700);
  const dbFile = join(dataFolder, 'temporal.db');
  const server = await startDevServer({ binary, dbFile }).catch((error: unknown) => {
    if (mayForget !== true || !(error instanceof NightloadError) || error.code !== 'TEMPORAL_DATA_IN_USE') throw error;
    return startDevServer({ binary });
  });
  const { address, namespace, uiUrl, stop } = server;
  return {
    temporal: { address, namespace, connectionOptions: { address, ...proxyOptions(address) } },
    stop,
    ...(uiUrl !== undefined && { uiUrl }),
  };
}

/** Workers of one queue share its work: each step of a load would go to one org or the other. */
async function refuseSharedQueue(client: Client, taskQueue: string, address: string): Promise<void> {
  if ((await unattendedQueue(client, taskQueue, undefined)) !== undefined) return;
  throw new NightloadError(
    'TASK_QUEUE_IN_USE',
    `A worker polls the task queue "${taskQueue}" at ${address}, or did so within the last minute; its loads and those of this org would be mixed. ` +
      'Set NIGHTLOAD_TASK_QUEUE to another name, or unset TEMPORAL_ADDRESS to get a server of its own.',
  );
}

/** @throws NightloadError `PORT_IN_USE`, `USAGE` */
export async function openSimulator(options: SimulatorOptions): Promise<Simulator> {
  try {
    return await startSimulator(options);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'EADDRINUSE') {
      throw new NightloadError(
        'PORT_IN_USE',
        `Port ${options.port} is taken by another program. Take another one, or none for any that is free.`,
        { cause: error },
      );
    }
    throw new NightloadError('USAGE', `The simulated org cannot be started: ${message}`, { cause: error });
  }
}

/** The org of a simulator is gone for good, and with it what its ledger counts. */
async function endLedger(temporal: TemporalSettings, simulator: Simulator): Promise<void> {
  await withClient(
    (client) => client.workflow.getHandle(ALLOCATION_ID_PREFIX + new URL(simulator.url).host).terminate(),
    temporal,
  );
}

export async function startServices(options: ServiceOptions): Promise<Services> {
  Runtime.install({ logger: new DefaultLogger('ERROR'), shutdownSignals: [] });
  const stops: (() => Promise<void>)[] = [];
  const stop = async (): Promise<void> => {
    for (const end of stops.splice(0).reverse()) await end().catch(() => undefined);
  };
  try {
    await mkdir(options.root, { recursive: true });
    const server = await openServer(options);
    stops.push(server.stop);
    const simulator = await openSimulator({ port: options.simulatorPort ?? 0 });
    stops.push(() => simulator.close());
    stops.push(() => endLedger(server.temporal, simulator));
    const connection = await NativeConnection.connect(server.temporal.connectionOptions);
    stops.push(() => connection.close());
    const simulated = connectionsFromEnvironment({ SF_INSTANCE_URL: simulator.url, SF_ACCESS_TOKEN: simulator.token });
    const settings = withSfCli(simulated, options.fromSf);
    const worker = await startWorker({
      connection,
      dataConverter: dataConverterFromEnvironment(),
      namespace: server.temporal.namespace,
      taskQueue: options.taskQueue,
      connections: new Map([...settings].map(([name, one]) => [name, openConnection(one)])),
      fixers: fixersFrom(process.env),
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
