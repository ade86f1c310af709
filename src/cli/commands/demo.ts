/** `nightload demo`: everything on this machine, a real load on a real Temporal server, into a simulated org. */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { startBulkLoad } from '../../client/start-load.js';
import { privateFolder } from '../../dev/private-data.js';
import { printJson, say } from '../shared/output.js';
import { INTERRUPTED } from '../shared/exit-codes.js';
import { follow } from '../shared/progress/follow.js';
import { printResult } from '../shared/result/print-result.js';
import { interrupted, startServices } from '../shared/services/start-services.js';
import { DEV_FOLDER } from '../../workers/startup/secret-paths.js';
import { withClient } from '../temporal/connect.js';
import { writeDemoAccounts } from '../shared/services/demo-data.js';

const ACCOUNTS = 25_000;
export async function demo(options: { keep?: boolean; json?: boolean }): Promise<number> {
  const dataFolder = join(process.cwd(), DEV_FOLDER);
  const root = join(dataFolder, 'demo');
  for (const folder of [dataFolder, root]) await privateFolder(folder);
  const source = join(root, 'accounts.csv');
  await writeDemoAccounts(source, ACCOUNTS);
  say(`${ACCOUNTS} accounts in ${source}, some with errors of each kind, some locked at the first attempt.`);
  // Its own queue: a demo must not take work from a worker that runs here, nor from another demo.
  const taskQueue = `nightload-demo-${randomUUID().slice(0, 8)}`;
  const services = await startServices({ dataFolder, root, taskQueue, mayForget: true });
  const { temporal, uiUrl, simulator } = services;
  say(`Temporal server at ${temporal.address}, simulated org at ${simulator.url}, a worker.`);
  const local = { settings: temporal };
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
      const result = await follow(client, handle, { taskQueue });
      if ('detached' in result) {
        if (result.error !== undefined) say(`nightload: ${result.error.code}: ${result.error.message}`);
        return INTERRUPTED;
      }
      await printResult(result, (Date.now() - began) / 1000);
      if (uiUrl !== undefined) {
        const path = `namespaces/${temporal.namespace}/workflows/${encodeURIComponent(result.workflowId)}/${result.runId}`;
        say('');
        say(`The load in the Temporal UI: ${uiUrl}/${path}`);
      }
      if (options.json === true) printJson(result);
      if (options.keep === true) {
        say('Everything keeps running until Ctrl-C.');
        await interrupted();
      } else if (uiUrl !== undefined) say('(The server stops with the demo; use --keep to keep it running.)');
      return result.balanced ? 0 : 1;
    }, local);
  } finally {
    await services.stop();
  }
}
