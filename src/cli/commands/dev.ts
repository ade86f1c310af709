/** `nightload dev` and `nightload simulator`: services in the foreground. */
import { join } from 'node:path';
import { DEFAULT_TASK_QUEUE } from '../../contract/names.js';
import { NightloadError } from '../../errors.js';
import { readSettingsFile } from '../shared/local-files.js';
import { asFault, KEY_HEADER } from '../../simulator/index.js';
import type { Fault, Simulator, SimulatorOptions } from '../../simulator/index.js';
import { assumedObjects } from '../shared/rehearsal/assumed-records.js';
import { say } from '../shared/output.js';
import { asSeeds } from '../shared/input/seed-records.js';
import { interrupted, openSimulator, startServices } from '../shared/services/start-services.js';
import { DEV_FOLDER } from '../../workers/startup/secret-paths.js';
import { taskQueueFrom } from '../temporal/connect.js';
import { defined } from '../../domain/defined.js';

export interface DevOptions {
  simulatorPort?: number;
  fromSf?: string;
  /** Folder that describes the org. */
  org?: string;
  /** `Account=accounts.csv` */
  seedRecords?: string[];
}

export async function dev(options: DevOptions): Promise<number> {
  const { seedRecords: given = [], org } = options;
  const seedRecords = asSeeds(given);
  const services = await startServices({
    dataFolder: join(process.cwd(), DEV_FOLDER),
    root: process.cwd(),
    taskQueue: taskQueueFrom(process.env, DEFAULT_TASK_QUEUE),
    ...defined({ simulatorPort: options.simulatorPort, fromSf: options.fromSf, org }),
    seedRecords,
    assumedRecords: org === undefined ? [] : await assumedObjects(org, seedRecords),
  });
  const { temporal, uiUrl, simulator, serverEnded } = services;
  say(`Temporal server  ${temporal.address}${uiUrl === undefined ? '' : `   UI ${uiUrl}`}`);
  say(`Simulated org    ${simulator.url}   token ${simulator.token}`);
  say(`Its control API  ${simulator.url}/__simulator/   ${KEY_HEADER}: ${simulator.controlKey}`);
  if (org !== undefined) sayOrg(simulator, org);
  say(`Worker           reads and writes files below ${process.cwd()}`);
  say('');
  say('In another terminal, in this folder:');
  say(`  export TEMPORAL_ADDRESS=${temporal.address}`);
  say('  npx nightload load FILE.csv --object Account --operation upsert --external-id External_Id__c');
  say('');
  say('Ctrl-C stops everything; the state of the Temporal server is kept for the next start.');
  const isAlone = await Promise.race([
    interrupted().then(() => false),
    ...(serverEnded ? [serverEnded.then(() => true)] : []),
  ]);
  say('');
  say('Stopping…');
  await services.stop();
  if (!isAlone) return 0;
  throw new NightloadError(
    'TEMPORAL_SERVER_ENDED',
    'The Temporal server ended by itself. Its state is kept: start `nightload dev` again.',
  );
}

export interface SimulatorCommand {
  port?: number;
  speed?: number;
  /** JSON files: a list of faults, and the org's options. */
  faults?: string;
  options?: string;
  /** Folder that describes the org. */
  org?: string;
  /** Folder that keeps records and jobs. */
  data?: string;
  /** `Account=accounts.csv` */
  seedRecords?: string[];
}

export async function simulator(command: SimulatorCommand): Promise<number> {
  const { port, speed, faults, options, org: folder, data } = command;
  const org = await openSimulator({
    ...(options !== undefined && asOptions(await readJson(options, '--options'), options)),
    ...defined({ port, recordsPerSecond: speed, org: folder, data }),
    ...(command.seedRecords !== undefined && { seedRecords: asSeeds(command.seedRecords) }),
    ...(faults !== undefined && { faults: asFaults(await readJson(faults, '--faults')) }),
  });
  say(`Simulated org at ${org.url}. For a worker:`);
  say(`  export SF_INSTANCE_URL=${org.url} SF_ACCESS_TOKEN='${org.token}'`);
  say(`Its control API is ${org.url}/__simulator/, with the header ${KEY_HEADER}: ${org.controlKey}`);
  if (folder !== undefined) sayOrg(org, folder);
  await interrupted();
  await org.close();
  return 0;
}

/** What was read from the folder, and what of it is not applied. */
function sayOrg({ users, unevaluatedRules }: Simulator, folder: string): void {
  say(`The org is described in ${folder}. Its users:`);
  for (const { username, token } of users) say(`  ${username}   token ${token}`);
  if (unevaluatedRules.length === 0) return;
  say(`Not applied (${unevaluatedRules.length}):`);
  for (const { object, kind, name, reason } of unevaluatedRules) say(`  ${object}, ${kind} ${name}: ${reason}`);
}

function asOptions(value: unknown, path: string): SimulatorOptions {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  throw new NightloadError('USAGE', `--options ${path}: the file must contain an object`);
}

async function readJson(path: string, option: string): Promise<unknown> {
  try {
    return JSON.parse(readSettingsFile(path).toString('utf8')) as unknown;
  } catch (error) {
    throw new NightloadError('USAGE', `${option} ${path}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function asFaults(value: unknown): Fault[] {
  if (!Array.isArray(value)) throw new NightloadError('USAGE', '--faults: the file must contain a list of faults');
  try {
    return value.map(asFault);
  } catch (error) {
    throw new NightloadError('USAGE', `--faults: ${error instanceof Error ? error.message : String(error)}`);
  }
}
