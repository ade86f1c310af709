/** `nightload demo`: everything on this machine, a real load on a real Temporal server, into a simulated org. */
import { randomUUID } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { startBulkLoad } from '../../client.js';
import { printJson, say } from '../failure.js';
import { follow } from '../follow.js';
import { printResult } from '../report.js';
import { interrupted, startServices } from '../services.js';
import { withClient } from '../temporal.js';
import { writeDemoAccounts } from '../demo-data.js';

const ACCOUNTS = 25_000;
export async function demo(options: { keep?: boolean; json?: boolean }): Promise<number> {
  const dataFolder = join(process.cwd(), '.nightload');
  const root = join(dataFolder, 'demo');
  await mkdir(root, { recursive: true, mode: 0o700 });
  const source = join(root, 'accounts.csv');
  await writeDemoAccounts(source, ACCOUNTS);
  say(`${ACCOUNTS} accounts in ${source}, some bad in each way, some locked at the first try.`);
  // A queue of its own: a demo must not take work from a worker that runs here, nor from another demo.
  const taskQueue = `nightload-demo-${randomUUID().slice(0, 8)}`;
  const services = await startServices({ dataFolder, root, taskQueue, mayForget: true });
  const { temporal, uiUrl, simulator } = services;
  say(`Temporal server at ${temporal.address}, simulated org at ${simulator.url}, a worker.`);
  try {
    return await withClient(async (client) => {
      const began = Date.now();
      const handle = await startBulkLoad(
        client,
        {
          source: pathToFileURL(source).href,
          object: 'Account',
          operation: 'upsert',
          externalIdFieldName: 'External_Id__c',
          loadId: `demo-${new Date(began).toISOString().replace(/\D/g, '').slice(0, 14)}`,
          poll: { initialInterval: '500ms' },
          retry: { initialWait: '1s' },
        },
        { taskQueue },
      );
      const result = await follow(client, handle, taskQueue);
      if ('detached' in result) {
        if (result.error !== undefined) say(`nightload: ${result.error.code}: ${result.error.message}`);
        return 130;
      }
      await printResult(result, (Date.now() - began) / 1000);
      if (uiUrl !== undefined) {
        const path = `namespaces/${temporal.namespace}/workflows/${encodeURIComponent(result.workflowId)}/${result.runId}`;
        say(`\nThe load in the Temporal UI: ${uiUrl}/${path}`);
      }
      if (options.json === true) printJson(result);
      if (options.keep === true) {
        say('Everything stays up until Ctrl-C.');
        await interrupted();
      } else if (uiUrl !== undefined) say('(Run it with --keep to look around: the server ends with the demo.)');
      return result.balanced ? 0 : 1;
    }, temporal);
  } finally {
    await services.stop();
  }
}
