/**
 * What a program says that runs nightload's steps itself, and what is made of it: connections, folders, activities.
 * Everything has the default that `nightload worker` has.
 */
import { resolve } from 'node:path';
import type { DataConverter } from '@temporalio/common';
import type { NativeConnection } from '@temporalio/worker';
import type { Activities } from '../activities/index.js';
import { dataConverterFromEnvironment } from '../codec/data-converter.js';
import { DEFAULT_TASK_QUEUE } from '../contract.js';
import {
  allocationsOf,
  allowsOf,
  connectionsFromEnvironment,
  openConnection,
  secretPathsOf,
} from '../salesforce/settings.js';
import type { ConnectionSettings, Environment } from '../salesforce/settings.js';
import { FileRoots, folderUri } from '../storage/roots.js';
import { checkedFixers, fixersFrom } from './fixers.js';
import { prepareActivities, startWorker as startOpened } from './worker.js';
import type { NightloadWorkerOptions, RunningWorker } from './worker.js';

export interface HostOptions {
  /** Orgs by name. @default those of the environment: `NIGHTLOAD_CONNECTIONS`, else the `SF_*` variables */
  connections?: ReadonlyMap<string, ConnectionSettings>;
  /** Fixers that loads may name, as `activity@taskQueue`. @default those of `NIGHTLOAD_FIXERS`, else none */
  fixers?: readonly string[];
  /** Folders that may be read and written. @default `NIGHTLOAD_FILE_ROOTS`, else the working directory */
  roots?: readonly [string, ...string[]];
  /**
   * Where results go of loads that name no output: a folder, or a URI.
   * @default `NIGHTLOAD_OUTPUT`, else `<first root>/nightload-results`
   */
  output?: string;
}

export interface ServerOptions {
  connection: NativeConnection;
  /** How payloads are encrypted. @default `dataConverterFromEnvironment()`: `NIGHTLOAD_CODEC_KEYS` */
  dataConverter?: DataConverter;
  /** @default 'default' */
  namespace?: string;
  /** @default 'nightload' */
  taskQueue?: string;
}

/** nightload's steps, ready to be given to a worker. */
export interface OpenActivities {
  activities: Activities;
  /** A second worker must poll this queue with the same activities: the steps on files run there. */
  filesQueue: string;
  /** Ends the connections to the orgs. */
  close(): Promise<void>;
}

/** Those of a connections file, by name. */
export function connectionsFromFile(
  path: string,
  env: Environment = process.env,
  warn?: (text: string) => void,
): Map<string, ConnectionSettings> {
  return connectionsFromEnvironment({ ...env, NIGHTLOAD_CONNECTIONS: path }, warn);
}

/**
 * Starts what `nightload worker` runs: workflows, steps and the Nexus service. The connection to Temporal stays open
 * when the worker has ended.
 */
export async function startWorker(options: HostOptions & ServerOptions): Promise<RunningWorker> {
  const opened = await open(options);
  try {
    return await startOpened(opened);
  } catch (error) {
    await closeOrgs(opened);
    throw error;
  }
}

/** The options of a worker, orgs and folders opened. */
async function open(options: HostOptions & ServerOptions): Promise<NightloadWorkerOptions> {
  const { env } = process;
  const { connection, namespace = 'default', taskQueue = DEFAULT_TASK_QUEUE } = options;
  // Folders first: nothing is open yet when one is missing.
  const roots = await (options.roots === undefined
    ? FileRoots.fromEnvironment(env, process.cwd())
    : FileRoots.open(options.roots));
  const settings = options.connections ?? connectionsFromEnvironment(env);
  await roots.keepOut(secretPathsOf(settings));
  const output = options.output ?? env['NIGHTLOAD_OUTPUT'];
  return {
    connection,
    namespace,
    taskQueue,
    dataConverter: options.dataConverter ?? dataConverterFromEnvironment(env),
    connections: new Map([...settings].map(([name, one]) => [name, openConnection(one)])),
    allocations: allocationsOf(settings),
    allows: allowsOf(settings),
    fixers: options.fixers === undefined ? fixersFrom(env) : checkedFixers(options.fixers, 'fixers'),
    roots,
    ...(output ? { defaultOutput: /^[a-z][a-z0-9]+:/.test(output) ? output : folderUri(resolve(output)) } : {}),
  };
}

/** The steps by themselves, for a worker that is put together by hand; `NightloadPlugin` does all of it. */
export async function openActivities(options: HostOptions & ServerOptions): Promise<OpenActivities> {
  const opened = await open(options);
  try {
    return { ...(await prepareActivities(opened)), close: () => closeOrgs(opened) };
  } catch (error) {
    await closeOrgs(opened);
    throw error;
  }
}

async function closeOrgs({ connections }: NightloadWorkerOptions): Promise<void> {
  await Promise.all([...connections.values()].map((org) => org.close().catch(() => undefined)));
}
