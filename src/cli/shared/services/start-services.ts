/** What `demo` and `dev` start on this machine: a Temporal server, a simulated org, a worker. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { NativeConnection, Runtime } from '@temporalio/worker';
import type { Client } from '@temporalio/client';
import { dataConverterFromEnvironment } from '../../../codec/data-converter.js';
import { NightloadError } from '../../../errors.js';
import { connectionsFromEnvironment, withSfCli } from '../../../salesforce/config/connections-from-env.js';
import { openConnection } from '../../../salesforce/config/open-connection.js';
import { startSimulator } from '../../../simulator/index.js';
import type { Simulator, SimulatorOptions } from '../../../simulator/index.js';
import { FileRoots } from '../../../storage/files/file-roots.js';
import { startDevServer } from '../../../dev/dev-server.js';
import { findTemporalServer } from '../../../dev/find-temporal.js';
import { privateFolder } from '../../../dev/private-data.js';
import { fixersFrom } from '../../../workers/fixers.js';
import { notifierFrom } from '../../../workers/notifier.js';
import { uiUrlFrom } from '../../../workers/ui-url.js';
import { workerLog } from '../../../workers/logger.js';
import { startWorker } from '../../../workers/create-worker.js';
import { keepSecretsOut } from '../../../workers/startup/secret-paths.js';
import type { RunningWorker } from '../../../workers/create-worker.js';
import { ALLOCATION_ID_PREFIX } from '../../../protocol/messages/allocation-messages.js';
import { say } from '../output.js';
import { unattendedQueue } from '../stuck-loads/task-queues.js';
import { proxyOptions } from '../../temporal/proxy.js';
import { COMMAND_LIMIT_MS, temporalSettings, withClient } from '../../temporal/connect.js';
import type { TemporalSettings } from '../../temporal/connect.js';
import { defined } from '../../../domain/defined.js';

export interface Services {
  temporal: TemporalSettings;
  uiUrl?: string;
  /** Settles when a server of our own has ended, for any reason. */
  serverEnded?: Promise<void>;
  simulator: Simulator;
  worker: RunningWorker;
  stop(): Promise<void>;
}

export interface ServiceOptions {
  /** Where the Temporal server keeps its file. */
  dataFolder: string;
  /** Folder that the worker may read and write. */
  root: string;
  taskQueue: string;
  simulatorPort?: number;
  /** Folder that describes the simulated org. */
  org?: string;
  /** CSV files of its records, by object, and objects whose records are assumed. */
  seedRecords?: Readonly<Record<string, string>>;
  assumedRecords?: readonly string[];
  /** A login of the Salesforce CLI on this machine, in addition to the simulated org. */
  fromSf?: string;
  /** If another server is using the file, use one that stores nothing. @default false */
  mayForget?: boolean;
}

interface Server {
  temporal: TemporalSettings;
  uiUrl?: string;
  ended?: Promise<void>;
  stop(): Promise<void>;
}

/** The server that TEMPORAL_ADDRESS names, otherwise our own. */
async function openServer({ dataFolder, mayForget, taskQueue }: ServiceOptions): Promise<Server> {
  if (process.env['TEMPORAL_ADDRESS']) {
    const temporal = temporalSettings();
    await withClient((client) => refuseSharedQueue(client, taskQueue, temporal.address), {
      settings: temporal,
      limitMs: COMMAND_LIMIT_MS,
    });
    return { temporal, stop: () => Promise.resolve() };
  }
  // It contains inputs and results of loads.
  await privateFolder(dataFolder);
  const { path: binary } = await findTemporalServer({ log: say });
  const dbFile = join(dataFolder, 'temporal.db');
  const server = await startDevServer({ binary, dbFile }).catch((error: unknown) => {
    if (mayForget !== true || !(error instanceof NightloadError) || error.code !== 'TEMPORAL_DATA_IN_USE') throw error;
    return startDevServer({ binary });
  });
  const { address, namespace, uiUrl, ended, stop } = server;
  return {
    temporal: { address, namespace, connectionOptions: { address, ...proxyOptions(address) } },
    ended,
    stop,
    ...defined({ uiUrl }),
  };
}

/** Workers of one queue share its work: each step of a load would go to one org or the other. */
async function refuseSharedQueue(client: Client, taskQueue: string, address: string): Promise<void> {
  if ((await unattendedQueue(client, taskQueue, undefined)) !== undefined) return;
  throw new NightloadError(
    'TASK_QUEUE_IN_USE',
    `A worker polls the task queue "${taskQueue}" at ${address}, or did so within the last minute; its loads would mix with the loads of this org. ` +
      'Set NIGHTLOAD_TASK_QUEUE to another name, or unset TEMPORAL_ADDRESS to start a separate server.',
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
        `Port ${options.port} is in use by another program. Use another port, or omit it to use any free port.`,
        { cause: error },
      );
    }
    throw new NightloadError('USAGE', `The simulated org cannot be started: ${message}`, { cause: error });
  }
}

/** A simulator's org is gone for good, and with it everything its ledger counts. */
async function endLedger(temporal: TemporalSettings, simulator: Simulator): Promise<void> {
  await withClient(
    (client) => client.workflow.getHandle(ALLOCATION_ID_PREFIX + new URL(simulator.url).host).terminate(),
    { settings: temporal, limitMs: COMMAND_LIMIT_MS },
  );
}

export async function startServices(options: ServiceOptions): Promise<Services> {
  Runtime.install({ ...workerLog({ level: 'ERROR', format: 'text' }), shutdownSignals: [] });
  const stops: (() => Promise<void>)[] = [];
  const stop = async (): Promise<void> => {
    for (const end of stops.splice(0).reverse()) await end().catch(() => undefined);
  };
  try {
    await mkdir(options.root, { recursive: true });
    const roots = await FileRoots.ofWorkingDirectory(options.root, process.env, (text) => say(`Warning: ${text}`));
    const server = await openServer(options);
    stops.push(server.stop);
    const simulator = await openSimulator({
      port: options.simulatorPort ?? 0,
      ...defined({ org: options.org, seedRecords: options.seedRecords, assumedRecords: options.assumedRecords }),
    });
    stops.push(() => simulator.close());
    stops.push(() => endLedger(server.temporal, simulator));
    const connection = await NativeConnection.connect(server.temporal.connectionOptions);
    stops.push(() => connection.close());
    const simulated = connectionsFromEnvironment({ SF_INSTANCE_URL: simulator.url, SF_ACCESS_TOKEN: simulator.token });
    const settings = withSfCli(simulated, options.fromSf);
    await keepSecretsOut(roots, settings);
    const worker = await startWorker({
      connection,
      dataConverter: dataConverterFromEnvironment(),
      namespace: server.temporal.namespace,
      taskQueue: options.taskQueue,
      connections: new Map([...settings].map(([name, one]) => [name, openConnection(one)])),
      fixers: fixersFrom(process.env),
      notifier: notifierFrom(process.env, (text) => say(`Warning: ${text}`)),
      uiUrl: uiUrlFrom(process.env),
      roots,
    });
    stops.push(() => worker.stop());
    return {
      temporal: server.temporal,
      simulator,
      worker,
      stop,
      ...defined({ uiUrl: server.uiUrl, serverEnded: server.ended }),
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Settles on Ctrl-C or SIGTERM. */
export function interrupted(): Promise<void> {
  return new Promise((done) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => done());
  });
}
