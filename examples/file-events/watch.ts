/** Every CSV that lands in a folder becomes a load: node watch.js /data/incoming */
import { watch } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { AlreadyLoadedError, startBulkLoad } from 'nightload';

const folder = resolve(process.argv[2] ?? '.');
const { connectionOptions, namespace = 'default' } = loadClientConnectConfig();
const client = new Client({ connection: await Connection.connect(connectionOptions), namespace });

/** The file name is the business key: repeated events result in one load. */
async function onFile(name: string): Promise<void> {
  if (!/^accounts-[\w.-]+\.csv$/.test(name)) return;
  try {
    const { joined, workflowId } = await startBulkLoad(client, {
      loadId: basename(name, '.csv'),
      source: pathToFileURL(join(folder, name)).href,
      object: 'Account',
      operation: 'upsert',
      externalIdFieldName: 'External_Id__c',
      // Starts when the file is no longer being written.
      waitForSource: '10 minutes',
    });
    console.log(`${name}: ${workflowId} ${joined ? 'runs already' : 'started'}`);
  } catch (error) {
    if (!(error instanceof AlreadyLoadedError)) throw error;
    console.log(`${name}: was loaded before`);
  }
}

function handle(name: string): void {
  onFile(name).catch((error: unknown) => console.error(`${name}: ${String(error)}`));
}

watch(folder, (_event, name) => name !== null && handle(name));
// Files that arrived while this program was not running.
for (const name of await readdir(folder)) handle(name);
console.log(`watching ${folder}`);
