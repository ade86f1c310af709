/**
 * Options of a program that runs nightload's activities itself, and what they resolve to: connections, folders,
 * activities. All defaults are those of `nightload worker`.
 */
import { resolve } from 'node:path';
import type { DataConverter } from '@temporalio/common';
import { Runtime } from '@temporalio/worker';
import type { NativeConnection } from '@temporalio/worker';
import { dataConverterFromEnvironment } from '../codec/data-converter.js';
import { DEFAULT_TASK_QUEUE } from '../contract/names.js';
import { allocationsOf, allowsOf } from '../salesforce/config/connection-facts.js';
import { connectionsFromEnvironment } from '../salesforce/config/connections-from-env.js';
import { openConnection } from '../salesforce/config/open-connection.js';
import type { ConnectionSettings, Environment } from '../salesforce/config/connection-settings.js';
import { FileRoots } from '../storage/files/file-roots.js';
import { folderUri } from '../storage/locations.js';
import { deploymentFrom } from './versions/deployment.js';
import { checkedFixers, fixersFrom } from './fixers.js';
import { notifierFrom } from './notifier.js';
import { uiUrlFrom } from './ui-url.js';
import { keepSecretsOut } from './startup/secret-paths.js';
import { prepareActivities, startWorker as startOpened } from './create-worker.js';
import type { NightloadWorkerOptions, PreparedActivities, RunningWorker } from './create-worker.js';
import { checkedSlots, slotsFrom } from './slots.js';
import type { Slots } from './slots.js';

export interface HostOptions {
  /** Orgs by name. @default those of the environment: `NIGHTLOAD_CONNECTIONS`, otherwise the `SF_*` variables */
  connections?: ReadonlyMap<string, ConnectionSettings>;
  /** Fixers that loads may name, as `activity@taskQueue`. @default those of `NIGHTLOAD_FIXERS`, otherwise none */
  fixers?: readonly string[];
  /** Folders that may be read and written. @default `NIGHTLOAD_FILE_ROOTS`, otherwise the working directory */
  roots?: readonly [string, ...string[]];
  /**
   * Where results of loads without an output go: a folder, or a URI.
   * @default `NIGHTLOAD_OUTPUT`, otherwise `<first root>/nightload-results`
   */
  output?: string;
  /**
   * How many steps run at a time.
   * @default those of `NIGHTLOAD_MAX_UPLOADS`, `NIGHTLOAD_MAX_FILE_STEPS`, `NIGHTLOAD_MAX_CALLS`, `NIGHTLOAD_TUNER`
   */
  slots?: Partial<Slots>;
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

/**
 * nightload's activities, ready to be passed to a worker. Further workers must poll `filesQueue`, `objectsQueue` if it
 * is set, and each of `uploadsQueues` with the same activities: the steps on files run there.
 */
export interface OpenActivities extends PreparedActivities {
  /** Closes the connections to the orgs. */
  close(): Promise<void>;
}

/** Connections of a file, by name. */
export function connectionsFromFile(
  path: string,
  env: Environment = process.env,
  warn?: (text: string) => void,
): Map<string, ConnectionSettings> {
  return connectionsFromEnvironment({ ...env, NIGHTLOAD_CONNECTIONS: path }, warn);
}

/**
 * Starts what `nightload worker` runs: workflows, activities and the Nexus service; with `NIGHTLOAD_DEPLOYMENT`, as a
 * version of that deployment. The connection to Temporal stays
 * open when the worker has ended.
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

export function slotsOf({ slots }: HostOptions): Slots {
  return slots === undefined ? slotsFrom(process.env) : checkedSlots(slots);
}

/** The options of a worker, with orgs and folders opened. */
async function open(options: HostOptions & ServerOptions): Promise<NightloadWorkerOptions> {
  const { env } = process;
  const { connection, namespace = 'default', taskQueue = DEFAULT_TASK_QUEUE } = options;
  const slots = slotsOf(options);
  // Folders first: nothing is open yet if one is missing.
  const roots = await (options.roots === undefined
    ? FileRoots.fromEnvironment(env, process.cwd(), (text) => Runtime.instance().logger.warn(text))
    : FileRoots.open(options.roots, env));
  const settings = options.connections ?? connectionsFromEnvironment(env);
  await keepSecretsOut(roots, settings, env);
  const output = options.output ?? env['NIGHTLOAD_OUTPUT'];
  return {
    connection,
    namespace,
    taskQueue,
    dataConverter: options.dataConverter ?? dataConverterFromEnvironment(env),
    connections: new Map([...settings].map(([name, one]) => [name, openConnection(one)])),
    allocations: allocationsOf(settings),
    allows: allowsOf(settings),
    slots,
    deployment: deploymentFrom(env),
    fixers: options.fixers === undefined ? fixersFrom(env) : checkedFixers(options.fixers, 'fixers'),
    notifier: notifierFrom(env, (text) => Runtime.instance().logger.warn(text)),
    uiUrl: uiUrlFrom(env),
    roots,
    ...(output ? { defaultOutput: /^[a-z][a-z0-9]+:/.test(output) ? output : folderUri(resolve(output)) } : {}),
  };
}

/** Only the activities, for a worker that you assemble yourself; `NightloadPlugin` does all of it. */
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
