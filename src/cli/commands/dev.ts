/** `nightload dev` and `nightload simulator`: services in the foreground. */
import { join } from 'node:path';
import { DEFAULT_TASK_QUEUE } from '../../contract.js';
import { startSimulator } from '../../simulator/index.js';
import { say } from '../failure.js';
import { interrupted, startServices } from '../services.js';
import { taskQueueFrom } from '../temporal.js';

export async function dev(options: { simulatorPort?: number }): Promise<number> {
  const services = await startServices({
    dataFolder: join(process.cwd(), '.nightload'),
    root: process.cwd(),
    taskQueue: taskQueueFrom(process.env, DEFAULT_TASK_QUEUE),
    ...(options.simulatorPort !== undefined && { simulatorPort: options.simulatorPort }),
  });
  const { temporal, uiUrl, simulator } = services;
  say(`Temporal server  ${temporal.address}${uiUrl === undefined ? '' : `   UI ${uiUrl}`}`);
  say(`Simulated org    ${simulator.url}   token ${simulator.token}`);
  say(`Worker           reads and writes files below ${process.cwd()}`);
  say('\nIn another terminal, in this folder:');
  say(`  export TEMPORAL_ADDRESS=${temporal.address}`);
  say('  npx nightload load FILE.csv --object Account --operation upsert --external-id External_Id__c');
  say('\nCtrl-C ends everything; what the Temporal server knows is kept for the next time.');
  await interrupted();
  say('\nStopping…');
  await services.stop();
  return 0;
}

export async function simulator(options: { port?: number; speed?: number }): Promise<number> {
  const org = await startSimulator({
    port: options.port ?? 0,
    ...(options.speed !== undefined && { recordsPerSecond: options.speed }),
  });
  say(`Simulated org at ${org.url}. For a worker:`);
  say(`  export SF_INSTANCE_URL=${org.url} SF_ACCESS_TOKEN='${org.token}'`);
  await interrupted();
  await org.close();
  return 0;
}
